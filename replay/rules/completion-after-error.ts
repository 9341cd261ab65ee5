import { codeName } from '../../core/code-names.ts';
import { kIOReturnSuccess, MIG_SERVER_DIED } from '../../core/codes.ts';
import type { World } from '../../core/world.ts';
import type { Rule, Watch } from '../rule.ts';
import { Calls, type KnownCall } from './shared/calls.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A call returns an error, and its completion comes all the same: the app has forgotten the request (facts §3.3 (8), §10 (29)). */
export const completionAfterError: Rule = {
  name: 'completion-after-error',
  severity: 'error',
  advice: 'Either return success and complete later, or return the error and release the action.',
  watch(report) {
    const calls = new Calls();
    const sent = new Map<number, { readonly seq: number; readonly actor: number }>();
    const tell = (call: KnownCall, seq: number, world: World): void => {
      const send = sent.get(call.action)!;
      report({
        message: `call #${call.call} of ${who(world, call.actor)} fails and is completed:
  event ${call.returned}: it returned ${codeName(call.code)}
  event ${send.seq}: ${who(world, send.actor)} sent a completion with action #${call.action}`,
        seq,
        actors: [call.actor, send.actor],
        key: String(call.action),
      });
    };
    // A call that fails because the dext died says nothing about what the dext did.
    const failed = ({ code }: KnownCall): boolean => code !== kIOReturnSuccess && code !== MIG_SERVER_DIED;
    const own: Watch['on'] = {
      'port.send': ({ action }, { seq, actor, world }) => {
        sent.set(action, { seq, actor });
        const call = calls.of(action);
        if (call !== undefined && call.returned !== -1 && failed(call)) tell(call, seq, world);
      },
      'call.return': (_, { seq, actor, world }) => {
        const call = calls.latest(actor);
        if (call?.returned === seq && failed(call) && sent.has(call.action)) tell(call, seq, world);
      },
    };
    return { on: together(calls.on, own) };
  },
};
