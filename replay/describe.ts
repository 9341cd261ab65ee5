/** A world in words: what there is at some event, for people. */
import { hex } from '../core/units.ts';
import type { World } from '../core/world.ts';

const list = <T>(values: Iterable<T>, line: (value: T) => string): string[] =>
  [...values].map((value) => `  ${line(value)}`);

/** Lines under headings; what there is none of is left out. */
export function describeWorld(world: World): string[] {
  const sections: [heading: string, lines: string[]][] = [
    [
      'actors',
      list(
        [...world.actors.values()].filter((a) => a.alive),
        (a) => `${a.id} ${a.name}`,
      ),
    ],
    [
      'address spaces',
      [...world.tasks.values()].flatMap((task) =>
        list(
          task.entries,
          (e) => `${task.name} ${hex(e.start)}-${hex(e.end)} object #${e.object}+${e.offset} ${e.protection}`,
        ),
      ),
    ],
    [
      'VM objects',
      list(
        world.objects.values(),
        (o) =>
          `#${o.id} ${o.pages.size} pages${o.shadow === 0 ? '' : `, rest from #${o.shadow}`}${o.copy === 0 ? '' : `, snapshot in #${o.copy}`}${o.activity === 0 ? '' : `, ${o.activity} wired`}`,
      ),
    ],
    ['frames', world.frames.size === 0 ? [] : [`  ${world.frames.size} in use, ${world.freeFrames.length} free`]],
    [
      'memory descriptors',
      list(
        world.descriptors.values(),
        (d) =>
          `#${d.id} ${d.type} ${d.ranges.map((r) => `${hex(r.address)}+${r.length}`).join(' ')} ${d.direction}${d.copyOnWrite ? ' copy-on-write' : ''}, wired ${d.wireCount}×${d.parts.some((p) => p.snapshot !== 0) ? ', snapshot' : ''}`,
      ),
    ],
    ['mappings', list(world.mappings.values(), (m) => `#${m.id} of #${m.descriptor} at ${hex(m.address)}+${m.length}`)],
    [
      'DMA commands',
      list(
        world.commands.values(),
        (c) =>
          `#${c.id} ${c.prepared ? `prepared with #${c.descriptor}: ${c.segments.map((s) => `${hex(s.address)}+${s.length}`).join(' ')}` : c.active ? 'half-dead' : 'idle'}${c.bounce === 0 ? '' : `, bounced in object #${c.bounce}`}`,
      ),
    ],
    ['IOMMU', list(world.iovas, (r) => `${hex(r.start)}-${hex(r.end)}`)],
    ['connections', list(world.connections.values(), (c) => `#${c.id} ${c.state}, ${c.readers} calls in flight`)],
    [
      'queues',
      list(
        world.queues.values(),
        (q) =>
          `#${q.id} ${q.name}: ${q.running === 0 ? 'idle' : `in ${world.items.get(q.running)?.method ?? 'an item'}`}, ${q.items.length} waiting`,
      ),
    ],
    ['ports', list(world.ports.values(), (p) => `#${p.id}: ${p.messages.length} messages`)],
    [
      'devices',
      list(world.devices.values(), (d) => `#${d.id} ${d.name}: ${d.writes.length} register writes not yet seen`),
    ],
  ];
  return sections.flatMap(([heading, lines]) => (lines.length === 0 ? [] : [heading, ...lines]));
}
