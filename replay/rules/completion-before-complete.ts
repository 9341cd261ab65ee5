import type { Rule, Watch } from '../rule.ts';
import { Calls } from './shared/calls.ts';
import { Preparations } from './shared/preparations.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

interface Announced {
  readonly seq: number;
  readonly actor: number;
  /** Completions sent since the memory was prepared. */
  count: number;
}

/**
 * The app is told that its call is complete while its memory is still prepared, and CompleteDMA comes later: in between
 * the app frees memory that the device can reach (facts §10 (11)). Memory that stays prepared over several completions
 * is a stream, and meant to.
 */
export const completionBeforeComplete: Rule = {
  name: 'completion-before-complete',
  severity: 'error',
  advice: 'First CompleteDMA, then AsyncCompletion.',
  watch(report) {
    const calls = new Calls();
    /** By command: the first completion of its call since it was prepared. */
    const announced = new Map<number, Announced>();
    const preparations = new Preparations(({ command }) => void announced.delete(command));
    const own: Watch['on'] = {
      'port.send': ({ action }, { seq, actor, world }) => {
        const call = calls.of(action);
        if (call === undefined) return;
        for (const { command, descriptor } of preparations.live.values()) {
          if (calls.ofMemory(descriptor, world) !== call) continue;
          const before = announced.get(command);
          if (before === undefined) announced.set(command, { seq, actor, count: 1 });
          else before.count += 1;
        }
      },
      'command.complete': ({ command }, { seq, actor, world }) => {
        const sent = announced.get(command);
        const preparation = preparations.live.get(command);
        if (sent?.count !== 1 || preparation === undefined) return;
        const call = calls.ofMemory(preparation.descriptor, world)!;
        report({
          message: `call #${call.call} of ${who(world, call.actor)} was completed before its memory:
  event ${preparation.seq}: ${who(world, preparation.actor)} prepared command #${command} with ${tellMemory(world, preparation.descriptor)}
  event ${sent.seq}: ${who(world, sent.actor)} sent the completion: the app may free the memory from here on
  event ${seq}: ${who(world, actor)} completed the command`,
          seq,
          actors: [sent.actor, actor],
          key: String(call.call),
        });
      },
    };
    // The command's end is looked at before the book of preparations forgets it.
    return { on: together(calls.on, own, preparations.on) };
  },
};
