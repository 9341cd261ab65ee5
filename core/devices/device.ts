/**
 * What a device model is written with. A device is a few engines, each a program:
 * they take register writes, move data by DMA, change registers and send interrupts.
 */
import { bytesOf, wordOf } from '../memory/atomics.ts';
import { act, now, Operation, traits, type Act, type Program, type Step } from '../operation.ts';
import { commandHas, kIOPCICommandBusLead } from '../pcie/bus.ts';
import { freeTag, hasCredit } from '../pcie/flow.ts';
import type { BeatStatus } from '../pcie/kinds.ts';
import { readEnd, writeEnd } from '../pcie/packets.ts';
import type { PostedWrite, RegisterAccess } from '../pcie/state.ts';
import type { World } from '../world.ts';
import { Registers } from './registers.ts';

/** A device model: what hardware there is, and what it does. */
export interface DeviceModel {
  readonly name: string;
  /** Bytes of each BAR. */
  readonly bars: readonly number[];
  /** Bytes of local memory, the source and target of its DMA. */
  readonly memory: number;
  /** Vendor and device ID in configuration space; 0 unless told. */
  readonly vendorID?: number;
  readonly deviceID?: number;
  /** Sets what registers hold after power-up, where it is not 0. */
  powerUp?(registers: Registers): void;
  /** What a register read by the driver gives; without it, what was stored last. */
  read?(registers: Registers, access: RegisterAccess): bigint;
  /** What a register write by the driver changes, at once; without it, the register holds the value. */
  write?(registers: Registers, write: PostedWrite): void;
  /** The engines by name; each becomes an actor. */
  engines(device: Device): Readonly<Record<string, Program>>;
}

/** A device in its slot: part of the live registry's entry of a device. */
export interface Nub {
  readonly model: DeviceModel;
  /** Starts the driver that matches, in a process of its own. */
  match(step: Step): void;
  /** Whether that driver's Start has succeeded. */
  started: boolean;
}

/** The model behind a device's number. */
export function modelOf(step: Step, device: number): DeviceModel {
  return (step.live.get(device) as Nub).model;
}

/** Where a DMA transfer belongs, for the log: a request's number and the segment in it. */
export interface Transfer {
  readonly request: number;
  readonly segment: number;
}

/** Sends the packet of a transfer that begins at an address. Evaluates to where it ends; 0 when it may not be sent. */
abstract class Send extends Operation<number> {
  protected readonly device: number;
  protected readonly transfer: Transfer;
  protected readonly address: number;
  protected readonly end: number;
  protected readonly local: number;

  constructor(device: number, transfer: Transfer, address: number, end: number, local: number) {
    super();
    this.device = device;
    this.transfer = transfer;
    this.address = address;
    this.end = end;
    this.local = local;
  }

  protected send(step: Step, sent: 'tlp.write' | 'tlp.read', refused: 'dma.write' | 'dma.read', end: number): number {
    const { address, local } = this;
    const { request, segment } = this.transfer;
    const packet = { request, segment, address, length: end - address, local };
    if (commandHas(step.world.devices.get(this.device)!, kIOPCICommandBusLead)) {
      step.emit({ kind: sent, ...packet });
      return end;
    }
    step.emit({ kind: refused, ...packet, status: 'bus-lead-off' });
    return 0;
  }
}

class Post extends Send {
  static {
    traits(Post, { name: 'memory write', cost: 'beat', blocks: true });
  }

  override ready(world: World): boolean {
    return hasCredit(world, this.device);
  }

  override waitsFor(): string {
    return 'credits';
  }

  override perform(step: Step): number {
    return this.send(step, 'tlp.write', 'dma.write', writeEnd(step.world.machine, this.address, this.end));
  }
}

class Request extends Send {
  static {
    traits(Request, { name: 'read request', cost: 'beat', blocks: true });
  }

  override ready(world: World): boolean {
    return freeTag(world.devices.get(this.device)!) >= 0;
  }

  override waitsFor(): string {
    return 'a free tag';
  }

  override perform(step: Step): number {
    return this.send(step, 'tlp.read', 'dma.read', readEnd(step.world.machine, this.address, this.end));
  }
}

/** A device, as its engines see it. */
export class Device {
  /** Its kernel object number. */
  readonly id: number;
  private readonly fifos: unknown[][] = [];

  constructor(id: number) {
    this.id = id;
  }

  /** Waits for the next register write of the driver, in order. */
  nextWrite(): Act<PostedWrite> {
    return act(
      'register write',
      'device',
      (step) => {
        const [write] = step.world.devices.get(this.id)!.writes;
        step.emit({ kind: 'device.take', device: this.id });
        return write!;
      },
      {
        on: ['register', this.id],
        ready: (world: World) => world.devices.get(this.id)!.writes.length > 0,
        waitsFor: () => 'a register write',
        idle: true,
      },
    );
  }

  /** A register's value now: the device looks at itself. */
  register(bar: number, offset: number, width: number): Operation<bigint> {
    return now((step) => {
      step.look('register', this.id);
      return wordOf(step.world.devices.get(this.id)!.bars[bar]!.bytes.subarray(offset, offset + width));
    });
  }

  /** Changes a register of its own by what it holds: nobody comes in between. */
  updateRegister(bar: number, offset: number, width: number, change: (old: bigint) => bigint): Act<void> {
    return act('set register', 'device', (step) => {
      const registers = new Registers(step, this.id, bar);
      registers.set(offset, change(registers.get(offset, width)), width);
    });
  }

  /** Changes a register of its own. */
  setRegister(bar: number, offset: number, width: number, value: bigint): Act<void> {
    return act('set register', 'device', (step) =>
      step.emit({ kind: 'device.register', device: this.id, bar, offset, width, value }),
    );
  }

  /**
   * Reads memory into local memory: sends read requests, several in flight at once, and waits for all their
   * completions. Evaluates to the worst that has become of one.
   */
  *readMemory(transfer: Transfer, address: number, length: number, local: number): Program<BeatStatus> {
    yield* this.mustFit(local, length);
    const end = address + length;
    for (let at = address; at < end;) {
      // A plain yield: resumed with the operation's result, and cheaper than delegating to it.
      const next = (yield new Request(this.id, transfer, at, end, local + at - address)) as number;
      if (next === 0) return 'bus-lead-off';
      at = next;
    }
    return yield* act(
      'DMA read',
      'device',
      (step) => {
        const status = step.world.devices.get(this.id)!.failures.get(step.actor) ?? 'ok';
        step.emit({ kind: 'tlp.finish', device: this.id, ...transfer, status });
        return status;
      },
      {
        ready: (world, actor) => world.devices.get(this.id)!.tags.every(({ read }) => read?.engine !== actor),
        waitsFor: () => 'completions',
      },
    );
  }

  /**
   * Writes local memory to memory: posts packets, and waits for nothing but credits. What becomes of them the
   * device does not hear; it only knows when it may not send.
   */
  *writeMemory(transfer: Transfer, address: number, length: number, local: number): Program<'ok' | 'bus-lead-off'> {
    yield* this.mustFit(local, length);
    const end = address + length;
    for (let at = address; at < end;) {
      const next = (yield new Post(this.id, transfer, at, end, local + at - address)) as number;
      if (next === 0) return 'bus-lead-off';
      at = next;
    }
    return 'ok';
  }

  private *mustFit(local: number, length: number): Program {
    const bytes = yield* now(({ world }) => world.devices.get(this.id)!.memory.length);
    if (local + length <= bytes) return;
    throw new RangeError(`DMA of ${length} bytes at ${local} of local memory, of which there are ${bytes} bytes`);
  }

  /** Local memory now: a copy. */
  peek(local: number, length: number): Operation<Uint8Array> {
    return now((step) => {
      step.look('device', this.id);
      return step.world.devices.get(this.id)!.memory.slice(local, local + length);
    });
  }

  /** Makes data: bytes in local memory. */
  store(local: number, bytes: Uint8Array): Act<void> {
    const own = bytes.slice(); // the program may reuse its array
    return act('make data', 'device', (step) =>
      step.emit({ kind: 'device.store', device: this.id, local, bytes: own }),
    );
  }

  /** Makes data: a little-endian word in local memory. */
  storeWord(local: number, value: bigint, width: number): Act<void> {
    return this.store(local, bytesOf(value, width));
  }

  /** Makes data: a repeated byte in local memory. */
  fill(local: number, length: number, value: number): Act<void> {
    return act('make data', 'device', (step) =>
      step.emit({ kind: 'device.fill', device: this.id, local, length, value }),
    );
  }

  /** Posts a message-signalled interrupt: it arrives behind what was posted before it. */
  interrupt(vector = 0): Act<void> {
    return act(
      'MSI',
      'device',
      (step) => {
        // An MSI is a memory write (facts §7.3).
        if (commandHas(step.world.devices.get(this.id)!, kIOPCICommandBusLead)) {
          step.emit({ kind: 'tlp.msi', device: this.id, vector });
        } else step.emit({ kind: 'msi', device: this.id, vector, status: 'bus-lead-off' });
      },
      { ready: (world) => hasCredit(world, this.id), waitsFor: () => 'credits' },
    );
  }

  /** Asserts an interrupt line until {@link deassert}: handlers run again and again as long as it is (facts §7.2 "Level type"). */
  assert(vector = 0): Act<void> {
    return this.line(vector, true);
  }

  deassert(vector = 0): Act<void> {
    return this.line(vector, false);
  }

  private line(vector: number, asserted: boolean): Act<void> {
    return act(
      'interrupt line',
      'device',
      (step) => step.emit({ kind: 'tlp.line', device: this.id, vector, asserted }),
      { ready: (world) => hasCredit(world, this.id), waitsFor: () => 'credits' },
    );
  }

  /** Hands something from one engine to another, through a queue inside the device. */
  push(fifo: number, value: unknown): Act<void> {
    return act('push', 'device', (step) => {
      (this.fifos[fifo] ??= []).push(value);
      step.emit({ kind: 'fifo.push', device: this.id, fifo });
    });
  }

  /** Waits for the next thing in a queue inside the device. */
  pop<T>(fifo: number): Act<T> {
    return act(
      'pop',
      'device',
      (step) => {
        step.emit({ kind: 'fifo.pop', device: this.id, fifo });
        return this.fifos[fifo]!.shift() as T;
      },
      {
        on: ['fifo', fifo],
        ready: (world) => (world.devices.get(this.id)!.fifos[fifo] ?? 0) > 0,
        waitsFor: () => 'work',
        idle: true,
      },
    );
  }
}
