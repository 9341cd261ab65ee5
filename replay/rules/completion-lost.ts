import { kIOReturnMessageTooLarge, kIOReturnSuccess } from '../../core/codes.ts';
import type { World } from '../../core/world.ts';
import type { Rule, Watch } from '../rule.ts';
import { Calls, type KnownCall } from './shared/calls.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/**
 * An asynchronous call that succeeded is never completed: its action went with its last reference, or carries more than
 * 16 values, or is still held when nobody can move any more (facts §3.4, §3.5, §10 (26)).
 */
export const completionLost: Rule = {
  name: 'completion-lost',
  severity: 'error',
  advice:
    'Keep the action with retain(), complete every call once with at most 16 values, in Stop too, then release it.',
  watch(report) {
    const calls = new Calls();
    const sent = new Set<number>();
    /** By action that was freed without a completion: where that happened. */
    const freed = new Map<number, { readonly seq: number; readonly actor: number }>();
    const judge = (call: KnownCall, world: World): void => {
      const free = freed.get(call.action);
      // Whoever closes a connection waits no more, unless the end shows that somebody does.
      if (free === undefined || call.code !== kIOReturnSuccess || !isOpen(call, world)) return;
      const retained = free.seq > call.returned ? '' : '; nobody had retained it beyond the call';
      report({
        message: `call #${call.call} of ${who(world, call.actor)} returned success and is never completed:
  event ${free.seq}: ${who(world, free.actor)} released action #${call.action} for the last time${retained}
  no completion had been sent with it: the app waits for ever`,
        seq: free.seq,
        actors: [call.actor, free.actor],
        key: String(call.action),
      });
    };
    const own: Watch['on'] = {
      'port.send': ({ action }) => void sent.add(action),
      'object.free': ({ object }, { seq, actor, world }) => {
        const call = calls.of(object);
        if (call?.action !== object || sent.has(object)) return;
        freed.set(object, { seq, actor });
        if (call.returned !== -1) judge(call, world);
      },
      'call.return': (_, { seq, actor, world }) => {
        const call = calls.latest(actor);
        if (call?.returned === seq && call.action !== 0) judge(call, world);
      },
      refuse: ({ call, code }, { seq, actor, world }) => {
        if (call !== 'AsyncCompletion' || code !== kIOReturnMessageTooLarge) return;
        report({
          message: `${who(world, actor)} completes a call with more than 16 values: nothing is sent, and nobody is told`,
          seq,
          actors: [actor],
          key: 'values',
        });
      },
    };
    return {
      on: together(calls.on, own),
      end(world) {
        if (![...world.actors.values()].some(({ role, alive }) => role === 'app' && alive)) return;
        for (const call of calls.asynchronous()) {
          const { action, code, returned } = call;
          if (sent.has(action) || returned === -1 || code !== kIOReturnSuccess) continue;
          const free = freed.get(action);
          if (free !== undefined && isOpen(call, world)) continue;
          const how =
            free === undefined
              ? `action #${action} is still held, with ${world.references.get(action) ?? 0} references`
              : `event ${free.seq}: ${who(world, free.actor)} released action #${action} for the last time, after the connection was closed`;
          report({
            message: `nobody can move any more, and call #${call.call} of ${who(world, call.actor)} was never completed:
  event ${returned}: it returned success
  ${how}`,
            seq: free?.seq ?? returned,
            actors: [call.actor],
            key: String(action),
          });
        }
      },
    };
  },
};

/** Whether somebody can still wait for the call: a process that is gone waits for nothing. */
function isOpen(call: KnownCall, world: World): boolean {
  const connection = world.connections.get(call.connection);
  return connection?.state === 'open' && world.tasks.get(connection.task)?.state === 'alive';
}
