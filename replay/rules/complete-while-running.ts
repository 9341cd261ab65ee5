import type { Moment, Rule } from '../rule.ts';
import { GivenBackPages } from './shared/given-back.ts';
import { type Beat, tellBeat, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/**
 * CompleteDMA does not look at the device: beats that come after it fault, or without an IOMMU hit whatever has the
 * frame now (facts §4.4, §10 (12), (13)). Ordered before the completion are those with no register write since.
 */
export const completeWhileRunning: Rule = {
  name: 'complete-while-running',
  severity: 'error',
  advice: 'Stop the device, or wait for its status, before CompleteDMA or the last release of the command.',
  watch(report) {
    const given = new GivenBackPages();
    const beat = (event: Beat, { seq, actor, world }: Moment): void => {
      if (given.pages.size === 0) return;
      const back = given.pages.get(Math.floor(event.address / world.machine.pageSize));
      if (back === undefined || back.doorbells !== given.doorbells) return;
      report({
        message: () => `the device goes on after its command was completed:
  event ${back.prepared}: command #${back.command} was prepared
  event ${back.seq}: ${who(world, back.actor)} took its bus addresses away
  event ${seq}: ${who(world, actor)} ${tellBeat(event)}: ${event.status}; nothing has told the device to since`,
        seq,
        actors: [back.actor, actor],
        key: `${back.command} ${back.prepared}`,
      });
    };
    return { on: together(given.on, { 'dma.read': beat, 'dma.write': beat }) };
  },
};
