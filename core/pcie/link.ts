/**
 * The link between a device and memory: who moves packets once they are sent.
 *
 * Ordering rules (PCIe base spec 2.4.1, table "Ordering Rules Summary", without relaxed ordering):
 * a posted packet does not pass another (A2a), a read request does not pass a posted packet (B2a), nor does a
 * completion (D2a); requests with different tags, and their completions, pass each other (B3, D5a); completions
 * of one request do not (D5b).
 */
import { act, now, Operation, traits, type Program, type Step } from '../operation.ts';
import type { World } from '../world.ts';
import { beatStatus } from './bus.ts';
import { landed, tagOf } from './flow.ts';
import { raise, senseLine } from './interrupt.ts';
import type { BeatStatus } from './kinds.ts';
import { beatEnd, completionEnd } from './packets.ts';
import type { WritePacket } from './state.ts';

/** Moves the next beat of the oldest posted packet. Evaluates to how many of its bytes are done; 0 when it has landed. */
class Landing extends Operation<number> {
  static {
    traits(Landing, { name: 'posted write', cost: 'beat' });
  }

  protected readonly device: number;
  private readonly done: number;

  constructor(device: number, done: number) {
    super();
    this.device = device;
    this.done = done;
  }

  override perform(step: Step): number {
    const { device, done } = this;
    const packet = step.world.devices.get(device)!.posted[0]!;
    const next = packet.kind === 'write' ? write(step, packet, done) : 0;
    if (packet.kind === 'msi') raise(step, device, packet.vector);
    if (packet.kind === 'line') senseLine(step, device, packet.vector, packet.asserted);
    if (next === 0) step.emit({ kind: 'tlp.landed', device });
    return next;
  }
}

/** The driver of a DART is not published: what more it does when it refuses an access is not established (facts §13). */
function sayUnspecified(step: Step, status: BeatStatus): void {
  if (status === 'iommu-fault' && step.world.machine.mapper === 'dart')
    step.emit({ kind: 'unspecified', what: 'what a DART does at a fault, but refuse the access' });
}

/** One beat of a memory write. Nobody hears when it is refused: the packet ends there. */
function write(step: Step, packet: WritePacket, done: number): number {
  const { machine } = step.world;
  const { request, segment, bytes } = packet;
  const address = packet.address + done;
  const end = packet.address + bytes.length;
  const length = beatEnd(machine, address, end) - address;
  const status = beatStatus(step.world, address, true);
  step.emit({ kind: 'dma.write', request, segment, address, length, local: packet.local + done, status });
  sayUnspecified(step, status);
  return status !== 'ok' || address + length === end ? 0 : done + length;
}

/** The first beat of a packet: waits until there is one. */
class FirstLanding extends Landing {
  static {
    traits(FirstLanding, { blocks: true, idle: true });
  }

  override ready(world: World): boolean {
    return world.devices.get(this.device)!.posted.length > 0;
  }

  override waitsFor(): string {
    return 'a posted packet';
  }
}

/** Lets a device's posted packets land, one after the other. */
export function* link(device: number): Program {
  for (let done = 0; ;) {
    done = (yield done === 0 ? new FirstLanding(device, 0) : new Landing(device, done)) as number;
  }
}

/** Moves the next beat of its tag's request. Evaluates to how many bytes are done; 0 when the last completion has come. */
class Completion extends Operation<number> {
  static {
    traits(Completion, { name: 'read completion', cost: 'beat' });
  }

  protected readonly device: number;
  private readonly done: number;

  constructor(device: number, done: number) {
    super();
    this.device = device;
    this.done = done;
  }

  override perform(step: Step): number {
    const { world } = step;
    const { machine } = world;
    const device = world.devices.get(this.device)!;
    const tag = tagOf(device, step.actor);
    const read = device.tags[tag]!.read!;
    const { request, segment } = read;
    const address = read.address + this.done;
    const end = read.address + read.length;
    const length = beatEnd(machine, address, completionEnd(machine, read.address, end, address)) - address;
    const status = read.fails === 'ok' ? beatStatus(world, address, false) : read.fails;
    step.emit({ kind: 'dma.read', request, segment, address, length, local: read.local + this.done, status });
    sayUnspecified(step, status);
    if (status === 'ok' && address + length < end) return this.done + length;
    step.emit({ kind: 'tlp.complete', device: this.device, tag, status });
    return 0;
  }
}

/** The first beat of a request, a round trip: waits until there is one and what was posted before it has landed (B2a). */
class FirstCompletion extends Completion {
  static {
    traits(FirstCompletion, { cost: 'mmio', blocks: true, idle: true });
  }

  override ready(world: World, actor: number): boolean {
    const device = world.devices.get(this.device)!;
    const read = device.tags[tagOf(device, actor)]?.read ?? null;
    return read !== null && (read.fails !== 'ok' || landed(device) >= read.behind);
  }

  override waitsFor(): string {
    return 'a read request';
  }
}

/** Completes the requests of one tag. */
export function* completer(device: number): Program {
  for (let done = 0; ;) {
    done = (yield done === 0 ? new FirstCompletion(device, 0) : new Completion(device, done)) as number;
  }
}

/** A completion for the CPU comes back behind what the device has posted before it (D2a): waits for that, if need be. */
export function* behindPosted(id: number, call: string): Program {
  const behind = yield* now(({ world }) => {
    const device = world.devices.get(id)!;
    return device.posted.length === 0 ? 0 : device.postedCount;
  });
  if (behind === 0) return;
  yield* act(call, 'mmio', (step) => step.emit({ kind: 'tlp.return', device: id, behind }), {
    ready: (world) => landed(world.devices.get(id)!) >= behind,
    waitsFor: () => `what device #${id} has posted to land`,
  });
}
