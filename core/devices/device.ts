/**
 * What a device model is written with. A device is a few engines, each a program:
 * they take register writes, move data by DMA, change registers and send interrupts.
 */
import { bytesOf, wordOf } from '../memory/atomics.ts';
import { act, now, Operation, traits, type Act, type Program, type Step } from '../operation.ts';
import { beatStatus } from '../pcie/bus.ts';
import { raise } from '../pcie/interrupt.ts';
import type { BeatStatus } from '../pcie/kinds.ts';
import type { PostedWrite } from '../pcie/state.ts';
import type { World } from '../world.ts';

/** A device model: what hardware there is, and what it does. */
export interface DeviceModel {
  readonly name: string;
  /** Bytes of each BAR. */
  readonly bars: readonly number[];
  /** Bytes of local memory, the source and target of its DMA. */
  readonly memory: number;
  /** The engines by name; each becomes an actor. */
  engines(device: Device): Readonly<Record<string, Program>>;
}

/** Where a DMA transfer belongs, for the log: a request's number and the segment in it. */
export interface Transfer {
  readonly request: number;
  readonly segment: number;
}

class Beat extends Operation<BeatStatus> {
  static {
    traits(Beat, { name: 'DMA beat', cost: 'beat' });
  }

  private readonly write: boolean;
  private readonly device: number;
  private readonly transfer: Transfer;
  private readonly address: number;
  private readonly length: number;
  private readonly local: number;

  constructor(write: boolean, device: number, transfer: Transfer, address: number, length: number, local: number) {
    super();
    this.write = write;
    this.device = device;
    this.transfer = transfer;
    this.address = address;
    this.length = length;
    this.local = local;
  }

  override perform(step: Step): BeatStatus {
    const { world } = step;
    const { address, length, local } = this;
    const { request, segment } = this.transfer;
    const status = beatStatus(world, world.devices.get(this.device)!, address, this.write);
    step.emit({ kind: this.write ? 'dma.write' : 'dma.read', request, segment, address, length, local, status });
    return status;
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
    return now(({ world }) => wordOf(world.devices.get(this.id)!.bars[bar]!.bytes.subarray(offset, offset + width)));
  }

  /** Changes a register of its own. */
  setRegister(bar: number, offset: number, width: number, value: bigint): Act<void> {
    return act('set register', 'device', (step) =>
      step.emit({ kind: 'device.register', device: this.id, bar, offset, width, value }),
    );
  }

  /** Reads memory into local memory, beat by beat; ends at the first beat that fails. */
  readMemory(transfer: Transfer, address: number, length: number, local: number): Program<BeatStatus> {
    return this.move(false, transfer, address, length, local);
  }

  /** Writes local memory to memory, beat by beat; ends at the first beat that fails. */
  writeMemory(transfer: Transfer, address: number, length: number, local: number): Program<BeatStatus> {
    return this.move(true, transfer, address, length, local);
  }

  private *move(
    write: boolean,
    transfer: Transfer,
    address: number,
    length: number,
    local: number,
  ): Program<BeatStatus> {
    const { beat, memory } = yield* now(({ world }) => ({
      beat: world.machine.beat,
      memory: world.devices.get(this.id)!.memory.length,
    }));
    if (local + length > memory) {
      throw new RangeError(`DMA of ${length} bytes at ${local} of local memory, of which there are ${memory} bytes`);
    }
    for (let done = 0; done < length;) {
      const at = address + done;
      const piece = Math.min(length - done, beat - (at % beat));
      // A plain yield: resumed with the beat's status, and cheaper than delegating to it.
      const status = (yield new Beat(write, this.id, transfer, at, piece, local + done)) as BeatStatus;
      if (status !== 'ok') return status;
      done += piece;
    }
    return 'ok';
  }

  /** Local memory now: a copy. */
  peek(local: number, length: number): Operation<Uint8Array> {
    return now(({ world }) => world.devices.get(this.id)!.memory.slice(local, local + length));
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

  /** Sends a message-signalled interrupt. */
  interrupt(vector = 0): Act<void> {
    return act('MSI', 'device', (step) => raise(step, this.id, vector));
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
