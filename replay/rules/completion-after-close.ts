import { kIOReturnSuccess } from '../../core/codes.ts';
import type { World } from '../../core/world.ts';
import type { Moment, Rule, Watch } from '../rule.ts';
import { Calls } from './shared/calls.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A message that lies in a port. */
interface Message {
  readonly action: number;
  readonly seq: number;
  /** Whether it says that the transfer went on to its end although the connection was closing. */
  readonly late: boolean;
}

/**
 * A completion is sent after Stop is done: nobody has the port any more. Or an app that has closed the connection and
 * kept the port takes a success from it, of a request that was over for it (facts §3.6, §10 (30)).
 */
export const completionAfterClose: Rule = {
  name: 'completion-after-close',
  severity: 'error',
  advice:
    'The app must wait for what is outstanding before it closes; the dext must complete the rest as aborted before super::Stop.',
  watch(report) {
    const calls = new Calls();
    /** By actor: the action that its call into the kernel was given. */
    const inside = new Map<number, number>();
    /** By connection: the events that closed and stopped it. */
    const closed = new Map<number, number>();
    const stopped = new Map<number, number>();
    const ports = new Map<number, Message[]>();
    const tell = (action: number, what: string, seq: number, actor: number, world: World): void => {
      const { call, connection, actor: caller } = calls.of(action)!;
      const stop = stopped.get(connection);
      report({
        message: `${who(world, actor)} ${what} call #${call}, whose connection #${connection} was closed:
  event ${closed.get(connection)!}: it was closed${stop === undefined ? '' : `; event ${stop}: super::Stop was called`}
  event ${seq}: action #${action} is completed`,
        seq,
        actors: [caller, actor],
        key: String(action),
      });
    };
    const sent = (action: number, { seq, actor, world }: Moment): void => {
      if (stopped.has(calls.of(action)?.connection ?? 0)) tell(action, 'completes', seq, actor, world);
    };
    const own: Watch['on'] = {
      'connection.state': ({ connection, state }, { seq }) => {
        if (!closed.has(connection)) closed.set(connection, seq);
        if (state === 'stopped') stopped.set(connection, seq);
      },
      'object.retain': ({ object }, { actor, world }) => {
        if (world.actions.has(object)) inside.set(actor, object);
      },
      'port.send': ({ port, action, code }, at) => {
        sent(action, at);
        const late = code === kIOReturnSuccess && closed.has(calls.of(action)?.connection ?? 0);
        const messages = ports.get(port);
        if (messages === undefined) ports.set(port, [{ action, seq: at.seq, late }]);
        else messages.push({ action, seq: at.seq, late });
      },
      'port.receive': ({ port }, { actor, world }) => {
        const message = ports.get(port)?.shift();
        if (message?.late) tell(message.action, 'takes the completion of', message.seq, actor, world);
      },
      refuse: ({ call, code }, at) => {
        if (call === 'AsyncCompletion' && code === kIOReturnSuccess) sent(inside.get(at.actor) ?? 0, at);
      },
    };
    return { on: together(calls.on, own) };
  },
};
