/** A race in words. */
import type { World } from '../../core/world.ts';
import { hex } from '../../core/units.ts';
import { formatEvent } from '../format.ts';
import type { Access } from './access.ts';
import type { Clocks, Edge } from './clocks.ts';

/** Two accesses that nothing orders. */
export interface Pair {
  readonly first: Access;
  readonly second: Access;
  /** The event from which on the second actor is behind the first access, once there was one. */
  firstKnown?: Edge;
  /** The event from which on the first actor is behind the second access, once there was one. */
  secondKnown?: Edge;
}

const nameOf = (world: World, actor: number): string => world.actors.get(actor)?.name ?? `actor ${actor}`;

/** Where in its request a beat is. */
function detail({ event, origin, address }: Access, world: World): string {
  switch (event.kind) {
    case 'dma.read':
    case 'dma.write': {
      const beat = Math.floor((address - origin.begin) / world.machine.beat);
      return `${event.kind}, request ${event.request} segment ${event.segment} beat ${beat}`;
    }
    case 'command.sync':
      return `the copy ${event.direction === 'out' ? 'to' : 'from'} a bounce page of command #${event.command}`;
    case 'descriptor.snapshot':
      return `the snapshot of descriptor #${event.descriptor}, ${event.mechanism}`;
    default:
      return event.kind;
  }
}

/** One access: who, which way, which bytes, and as what. */
export function accessLine(access: Access, world: World): string {
  const { seq, origin, kind, from, to, address } = access;
  const held = origin.held.map((mutex) => `, holding mutex #${mutex}`).join('');
  return `event ${seq}: ${nameOf(world, origin.actor)} ${kind.write ? 'writes' : 'reads'} ${to - from} bytes at ${hex(address)} (${detail(access, world)}${held})`;
}

/** The last thing of the other actor that an access is ordered behind. */
function before({ origin }: Access, other: number, clocks: Clocks, world: World): string {
  const edge = clocks.endOf(other, origin.clock[other] ?? 0);
  if (edge === undefined) return `after nothing that ${nameOf(world, other)} did`;
  return `after what ${nameOf(world, other)} did up to event ${edge.seq} (${formatEvent(edge.event)})`;
}

/** From when on an actor is behind the other's access. */
function later(edge: Edge | undefined, actor: number, which: string, world: World): string[] {
  if (edge === undefined) return [];
  return [`  from event ${edge.seq} on (${formatEvent(edge.event)}) ${nameOf(world, actor)} is behind the ${which}`];
}

/** The whole story of a pair, and of how many more there are like it. */
export function pairStory(pair: Pair, pairs: number, clocks: Clocks, world: World): string {
  const { first, second } = pair;
  const { actor: a } = first.origin;
  const { actor: b } = second.origin;
  const bytes = Math.min(first.to, second.to) - Math.max(first.from, second.from);
  const known = [...later(pair.firstKnown, b, 'first', world), ...later(pair.secondKnown, a, 'second', world)];
  return [
    `nothing orders these two accesses to the same ${bytes} bytes:`,
    `  first,  ${accessLine(first, world)}`,
    `          ${before(first, b, clocks, world)}`,
    `  then,   ${accessLine(second, world)}`,
    `          ${before(second, a, clocks, world)}`,
    ...(known.length > 0 ? known : ['  nothing in this run puts either behind the other']),
    ...(pairs > 1 ? [`  and ${pairs - 1} more such pairs`] : []),
  ].join('\n');
}
