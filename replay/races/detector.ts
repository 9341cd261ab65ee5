/**
 * Data races: two accesses to the same bytes, at least one of them a write, that nothing orders.
 * It watches a run, or a fold, event by event; what orders actors is in the event catalogue.
 */
import { kindOf, type AnyEvent } from '../../core/events.ts';
import { entryAt } from '../../core/memory/fault.ts';
import { frameAt } from '../../core/pcie/bus.ts';
import { hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';
import type { Finding, Rule } from '../../scheduler/finding.ts';
import { Clocks } from './clocks.ts';
import { PageShadow, type Access } from './shadow.ts';

/** What kind of access an event is: by whom, and which way. */
const accessKinds: ReadonlyMap<string, { readonly write: boolean; readonly dma: boolean; readonly atomic: boolean }> =
  new Map([
    ['memory.load', { write: false, dma: false, atomic: false }],
    ['memory.store', { write: true, dma: false, atomic: false }],
    ['memory.fill', { write: true, dma: false, atomic: false }],
    ['memory.atomic', { write: true, dma: false, atomic: true }],
    ['call.copyin', { write: false, dma: false, atomic: false }],
    ['call.copyout', { write: true, dma: false, atomic: false }],
    ['dma.read', { write: false, dma: true, atomic: false }],
    ['dma.write', { write: true, dma: true, atomic: false }],
  ]);

/** An access, remembered with what a report says of it. */
interface Told extends Access {
  readonly dma: boolean;
  /** What the event was, in words. */
  readonly text: string;
  /** The address that the actor used. */
  readonly address: number;
}

interface Group {
  readonly rule: Rule;
  readonly first: Told;
  readonly second: Told;
  pairs: number;
}

/** Finds races, grouped by who races with whom and how. */
export class RaceDetector {
  private readonly clocks = new Clocks();
  /** By page of a VM object: two mappings of one page share it, a snapshot's page is another. */
  private readonly pages = new Map<string, PageShadow>();
  /** Frame to the page of the VM object that owns it. */
  private readonly owners = new Map<number, string>();
  private readonly groups = new Map<string, Group>();
  /** Bus address at which a request's segment began, to count its beats. */
  private readonly begins = new Map<string, number>();
  private seq = 0;

  /** To be called with every event, and the world as it was just before it. */
  event(event: AnyEvent, actor: number, world: World): void {
    kindOf(event.kind).order?.(event, this.clocks.select(actor), world, actor);
    if (event.kind === 'page.zero' || event.kind === 'page.copy')
      this.owners.set(event.frame, `${event.object}.${event.page}`);
    const kind = accessKinds.get(event.kind);
    if (kind !== undefined) this.access(event as MemoryEvent, kind, actor, world);
    this.seq += 1;
  }

  /** The races found so far, one finding for each group. */
  findings(world: World): Finding[] {
    return [...this.groups.values()].map((group) => ({
      rule: group.rule,
      message: describe(group, world),
      seq: group.second.seq,
      actors: [group.first.actor, group.second.actor],
    }));
  }

  private access(
    event: MemoryEvent,
    kind: { write: boolean; dma: boolean; atomic: boolean },
    actor: number,
    world: World,
  ): void {
    if ('status' in event && event.status !== 'ok') return;
    const { pageSize } = world.machine;
    const write = kind.atomic ? !('operation' in event && event.operation === 'load') : kind.write;
    for (let done = 0; done < event.length;) {
      const address = event.address + done;
      const from = address % pageSize;
      const length = Math.min(event.length - done, pageSize - from);
      const page = kind.dma ? this.owners.get(frameAt(world, address) ?? 0) : pageOf(world, actor, address);
      if (page !== undefined) {
        const told: Told = {
          seq: this.seq,
          actor,
          epoch: this.clocks.epoch(actor),
          write,
          atomic: kind.atomic,
          dma: kind.dma,
          from,
          to: from + length,
          address,
          text: kind.dma ? this.beat(event as DmaEvent, world) : event.kind,
        };
        this.shadow(page).add(told, (old) => this.compare(old as Told, told));
      }
      done += length;
    }
  }

  private compare(old: Told, told: Told): void {
    if (!old.write && !told.write) return;
    if (old.atomic && told.atomic) return;
    if (this.clocks.ordered(old.actor, old.epoch, told.actor)) return;
    if (told.atomic && old.dma && old.write) {
      // Polling a word that the device writes: whoever sees it has seen what the device did before.
      this.clocks.select(told.actor).readFrom(old.actor, old.epoch);
      return;
    }
    const rule = ruleOf(old, told);
    const key = `${rule} ${Math.min(old.actor, told.actor)} ${Math.max(old.actor, told.actor)}`;
    const group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, { rule, first: old, second: told, pairs: 1 });
    else group.pairs += 1;
  }

  private beat(event: DmaEvent, world: World): string {
    const key = `${event.request}.${event.segment}`;
    const begin = this.begins.get(key) ?? event.address;
    this.begins.set(key, Math.min(begin, event.address));
    const beat = Math.floor((event.address - begin) / world.machine.beat);
    return `${event.kind}, request ${event.request} segment ${event.segment} beat ${beat}`;
  }

  private shadow(page: string): PageShadow {
    let shadow = this.pages.get(page);
    if (shadow === undefined) {
      shadow = new PageShadow();
      this.pages.set(page, shadow);
    }
    return shadow;
  }
}

type DmaEvent = Extract<AnyEvent, { kind: 'dma.read' | 'dma.write' }>;
type MemoryEvent =
  | DmaEvent
  | Extract<
      AnyEvent,
      { kind: 'memory.load' | 'memory.store' | 'memory.fill' | 'memory.atomic' | 'call.copyin' | 'call.copyout' }
    >;

/** The page of a VM object that a CPU address names, whatever frame is behind it. */
function pageOf(world: World, actor: number, address: number): string | undefined {
  const entry = entryAt(world, world.actors.get(actor)!.task, address);
  if (entry === undefined) return undefined;
  return `${entry.object}.${Math.floor((entry.offset + address - entry.start) / world.machine.pageSize)}`;
}

/** Which kind of race: by who writes, and whether a device is in it. */
function ruleOf(a: Told, b: Told): Rule {
  if (a.dma === b.dma) return a.dma ? 'device-race' : 'data-race';
  const device = a.dma ? a : b;
  const cpu = a.dma ? b : a;
  if (!device.write) return 'late-write';
  return cpu.write ? 'lost-update' : 'read-before-completion';
}

const advice: Partial<Record<Rule, string>> = {
  'late-write': 'Write only before the call, or after the completion has come.',
  'lost-update': "Leave the device's target alone until the completion has come.",
  'read-before-completion': 'Read only after the completion has come; a status word must be polled atomically.',
  'data-race': 'Use a mutex, an atomic, or one queue for both.',
  'device-race': 'Requests in flight at once must not share memory that one of them writes.',
};

function describe({ rule, first, second, pairs }: Group, world: World): string {
  const line = (access: Told, when: string): string => {
    const name = world.actors.get(access.actor)?.name ?? `actor ${access.actor}`;
    return `  ${when} event ${access.seq}: ${name} ${access.write ? 'writes' : 'reads'} ${access.to - access.from} bytes at ${hex(access.address)} (${access.text})`;
  };
  const more = pairs === 1 ? '' : `\n  and ${pairs - 1} more such pairs`;
  return `nothing orders these two accesses to the same bytes:\n${line(first, 'first, ')}\n${line(second, 'then,  ')}${more}\n  ${advice[rule]!}`;
}
