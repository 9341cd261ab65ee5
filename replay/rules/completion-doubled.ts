import { codeName } from '../../core/code-names.ts';
import type { Rule, Watch } from '../rule.ts';
import { Calls } from './shared/calls.ts';
import { Preparations } from './shared/preparations.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

interface Sent {
  readonly seq: number;
  readonly actor: number;
  readonly code: number;
  readonly values: string;
  /** Interrupts delivered until then. */
  readonly interrupts: number;
}

/**
 * A call is completed a second time. Completing again and again is also how a dext sends a stream of events (facts §3.4,
 * §10 (27)); what tells the accident is that the call's memory was given back before, or that nothing had happened
 * since: the same message, and no interrupt in between.
 */
export const completionDoubled: Rule = {
  name: 'completion-doubled',
  severity: 'error',
  advice: 'Complete a request in one place, and forget its action there.',
  watch(report) {
    const calls = new Calls();
    const last = new Map<number, Sent>();
    /** By call: its preparations that live, and the event of the last one. */
    const prepared = new Map<number, { live: number; seq: number }>();
    const byCommand = new Map<number, { live: number; seq: number }>();
    let interrupts = 0;
    const preparations = new Preparations(({ command }) => {
      const state = byCommand.get(command);
      if (state !== undefined) state.live -= 1;
      byCommand.delete(command);
    });
    const own: Watch['on'] = {
      'source.deliver': () => void (interrupts += 1),
      'command.prepared': ({ command }, { seq, world }) => {
        const call = calls.ofMemory(world.commands.get(command)!.descriptor, world);
        if (call === undefined) return;
        const state = prepared.get(call.call) ?? { live: 0, seq };
        state.live += 1;
        state.seq = seq;
        prepared.set(call.call, state);
        byCommand.set(command, state);
      },
      'port.send': ({ action, code, arguments: values }, { seq, actor, world }) => {
        const before = last.get(action);
        const now: Sent = { seq, actor, code, values: values.join(), interrupts };
        last.set(action, now);
        const call = calls.of(action);
        if (before === undefined || call === undefined) return;
        const memory = prepared.get(call.call);
        const over = memory?.live === 0 && memory.seq < before.seq;
        const same = before.code === code && before.values === now.values && before.interrupts === interrupts;
        if (!over && !(same && memory === undefined)) return;
        report({
          message: `action #${action} of call #${call.call} of ${who(world, call.actor)} is completed twice:
  event ${before.seq}: ${who(world, before.actor)} sent ${codeName(before.code)}
  event ${seq}: ${who(world, actor)} sends ${codeName(code)}, ${over ? 'after the memory of the call was given back' : 'the same message, with nothing in between'}`,
          seq,
          actors: [before.actor, actor],
          key: String(action),
        });
      },
    };
    return { on: together(calls.on, preparations.on, own) };
  },
};
