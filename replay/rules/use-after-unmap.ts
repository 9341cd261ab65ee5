import type { EventByKind } from '../../core/events.ts';
import { frameAt } from '../../core/pcie/bus.ts';
import { engineOf } from '../../core/pcie/flow.ts';
import { hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';
import { everywhere, type Beat, type Moment, type Rule, type Stretch } from '../rule.ts';
import { Bounces } from './shared/bounces.ts';
import { together } from './shared/together.ts';

/** Pages of a VM object that an app has unmapped. */
interface Unmapped {
  readonly task: number;
  /** Who did it. */
  readonly actor: number;
  readonly seq: number;
  /** Page indices in the object, `to` exclusive. */
  readonly from: number;
  readonly to: number;
}

/** Whether some app still has the page. */
function mapped(world: World, object: number, page: number): boolean {
  const { pageSize } = world.machine;
  const at = page * pageSize;
  for (const { role, task, alive } of world.actors.values()) {
    if (role !== 'app' || !alive) continue;
    const has = world.tasks
      .get(task)!
      .entries.some((e) => e.object === object && at >= e.offset && at < e.offset + e.end - e.start);
    if (has) return true;
  }
  return false;
}

/** Whether a descriptor of the app's own memory holds the frame; a buffer of the dext may well be unmapped by the app. */
function wiredFor(world: World, task: number, frame: number): boolean {
  return [...world.descriptors.values()].some(
    (descriptor) =>
      descriptor.type === 'general' &&
      descriptor.task === task &&
      descriptor.wired.some((page) => page.frame === frame),
  );
}

/** DMA to pages that the app has unmapped: they stay wired, and nobody sees what is written (facts §9 "munmap", §10 (8)). */
export const useAfterUnmap: Rule = {
  name: 'use-after-unmap',
  severity: 'error',
  advice: 'Unmap only after the completion has come.',
  watch(report) {
    /** By VM object. */
    const unmapped = new Map<number, Unmapped[]>();
    /** By frame: whose page it is. */
    const owners = new Map<number, { readonly object: number; readonly page: number }>();
    const bounces = new Bounces();

    function owned({ object, page, frame }: EventByKind['page.zero' | 'page.copy' | 'page.swap-in']): void {
      owners.set(frame, { object, page });
    }

    function beat(event: Beat, { seq, actor, world }: Moment): Stretch | undefined {
      if (unmapped.size === 0) return everywhere;
      if (event.status !== 'ok') return undefined;
      const reached = frameAt(world, event.address)!;
      const frame = bounces.of(reached)?.memory ?? reached;
      const owner = owners.get(frame);
      const hit = owner && unmapped.get(owner.object)?.find(({ from, to }) => owner.page >= from && owner.page < to);
      if (hit === undefined || mapped(world, owner!.object, owner!.page) || !wiredFor(world, hit.task, frame)) {
        return undefined;
      }
      const engine = engineOf(world, event.kind, actor);
      const name = (id: number): string => world.actors.get(id)!.name;
      report({
        message: `${name(engine)} ${event.kind === 'dma.read' ? 'reads' : 'writes'} ${event.length} bytes at ${hex(event.address)} (request ${event.request} segment ${event.segment}), in pages that ${name(hit.actor)} unmapped in event ${hit.seq}`,
        seq,
        actors: [engine, hit.actor],
        key: `${engine} ${hit.seq}`,
      });
      return undefined;
    }

    return {
      on: together(bounces.on, {
        'page.zero': owned,
        'page.copy': owned,
        'page.swap-in': owned,
        'vm.remove': ({ task, address, length }, { seq, actor, world }) => {
          // What a process loses by its end is no mistake of the app: the driver hears of that in Stop.
          if (world.actors.get(actor)?.role !== 'app') return;
          const { pageSize } = world.machine;
          for (const { object, start, end, offset } of world.tasks.get(task)!.entries) {
            const from = Math.max(start, address);
            const to = Math.min(end, address + length);
            if (from >= to) continue;
            const page = (at: number): number => (offset + at - start) / pageSize;
            const list = unmapped.get(object) ?? [];
            list.push({ task, actor, seq, from: page(from), to: page(to) });
            unmapped.set(object, list);
          }
        },
        'vm.terminate': ({ object }) => void unmapped.delete(object),
        'task.exit': ({ task }) => {
          for (const [object, list] of unmapped) {
            if (list.some((entry) => entry.task === task)) unmapped.delete(object);
          }
        },
      }),
      beat,
    };
  },
};
