import type { Rule, Watch } from '../rule.ts';
import { Calls } from './shared/calls.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A thread takes a completion while the call that it belongs to has not returned: they travel by different ports (facts §3.4, §10 (28)). */
export const completionBeforeReturn: Rule = {
  name: 'completion-before-return',
  severity: 'warning',
  advice: 'Set up what the completion needs before the call, not after it.',
  watch(report) {
    const calls = new Calls();
    /** By port: the actions of its messages, the oldest first, and the events that sent them. */
    const queues = new Map<number, { readonly action: number; readonly seq: number }[]>();
    const own: Watch['on'] = {
      'port.send': ({ port, action }, { seq }) => {
        const queue = queues.get(port);
        if (queue === undefined) queues.set(port, [{ action, seq }]);
        else queue.push({ action, seq });
      },
      'port.receive': ({ port }, { seq, actor, world }) => {
        const message = queues.get(port)?.shift();
        const call = message && calls.of(message.action);
        if (call?.returned !== -1) return;
        report({
          message: `${who(world, actor)} takes the completion of call #${call.call}, which has not returned to ${who(world, call.actor)}:
  event ${message!.seq}: it was sent while the call was under way`,
          seq,
          actors: [call.actor, actor],
          key: String(call.call),
        });
      },
    };
    return { on: together(calls.on, own) };
  },
};
