/** Memory pressure (facts §9 "swap-out / compression"). */
import { act, now, type Program } from '../operation.ts';
import type { World } from '../world.ts';

/** Pages that the kernel may take: those of processes, unless wired; its own buffers stay in memory. */
function* reclaimable(world: World): Generator<{ object: number; page: number; frame: number }> {
  const own = new Set<number>();
  for (const { type, parts } of world.descriptors.values())
    if (type === 'buffer') for (const { object } of parts) own.add(object);
  for (const { id, pages } of world.objects.values()) {
    if (own.has(id)) continue;
    for (const [page, frame] of pages) if (world.frames.get(frame)!.wires === 0) yield { object: id, page, frame };
  }
}

/**
 * Has the kernel swap out the pages that are not wired, and drop those that were given up with `MADV_FREE`, one step for
 * each; evaluates to how many. No call of a Mac's: a thread that stands for memory pressure.
 */
export function* reclaim(): Program<number> {
  let taken = 0;
  for (const { object, page } of yield* now(({ world }) => [...reclaimable(world)])) {
    yield* act('page out', 'kernel', (step) => {
      const frame = step.world.objects.get(object)?.pages.get(page);
      // Meanwhile it may have been wired, or be gone.
      if (frame === undefined || step.world.frames.get(frame)!.wires > 0) {
        step.emit({ kind: 'refuse', code: 0, call: 'page out' });
        return;
      }
      const { discardable } = step.world.frames.get(frame)!;
      step.emit({ kind: discardable ? 'page.drop' : 'page.swap-out', object, page, frame });
      taken += 1;
    });
  }
  return taken;
}
