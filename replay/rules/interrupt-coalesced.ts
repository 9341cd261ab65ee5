import { kIOReturnSuccess } from '../../core/codes.ts';
import type { Rule, Watch } from '../rule.ts';
import { Calls } from './shared/calls.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** One delivery of several interrupts, and what its handler has done. */
interface Delivery {
  readonly seq: number;
  readonly actor: number;
  readonly count: number;
  completions: number;
  commands: number;
}

/**
 * A handler is called once for several interrupts, finishes one request, and another one waits for ever
 * (facts §7.2, §10 (38)).
 */
export const interruptCoalesced: Rule = {
  name: 'interrupt-coalesced',
  severity: 'error',
  advice: 'In the handler, look at every request in flight, however many interrupts it was called for.',
  watch(report) {
    const calls = new Calls();
    const sent = new Set<number>();
    const running = new Map<number, Delivery>();
    const suspects: Delivery[] = [];
    const own: Watch['on'] = {
      'source.deliver': ({ count }, { seq, actor }) => {
        if (count > 1) running.set(actor, { seq, actor, count, completions: 0, commands: 0 });
      },
      'port.send': ({ action }, { actor }) => {
        sent.add(action);
        const delivery = running.get(actor);
        if (delivery !== undefined) delivery.completions += 1;
      },
      'command.complete': (_, { actor }) => {
        const delivery = running.get(actor);
        if (delivery !== undefined) delivery.commands += 1;
      },
      'queue.done': (_, { actor }) => {
        const delivery = running.get(actor);
        if (delivery === undefined) return;
        running.delete(actor);
        if (Math.max(delivery.completions, delivery.commands) < delivery.count) suspects.push(delivery);
      },
    };
    return {
      on: together(calls.on, own),
      end(world) {
        const stuck = [...world.actors.values()].some(({ role, alive }) => role === 'app' && alive);
        if (!stuck) return;
        const waiting = [...calls.asynchronous()].filter(
          ({ action, code, returned }) => returned !== -1 && code === kIOReturnSuccess && !sent.has(action),
        );
        const inFlight = [...world.calls.keys()];
        if (waiting.length + inFlight.length === 0) return;
        for (const { seq, actor, count, completions, commands } of suspects) {
          const unanswered = waiting.map(({ call }) => `#${call}`).concat(inFlight.map((call) => `#${call}`));
          report({
            message: `${who(world, actor)} was called once for ${count} interrupts, and finished ${Math.max(completions, commands)} requests:
  nobody can move any more, and call ${unanswered.join(', ')} was never answered`,
            seq,
            actors: [actor],
            key: String(seq),
          });
        }
      },
    };
  },
};
