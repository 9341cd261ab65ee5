import { lookup } from '../../core/memory/fault.ts';
import type { World } from '../../core/world.ts';
import type { Moment, Rule } from '../rule.ts';
import { tellMemory, who } from './shared/tell.ts';

/**
 * All mappings of a copy-on-write descriptor show the contents as of its first one. A later CreateMapping for a second
 * transfer does not see what was written since (facts §2.3, §10 (5)).
 */
export const staleSnapshot: Rule = {
  name: 'stale-snapshot',
  severity: 'error',
  advice: 'Pass the memory in a new call for each transfer, or describe it with kIOMemoryDisableCopyOnWrite.',
  watch(report) {
    const first = new Map<number, First>();
    const maps = (descriptor: number, { seq, actor, world }: Moment): void => {
      const taken = first.get(descriptor);
      if (taken === undefined) {
        first.set(descriptor, { seq, pages: pagesNow(world, descriptor) });
        return;
      }
      const page = changedPage(world, descriptor, taken);
      if (page === undefined) return;
      report({
        message: `${who(world, actor)} maps ${tellMemory(world, descriptor)} again and gets the first snapshot:
  event ${taken.seq}: its first mapping took the snapshot
  since then its page ${page} was written, which no mapping of this descriptor will ever show`,
        seq,
        actors: [actor],
        key: String(descriptor),
      });
    };
    return {
      on: {
        'mapping.create': ({ descriptor }, at) => maps(descriptor, at),
        'mapping.again': ({ descriptor }, at) => maps(descriptor, at),
        'object.free': ({ object }) => void first.delete(object),
      },
    };
  },
};

/** A descriptor's first mapping. */
interface First {
  readonly seq: number;
  /** The memory at that time, where the dext may write into the snapshot itself; else the snapshot tells. */
  readonly pages: readonly (Uint8Array | undefined)[] | undefined;
}

function pagesNow(world: World, id: number): First['pages'] {
  const { direction, copyOnWrite } = world.descriptors.get(id)!;
  if (!copyOnWrite || direction === 'out') return undefined;
  return [...pagesOf(world, id)].map(({ live }) => live?.slice());
}

/** The first page of the descriptor that is not as it was at its first mapping. */
function changedPage(world: World, id: number, { pages }: First): number | undefined {
  let index = 0;
  for (const { live, shown } of pagesOf(world, id)) {
    if (!sameBytes(live, pages === undefined ? shown : pages[index])) return index;
    index += 1;
  }
  return undefined;
}

/** The bytes of each page that was snapshot, and of its snapshot; a page without a frame is zero. */
function* pagesOf(
  world: World,
  id: number,
): Iterable<{ readonly live: Uint8Array | undefined; readonly shown: Uint8Array | undefined }> {
  const { pageSize } = world.machine;
  const bytes = (object: number, page: number): Uint8Array | undefined => {
    const seen = lookup(world, object, page);
    return seen && world.frames.get(seen.frame)!.bytes;
  };
  for (const { object, offset, length, snapshot } of world.descriptors.get(id)!.parts) {
    if (snapshot === 0) continue;
    for (let page = offset / pageSize; page < (offset + length) / pageSize; page += 1) {
      yield { live: bytes(object, page), shown: bytes(snapshot, page) };
    }
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true;
  return (a ?? b)!.every((_, i) => (a?.[i] ?? 0) === (b?.[i] ?? 0));
}
