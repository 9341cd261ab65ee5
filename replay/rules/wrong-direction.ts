import type { Moment, Rule, Watch } from '../rule.ts';
import { type Preparation, Preparations } from './shared/preparations.ts';
import { type Beat, tellBeat, tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/**
 * A device writes memory that is prepared as Out, or reads what is prepared as In. An IOMMU drops it, a DART
 * reportedly does not, and without one nothing stops it (facts §4.6 "Access rights", §10 (23)).
 */
export const wrongDirection: Rule = {
  name: 'wrong-direction',
  severity: 'error',
  advice:
    "Prepare memory that the device writes with direction In or InOut: a struct output, or a descriptor of one's own.",
  watch(report) {
    const preparations = new Preparations();
    /** The last stretch that was found to be right, for reads and for writes. */
    const right = { 'dma.read': { from: 0, to: 0 }, 'dma.write': { from: 0, to: 0 } };
    const forget = (): void => void (right['dma.read'].to = right['dma.write'].to = 0);
    const beat = (event: Beat, { seq, actor, world }: Moment): void => {
      const { kind, address, length, status } = event;
      const stretch = right[kind];
      if (address >= stretch.from && address + length <= stretch.to) return;
      let wrong: Preparation | undefined;
      for (const preparation of preparations.live.values()) {
        const hit = preparation.segments.find((s) => address >= s.address && address + length <= s.address + s.length);
        if (hit === undefined) continue;
        const direction = world.descriptors.get(preparation.descriptor)?.direction;
        if (direction !== (kind === 'dma.write' ? 'out' : 'in')) {
          stretch.from = hit.address;
          stretch.to = hit.address + hit.length;
          return;
        }
        wrong = preparation;
      }
      if (wrong === undefined || (status !== 'ok' && status !== 'iommu-fault')) return;
      const { command, descriptor, seq: prepared, actor: preparer } = wrong;
      report({
        message:
          () => `${who(world, actor)} ${tellBeat(event)}: ${status === 'ok' ? 'nothing stops it here' : 'dropped'}
  event ${prepared}: ${who(world, preparer)} prepared command #${command} with ${tellMemory(world, descriptor)}`,
        seq,
        actors: [preparer, actor],
        key: `${kind} ${command} ${prepared}`,
      });
    };
    const own: Watch['on'] = {
      'command.prepared': forget,
      'command.complete': forget,
      'dma.read': beat,
      'dma.write': beat,
    };
    return { on: together(preparations.on, own) };
  },
};
