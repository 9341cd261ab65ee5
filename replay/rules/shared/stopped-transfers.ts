import { everywhere, type Beat, type Moment, type Stretch, type Watch } from '../../rule.ts';
import { Clients } from './clients.ts';
import { Preparations, type Preparation } from './preparations.ts';
import { together } from './together.ts';

/** A client's memory that was still prepared when the client was stopped. */
export interface Stopped {
  readonly preparation: Preparation;
  readonly connection: number;
  /** The event that stopped the client, and who did. */
  readonly seq: number;
  readonly actor: number;
  /** Register writes of drivers until then. */
  readonly doorbells: number;
}

/**
 * Watches for beats on the memory of clients that are past Stop. `visit` is told whether the device was at it
 * already: no driver has written a register since.
 */
export function stoppedTransfers(
  visit: (stopped: Stopped, event: Beat, at: Moment, running: boolean) => void,
): Pick<Required<Watch>, 'on' | 'beat'> & { readonly clients: Clients } {
  const clients = new Clients();
  let doorbells = 0;
  let all: Stopped[] = [];
  const preparations = new Preparations((ended) => {
    all = all.filter(({ preparation }) => preparation !== ended);
  });
  const beat = (event: Beat, at: Moment): Stretch | undefined => {
    if (all.length === 0) return everywhere;
    const { address } = event;
    for (const stopped of all) {
      if (stopped.preparation.segments.some((s) => address >= s.address && address < s.address + s.length)) {
        visit(stopped, event, at, stopped.doorbells === doorbells);
        break;
      }
    }
    return undefined;
  };
  const own: Watch['on'] = {
    'mmio.write': () => void (doorbells += 1),
    'connection.state': ({ connection, state }, { seq, actor, world }) => {
      if (state !== 'stopped') return;
      for (const preparation of preparations.live.values()) {
        if (clients.owns(connection, preparation.descriptor, world)) {
          all.push({ preparation, connection, seq, actor, doorbells });
        }
      }
    },
  };
  return { on: together(clients.on, preparations.on, own), beat, clients };
}
