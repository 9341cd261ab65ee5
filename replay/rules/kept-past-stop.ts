import type { Moment, Rule, Watch } from '../rule.ts';
import { stoppedTransfers } from './shared/stopped-transfers.ts';
import { tellBeat, tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A dext goes on with the memory of a client that is past Stop: the process may be gone, its task is not kept (facts §2.2, §3.6, §10 (31)). */
export const keptPastStop: Rule = {
  name: 'kept-past-stop',
  severity: 'error',
  advice: 'In Stop, complete and release every command, mapping and descriptor of the client.',
  watch(report) {
    const late = (descriptor: number, stop: number, what: string, { seq, actor, world }: Moment): void => {
      report({
        message: `${who(world, actor)} ${what} ${tellMemory(world, descriptor)}, whose client is past Stop:
  event ${stop}: the client was stopped
  event ${seq}: its memory is used`,
        seq,
        actors: [actor],
        key: String(descriptor),
      });
    };
    const transfers = stoppedTransfers(({ preparation, seq: stop }, event, at, running) => {
      if (running || event.status !== 'ok') return;
      late(preparation.descriptor, stop, `${tellBeat(event)} on`, at);
    });
    const used = (descriptor: number, what: string, at: Moment): void => {
      const stop = transfers.clients.stoppedAt(descriptor, at.world);
      if (stop !== undefined) late(descriptor, stop, what, at);
    };
    const own: Watch['on'] = {
      'command.activate': ({ command }, at) => used(at.world.commands.get(command)!.descriptor, 'prepares', at),
      'mapping.create': ({ descriptor }, at) => used(descriptor, 'maps', at),
      'mapping.again': ({ descriptor }, at) => used(descriptor, 'maps', at),
    };
    return { on: together(transfers.on, own), beat: transfers.beat };
  },
};
