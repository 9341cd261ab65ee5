/**
 * Races: two accesses to the same bytes, at least one of them a write, that nothing orders.
 * It watches a run, or a fold, event by event; what orders actors is in the event catalogue.
 */
import type { Order } from '../../core/catalogue.ts';
import { kindNames, kindOf, type AnyEvent, type EventByKind, type KindName } from '../../core/events.ts';
import { entryAt, lookup } from '../../core/memory/fault.ts';
import { frameAt } from '../../core/pcie/bus.ts';
import type { World } from '../../core/world.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import type { Moment, Report, Watch } from '../rule.ts';
import {
  atomicRead,
  atomicWrite,
  cpuRead,
  cpuWrite,
  deviceRead,
  deviceWrite,
  ordered,
  snapshotRead,
  type Access,
  type AccessKind,
  type Origin,
} from './access.ts';
import { Clocks } from './clocks.ts';
import { Packets } from './packets.ts';
import { raceRules } from './rules.ts';
import { PageShadow } from './shadow.ts';
import { piecesOfPart } from './snapshots.ts';
import { accessLine, pairStory, type Pair } from './story.ts';
import { TornReads } from './torn.ts';

type Beat = EventByKind['dma.read' | 'dma.write'];

/** Races of one kind between two actors: the first of them, and how many there are. */
interface Group extends Pair {
  pairs: number;
}

const nothing: readonly number[] = [];

/** A status word is at most that long, in bytes: who sees it must not be taken to know what the engine does after it. */
const statusWord = 8;

/** Finds races, for those who want to hear of them, grouped by who races with whom and how. */
export function watchRaces(reports: ReadonlyMap<RuleName, Report>): Watch {
  return { on: new RaceDetector(reports).handlers() };
}

class RaceDetector {
  private readonly reports: ReadonlyMap<RuleName, Report>;
  private readonly clocks = new Clocks((actor) => this.learned(actor));
  /** The two halves of an atomic access: what it takes over comes before it, what it hands on after it. */
  private readonly taking: Order;
  private readonly handing: Order;
  /** By VM object: two mappings of one page share it, a snapshot's page is another. */
  private readonly objects = new Map<number, Map<number, PageShadow>>();
  /** By frame: the page that owns it. */
  private readonly owners = new Map<number, PageShadow>();
  /** By VM object: the snapshots that were taken of it. */
  private readonly snapshots = new Map<number, Set<number>>();
  /** By actor. */
  private readonly origins: Origin[] = [];
  private readonly held: (readonly number[])[] = [];
  private readonly groups = new Map<number, Group>();
  /** By actor: groups with an access that it is not behind yet. */
  private readonly waiting = new Map<number, Set<Group>>();
  private readonly packets = new Packets();
  private readonly torn = new TornReads();
  private world!: World;

  constructor(reports: ReadonlyMap<RuleName, Report>) {
    this.reports = reports;
    const none = (): void => {};
    const { clocks } = this;
    this.taking = { acquire: (key) => clocks.acquire(key), release: none, send: none, receive: none };
    this.handing = { acquire: none, release: (key) => clocks.release(key), send: none, receive: none };
  }

  handlers(): Watch['on'] {
    const order = (event: AnyEvent, at: Moment): void => this.order(event, at);
    const ordering = kindNames.filter((kind) => kindOf(kind).order !== undefined);
    return {
      ...(Object.fromEntries(ordering.map((kind) => [kind, order])) as Partial<Record<KindName, typeof order>>),
      'mutex.lock': (event, at) => {
        this.order(event, at);
        this.held[at.actor] = [...(this.held[at.actor] ?? nothing), event.mutex];
      },
      'mutex.unlock': (event, at) => {
        this.order(event, at);
        this.held[at.actor] = (this.held[at.actor] ?? nothing).filter((mutex) => mutex !== event.mutex);
      },
      'page.zero': ({ object, page, frame }) => void this.owners.set(frame, this.shadow(object, page)),
      'page.take': ({ object, page, frame }) => void this.owners.set(frame, this.shadow(object, page)),
      'page.copy': ({ object, page, frame }) => void this.owners.set(frame, this.shadow(object, page)),
      'page.swap-in': ({ object, page, frame }) => void this.owners.set(frame, this.shadow(object, page)),
      'vm.terminate': ({ object }) => void this.objects.delete(object),
      'descriptor.snapshot': (event, at) => this.snapshot(event, at),
      'memory.load': (event, at) => this.cpu(event, cpuRead, at),
      'memory.store': (event, at) => this.cpu(event, cpuWrite, at),
      'memory.fill': (event, at) => this.cpu(event, cpuWrite, at),
      'memory.atomic': (event, at) => this.atomic(event, at),
      'call.copyin': (event, at) => this.cpu(event, cpuRead, at),
      'call.copyout': (event, at) => this.cpu(event, cpuWrite, at),
      'command.copy': (event, at) => this.perform(event, at),
      'command.sync': (event, at) => this.sync(event, at),
      'tlp.write': (event, at) => this.sent(event, at),
      'tlp.read': (event, at) => this.sent(event, at),
      'tlp.landed': ({ device }, { world }) => this.packets.landed(device, world),
      'dma.read': (event, at) => this.dma(event, deviceRead, at),
      'dma.write': (event, at) => this.dma(event, deviceWrite, at),
    };
  }

  private order(event: AnyEvent, { seq, actor, world }: Moment): void {
    kindOf(event.kind).order!(event, this.clocks.select(actor, seq, event), world, actor);
  }

  private cpu(event: AnyEvent & { address: number; length: number }, kind: AccessKind, at: Moment): void {
    const { actor, world, seq } = at;
    const { pageSize } = world.machine;
    const { task } = world.actors.get(actor)!;
    const origin = this.originOf(actor, 0);
    this.world = world;
    const end = event.address + event.length;
    for (let address = event.address; address < end;) {
      const from = address % pageSize;
      const to = Math.min(pageSize, from + end - address);
      const entry = entryAt(world, task, address);
      if (entry !== undefined) {
        const page = this.shadow(entry.object, Math.floor((entry.offset + address - entry.start) / pageSize));
        page.add({ seq, event, kind, origin, address, from, to }, this.compare);
      }
      address += to - from;
    }
  }

  private atomic(event: EventByKind['memory.atomic'], at: Moment): void {
    const { seq, actor, world } = at;
    const kind = kindOf(event.kind);
    this.clocks.select(actor, seq, event);
    kind.order!(event, this.taking, world, actor);
    this.cpu(event, event.operation === 'load' ? atomicRead : atomicWrite, at);
    kind.order!(event, this.handing, world, actor);
  }

  /** PerformOperation: the CPU copies by physical addresses, each piece within a page. */
  private perform(event: EventByKind['command.copy'], at: Moment): void {
    const out = event.operation === 'read';
    this.physical(event, event.memory, out ? cpuRead : cpuWrite, at);
    if (event.operation !== 'zero') this.physical(event, event.data, out ? cpuWrite : cpuRead, at);
  }

  /** Bounced memory: the CPU that copies it stands for the device, which reads or writes only the copy. */
  private sync(event: EventByKind['command.sync'], at: Moment): void {
    const out = event.direction === 'out';
    const taken = this.physical(event, event.memory, out ? deviceRead : deviceWrite, at);
    this.physical(event, event.bounce, out ? cpuWrite : cpuRead, at);
    if (out && taken !== undefined) this.fetchAgain(taken.access, taken.page);
  }

  /** An access by physical addresses, and the page that it goes to. */
  private physical(
    event: EventByKind['command.copy' | 'command.sync' | 'memory.copy'],
    address: number,
    kind: AccessKind,
    { seq, actor, world }: Moment,
  ): { readonly access: Access; readonly page: PageShadow } | undefined {
    const { pageSize } = world.machine;
    const from = address % pageSize;
    const page = this.owners.get(Math.floor(address / pageSize));
    if (page === undefined) return undefined;
    this.world = world;
    const origin = this.originOf(actor, 0);
    const access = { seq, event, kind, origin, address, from, to: from + event.length };
    page.add(access, this.compare);
    return { access, page };
  }

  private dma(event: Beat, kind: AccessKind, { seq, actor, world }: Moment): void {
    if (event.status !== 'ok') return;
    const { address, length } = event;
    const origin = this.packets.originOf(event, actor, world);
    const page = this.owners.get(frameAt(world, address) ?? -1);
    if (page === undefined) return;
    this.world = world;
    const from = address % world.machine.pageSize;
    const access = { seq, event, kind, origin, address, from, to: from + length };
    page.add(access, this.compare);
    if (!kind.write) this.fetchAgain(access, page);
  }

  private sent(packet: EventByKind['tlp.read' | 'tlp.write'], { seq, actor, world }: Moment): void {
    const { packets, clocks } = this;
    packets.sent(packet, this.originOf(actor, packets.begin(packet, actor)), world);
    if (packet.kind === 'tlp.write' && packet.length <= statusWord) clocks.select(actor, seq, packet).advance();
  }

  /** Taking a snapshot reads all of the descriptor's bytes there, whatever moves them and when. */
  private snapshot(event: EventByKind['descriptor.snapshot'], { seq, actor, world }: Moment): void {
    const descriptor = world.descriptors.get(event.descriptor)!;
    const { object } = descriptor.parts[event.index]!;
    this.world = world;
    const known = this.snapshots.get(object);
    if (known === undefined) this.snapshots.set(object, new Set([event.object]));
    else known.add(event.object);
    const origin = this.originOf(actor, 0);
    for (const { page, from, to, address } of piecesOfPart(descriptor, event.index, world.machine.pageSize)) {
      const access = { seq, event, kind: snapshotRead, origin, address, from, to };
      this.shadow(object, page).add(access, this.compare);
    }
  }

  /** A device reads live bytes: does a dext hold other ones for true, which it has read from a snapshot before? */
  private fetchAgain(device: Access, live: PageShadow): void {
    const report = this.reports.get('double-fetch');
    const snapshots = this.snapshots.get(live.object);
    if (report === undefined || snapshots === undefined) return;
    const { world } = this;
    const bytesOf = (object: number): Uint8Array | undefined =>
      world.frames.get(lookup(world, object, live.page)?.frame ?? -1)?.bytes;
    for (const snapshot of snapshots) {
      const copy = this.objects.get(snapshot)?.get(live.page);
      if (copy === undefined) continue;
      copy.look(device.from, device.to, (read) => {
        if (read.kind.write || world.actors.get(read.origin.actor)?.role !== 'dext') return;
        const old = bytesOf(snapshot);
        const now = bytesOf(live.object);
        const last = Math.min(read.to, device.to);
        let at = Math.max(read.from, device.from);
        while (at < last && old?.[at] === now?.[at]) at += 1;
        if (at === last) return;
        let written: Access | undefined;
        live.look(at, at + 1, (access) => {
          if (access.kind.write && access.seq > (written?.seq ?? -1)) written = access;
        });
        report({
          message: () =>
            [
              'a dext has looked at other bytes than the device gets:',
              `  first,  ${accessLine(read, world)}, in the snapshot`,
              ...(written === undefined ? [] : [`  written ${accessLine(written, world)}`]),
              `  then,   ${accessLine(device, world)}, live`,
            ].join('\n'),
          seq: device.seq,
          actors: [read.origin.actor, device.origin.actor],
          key: `${read.origin.actor} ${device.origin.actor}`,
        });
      });
    }
  }

  /** Called with an older access that shares bytes with a new one. */
  private readonly compare = (first: Access, second: Access): void => {
    if (!first.kind.write && !second.kind.write) return;
    if (first.kind.atomic && second.kind.atomic) return;
    if (ordered(first, second) || this.polled(first, second)) return;
    const rule = ruleOf(first, second);
    const report = this.reports.get(rule);
    if (rule === 'read-before-completion') this.tear(first, second);
    if (report === undefined) return;
    const a = first.origin.actor;
    const b = second.origin.actor;
    const key = (ruleNumbers.get(rule)! * 2 ** 20 + Math.min(a, b)) * 2 ** 20 + Math.max(a, b);
    const known = this.groups.get(key);
    if (known !== undefined) {
      known.pairs += 1;
      return;
    }
    const group: Group = { first, second, pairs: 1 };
    this.groups.set(key, group);
    this.await(a, group);
    this.await(b, group);
    const { clocks, world } = this;
    report({
      message: () => pairStory(group, group.pairs, clocks, world),
      seq: second.seq,
      actors: [a, b],
      key: String(key),
    });
  };

  /**
   * An atomic word is how a CPU and a device that share memory wait for each other: the one that writes it and the
   * one that reads it do not race, and whoever reads it knows what its writer knew.
   */
  private polled(first: Access, second: Access): boolean {
    if (first.kind.dma === second.kind.dma || first.kind.write === second.kind.write) return false;
    if (!first.kind.atomic && !second.kind.atomic) return false;
    const { seq, event, origin } = second;
    if (first.kind.write) this.clocks.select(origin.actor, seq, event).readFrom(first.origin.clock);
    return true;
  }

  private tear(first: Access, second: Access): void {
    const report = this.reports.get('torn-read');
    if (report === undefined) return;
    const reads = this.torn.race(first, second);
    if (reads === undefined) return;
    const [read, write] = second.kind.write ? [first, second] : [second, first];
    const { world } = this;
    report({
      message: () =>
        [
          `old and new bytes of one request, by reads on both sides of the device's writes:`,
          ...reads.map((access) => `  ${accessLine(access, world)}`),
          `  ${accessLine(write, world)}`,
        ].join('\n'),
      seq: second.seq,
      actors: [read.origin.actor, write.origin.actor],
      key: `${read.origin.actor} ${write.origin.actor}`,
    });
  }

  private await(actor: number, group: Group): void {
    const groups = this.waiting.get(actor);
    if (groups === undefined) this.waiting.set(actor, new Set([group]));
    else groups.add(group);
  }

  /** Somebody knows more: perhaps now what it had raced with. */
  private learned(actor: number): void {
    const groups = this.waiting.get(actor);
    if (groups === undefined) return;
    for (const group of groups) {
      const other = group.first.origin.actor === actor ? group.second : group.first;
      const { actor: who, clock } = other.origin;
      if (this.clocks.knows(actor, who) < clock[who]!) continue;
      if (other === group.first) group.firstKnown = this.clocks.edge;
      else group.secondKnown = this.clocks.edge;
      groups.delete(group);
    }
  }

  /** Who accesses memory, and what it knows now. */
  private originOf(actor: number, begin: number): Origin {
    const clock = this.clocks.now(actor);
    const held = this.held[actor] ?? nothing;
    const known = this.origins[actor];
    if (known?.clock === clock && known.held === held && known.begin === begin) return known;
    return (this.origins[actor] = { actor, clock, held, begin });
  }

  private shadow(object: number, page: number): PageShadow {
    let pages = this.objects.get(object);
    if (pages === undefined) this.objects.set(object, (pages = new Map()));
    let shadow = pages.get(page);
    if (shadow === undefined) pages.set(page, (shadow = new PageShadow(object, page)));
    return shadow;
  }
}

/** Which kind of race: by who writes, and whether a device or a snapshot is in it. */
function ruleOf(a: Access, b: Access): RuleName {
  if (a.kind.snapshot || b.kind.snapshot) return 'snapshot-race';
  if (a.kind.dma === b.kind.dma) return a.kind.dma ? 'device-race' : 'data-race';
  const [device, cpu] = a.kind.dma ? [a, b] : [b, a];
  if (device.kind.write) return cpu.kind.write ? 'lost-update' : 'read-before-completion';
  return 'request' in device.event && device.event.request === 0 ? 'write-during-fetch' : 'late-write';
}

const ruleNumbers: ReadonlyMap<RuleName, number> = new Map(raceRules.map(({ name }, number) => [name, number]));
