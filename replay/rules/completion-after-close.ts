import { kIOReturnSuccess } from '../../core/codes.ts';
import type { Moment, Rule, Watch } from '../rule.ts';
import { Calls } from './shared/calls.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A completion is sent after Stop is done: nobody has the port any more, or somebody whose buffer is gone gets it (facts §3.6, §10 (30)). */
export const completionAfterClose: Rule = {
  name: 'completion-after-close',
  severity: 'error',
  advice: 'In Stop, stop the device, complete what is outstanding as aborted, and only then call super::Stop.',
  watch(report) {
    const calls = new Calls();
    const inside = new Map<number, number>();
    const stopped = new Map<number, number>();
    const late = (action: number, { seq, actor, world }: Moment): void => {
      const call = calls.of(action);
      const stop = call && stopped.get(call.connection);
      if (stop === undefined) return;
      report({
        message: `${who(world, actor)} completes call #${call!.call} of connection #${call!.connection}, which is past Stop:
  event ${stop}: the connection was stopped
  event ${seq}: action #${action} is completed`,
        seq,
        actors: [actor, call!.actor],
        key: String(action),
      });
    };
    const own: Watch['on'] = {
      'connection.state': ({ connection, state }, { seq }) => {
        if (state === 'stopped') stopped.set(connection, seq);
      },
      'object.retain': ({ object }, { actor, world }) => {
        if (world.actions.has(object)) inside.set(actor, object);
      },
      'port.send': ({ action }, at) => late(action, at),
      refuse: ({ call, code }, at) => {
        if (call === 'AsyncCompletion' && code === kIOReturnSuccess) late(inside.get(at.actor) ?? 0, at);
      },
    };
    return { on: together(calls.on, own) };
  },
};
