/**
 * Data races: two accesses to the same bytes, at least one of them a write, that nothing orders.
 * It watches a run, or a fold, event by event; what orders actors is in the event catalogue.
 */
import { kindNames, kindOf, type AnyEvent, type KindName } from '../../core/events.ts';
import { entryAt } from '../../core/memory/fault.ts';
import { frameAt } from '../../core/pcie/bus.ts';
import { hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import type { Moment, Report, Watch } from '../rule.ts';
import { Clocks, ordered, type Clock } from './clocks.ts';
import { packetKinds, Packets } from './packets.ts';
import { PageShadow, type Access } from './shadow.ts';

/** What kind of access an event is: by whom, and which way. */
const accessKinds: ReadonlyMap<KindName, { readonly write: boolean; readonly dma: boolean; readonly atomic: boolean }> =
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

/** Finds races, for those who want to hear of them, grouped by who races with whom and how. */
export function watchRaces(reports: ReadonlyMap<RuleName, Report>): Watch {
  const detector = new RaceDetector(reports);
  const event = (happened: AnyEvent, at: Moment): void => detector.event(happened, at);
  return { on: Object.fromEntries(watchedKinds.map((kind) => [kind, event])) };
}

/** What moves memory, what orders actors, what sends packets, and what gives a page its frame. */
const watchedKinds = kindNames.filter(
  (kind) =>
    accessKinds.has(kind) ||
    kindOf(kind).order !== undefined ||
    packetKinds.has(kind) ||
    kind === 'page.zero' ||
    kind === 'page.copy',
);

class RaceDetector {
  private readonly reports: ReadonlyMap<RuleName, Report>;
  private readonly clocks = new Clocks();
  /** By page of a VM object: two mappings of one page share it, a snapshot's page is another. */
  private readonly pages = new Map<string, PageShadow>();
  /** Frame to the page of the VM object that owns it. */
  private readonly owners = new Map<number, string>();
  private readonly packets = new Packets(this.clocks);

  constructor(reports: ReadonlyMap<RuleName, Report>) {
    this.reports = reports;
  }

  event(event: AnyEvent, at: Moment): void {
    const { actor, world } = at;
    kindOf(event.kind).order?.(event, this.clocks.select(actor), world, actor);
    if (event.kind === 'page.zero' || event.kind === 'page.copy')
      this.owners.set(event.frame, `${event.object}.${event.page}`);
    if (packetKinds.has(event.kind)) this.packets.event(event, actor, world);
    const kind = accessKinds.get(event.kind);
    if (kind !== undefined) this.access(event as MemoryEvent, kind, at);
  }

  private access(
    event: MemoryEvent,
    kind: { write: boolean; dma: boolean; atomic: boolean },
    { seq, actor, world }: Moment,
  ): void {
    if ('status' in event && event.status !== 'ok') return;
    const { pageSize } = world.machine;
    const [by, clock] =
      event.kind === 'dma.read' || event.kind === 'dma.write'
        ? this.packets.sender(event.kind, actor, world)
        : [actor, this.clocks.of(actor)];
    const write = kind.atomic ? !('operation' in event && event.operation === 'load') : kind.write;
    for (let done = 0; done < event.length;) {
      const address = event.address + done;
      const from = address % pageSize;
      const length = Math.min(event.length - done, pageSize - from);
      const page = kind.dma ? this.owners.get(frameAt(world, address) ?? 0) : pageOf(world, actor, address);
      if (page !== undefined) {
        const told: Told = {
          seq,
          actor: by,
          epoch: clock[by]!,
          write,
          atomic: kind.atomic,
          dma: kind.dma,
          from,
          to: from + length,
          address,
          text: kind.dma ? this.beat(event as DmaEvent, world) : event.kind,
        };
        this.shadow(page).add(told, (old) => this.compare(old as Told, told, clock, world));
      }
      done += length;
    }
  }

  private compare(old: Told, told: Told, clock: Clock, world: World): void {
    if (!old.write && !told.write) return;
    if (old.atomic && told.atomic) return;
    if (ordered(old, told.actor, clock)) return;
    if (told.atomic && old.dma && old.write) {
      // Polling a word that the device writes: whoever sees it has seen what the device did before.
      this.clocks.select(told.actor).readFrom(old.actor, old.epoch);
      return;
    }
    this.reports.get(ruleOf(old, told))?.({
      message: () => describe(old, told, world),
      seq: told.seq,
      actors: [old.actor, told.actor],
      key: `${Math.min(old.actor, told.actor)} ${Math.max(old.actor, told.actor)}`,
    });
  }

  private beat(event: DmaEvent, world: World): string {
    const beat = this.packets.beatOf(event, world);
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
function ruleOf(a: Told, b: Told): RuleName {
  if (a.dma === b.dma) return a.dma ? 'device-race' : 'data-race';
  const device = a.dma ? a : b;
  const cpu = a.dma ? b : a;
  if (!device.write) return 'late-write';
  return cpu.write ? 'lost-update' : 'read-before-completion';
}

function describe(first: Told, second: Told, world: World): string {
  const line = (access: Told, when: string): string => {
    const name = world.actors.get(access.actor)?.name ?? `actor ${access.actor}`;
    return `  ${when} event ${access.seq}: ${name} ${access.write ? 'writes' : 'reads'} ${access.to - access.from} bytes at ${hex(access.address)} (${access.text})`;
  };
  return `nothing orders these two accesses to the same bytes:\n${line(first, 'first, ')}\n${line(second, 'then,  ')}`;
}
