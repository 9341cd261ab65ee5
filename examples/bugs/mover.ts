/**
 * What the bugs share: a device that moves one block of memory at a time, a correct driver for it,
 * and a correct client. Each bug replaces the part that it gets wrong.
 *
 * Registers of the device (BAR 0):
 *   0x00  bus address                    8 bytes
 *   0x08  length in bytes                4 bytes
 *   0x0c  command: 1 reads memory, 2 writes memory; the doorbell   4 bytes
 *   0x10  transfers finished, read-only  4 bytes
 *
 * Registers are taken in the order they were written, so several transfers can be asked for at once; they are
 * done one after the other, with an interrupt after each. What the device writes is the transfer's number, over
 * and over; what it reads lies at the start of its local memory.
 */
import {
  IODMACommand,
  IOInterruptDispatchSource,
  IOService,
  IOUserClient,
  kIODMACommandCompleteDMANoOptions,
  kIODMACommandCreateNoOptions,
  kIODMACommandPrepareForDMANoOptions,
  KiB,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  kIOServiceDefaultQueueName,
  type App,
  type Device,
  type DeviceModel,
  type IOMemoryDescriptor,
  type IOPCIDevice,
  type IOUserClientMethodArguments,
  type OSAction,
  type Program,
} from 'dextrace';

export const kAddress = 0x00;
export const kLength = 0x08;
export const kCommand = 0x0c;
export const kFinished = 0x10;
/** Commands: the device reads memory, or writes it. */
export const kDeviceReads = 1;
export const kDeviceWrites = 2;

/** The machine of most bugs: Intel's page size, and pieces large enough that a run is short. */
export const machine = { pageSize: 4 * KiB, storeWidth: 1 * KiB, beat: 256 } as const;
/** A struct that is passed by descriptor, two pages long. */
export const size: number = 8 * KiB;

/** The device's model. */
export function mover(): DeviceModel {
  return { name: 'mover', bars: [256], memory: 64 * KiB, engines: (device) => ({ engine: move(device) }) };
}

function* move(device: Device): Program {
  let address = 0;
  let length = 0;
  for (let finished = 0; ;) {
    const { offset, value } = yield* device.nextWrite();
    if (offset === kAddress) address = Number(value);
    else if (offset === kLength) length = Number(value);
    else if (offset === kCommand) {
      finished += 1;
      const transfer = { request: finished, segment: 0 };
      if (value === BigInt(kDeviceWrites)) {
        yield* device.fill(0, length, finished);
        yield* device.writeMemory(transfer, address, length, 0);
      } else yield* device.readMemory(transfer, address, length, 0);
      yield* device.setRegister(0, kFinished, 4, BigInt(finished));
      yield* device.interrupt();
    }
  }
}

/** Brings the device up and makes one kind of client, which gets the interrupts. */
export class MoverDriver extends IOService {
  pci!: IOPCIDevice;
  /** What an interrupt runs. */
  interruptOccurred: (count: number) => Program = function* () {};
  private readonly makeClient: (driver: MoverDriver) => IOUserClient;

  constructor(makeClient: (driver: MoverDriver) => IOUserClient) {
    super();
    this.makeClient = makeClient;
  }

  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    this.pci = provider as IOPCIDevice;
    const ret = yield* this.pci.Open(this);
    if (ret !== kIOReturnSuccess) return ret;
    yield* this.enable();
    const queue = this.CopyDispatchQueue(kIOServiceDefaultQueueName);
    const [, interrupts] = yield* IOInterruptDispatchSource.Create(this.pci, 0, queue);
    yield* interrupts.SetHandler((count) => this.interruptOccurred(count));
    yield* interrupts.SetEnable(true);
    return yield* this.RegisterService();
  }

  /** Lets the device be reached, and reach memory. */
  *enable(): Program {
    const bits = kIOPCICommandBusLead | kIOPCICommandMemorySpace;
    yield* this.pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, bits);
  }

  override *NewUserClient(_type: number): Program<[number, IOUserClient | null]> {
    return yield* this.Create(this.makeClient(this));
  }

  /** Makes a command for the device and prepares all of the memory. */
  *prepare(memory: IOMemoryDescriptor): Program<[code: number, command: IODMACommand, address: number]> {
    const [, command] = yield* IODMACommand.Create(this.pci, kIODMACommandCreateNoOptions, { maxAddressBits: 64 });
    const [code, , , segments] = yield* command!.PrepareForDMA(kIODMACommandPrepareForDMANoOptions, memory, 0, 0);
    return [code, command!, segments[0]?.address ?? 0];
  }

  /** Asks the device for a transfer. */
  *start(command: number, address: number, length: number): Program {
    yield* this.pci.MemoryWrite64(0, kAddress, BigInt(address));
    yield* this.pci.MemoryWrite32(0, kLength, length);
    yield* this.pci.MemoryWrite32(0, kCommand, command);
  }
}

/** A stretch of bus addresses. */
export interface Segment {
  readonly address: number;
  readonly length: number;
}

/** A transfer under way. */
export interface Transfer {
  readonly action: OSAction;
  readonly memory: IOMemoryDescriptor;
  readonly command: IODMACommand;
}

/**
 * The client as it should be: its one asynchronous method lets the device read the struct input or fill the
 * struct output. It keeps what it needs, and completes when the device has stopped and its access has ended.
 */
export class MoverClient extends IOUserClient {
  readonly driver: MoverDriver;
  /** Whether a bug's client does it right. */
  protected readonly fixed: boolean;
  /** The oldest first. */
  protected readonly underWay: Transfer[] = [];
  /** Segments of a transfer that the device has not finished. */
  private readonly left = new Map<Transfer, number>();
  /** Set when Stop has come, and waits for the last transfer. */
  private stopping: IOService | IOPCIDevice | undefined = undefined;

  constructor(driver: MoverDriver, fixed = true) {
    super();
    this.driver = driver;
    this.fixed = fixed;
    driver.interruptOccurred = (count) => this.interruptOccurred(count);
  }

  /** Calls, interrupts and Stop run on one queue, the driver's: one after the other. */
  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    this.SetDispatchQueue(kIOServiceDefaultQueueName, this.driver.CopyDispatchQueue(kIOServiceDefaultQueueName));
    return yield* super.Start(provider);
  }

  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor ?? args.structureOutputDescriptor;
    if (memory === null || args.completion === null) return kIOReturnBadArgument;
    return yield* this.transfer(args.completion, memory, args.structureInputDescriptor !== null);
  }

  /** Starts a transfer of all of the memory; what it keeps, {@link complete} gives back. */
  protected *transfer(action: OSAction, memory: IOMemoryDescriptor, toDevice: boolean): Program<number> {
    const [code, command, address] = yield* this.driver.prepare(memory);
    if (code !== kIOReturnSuccess) {
      yield* command.release();
      return code;
    }
    const [, length] = yield* memory.GetLength();
    return yield* this.begin({ action, memory, command }, toDevice ? kDeviceReads : kDeviceWrites, [
      { address, length },
    ]);
  }

  /** Keeps what the transfer needs, and asks the device for its segments. */
  protected *begin(transfer: Transfer, command: number, segments: readonly Segment[]): Program<number> {
    yield* transfer.action.retain();
    yield* transfer.memory.retain();
    this.underWay.push(transfer);
    this.left.set(transfer, segments.length);
    for (const { address, length } of segments) yield* this.driver.start(command, address, length);
    return kIOReturnSuccess;
  }

  /** The device has finished as many transfers as its register says: an interrupt can stand for several. */
  protected *interruptOccurred(count: number): Program {
    for (let finished = 0; finished < count; finished += 1) {
      const [transfer] = this.underWay;
      if (transfer === undefined) break;
      const left = (this.left.get(transfer) ?? 1) - 1;
      this.left.set(transfer, left);
      if (left > 0) continue;
      this.underWay.shift();
      yield* this.complete(transfer);
    }
    if (this.stopping !== undefined && this.underWay.length === 0) yield* super.Stop(this.stopping);
  }

  /** First the device's access ends, then the app may hear of it. */
  protected *complete({ action, memory, command }: Transfer, values: readonly bigint[] = []): Program {
    yield* command.CompleteDMA(kIODMACommandCompleteDMANoOptions);
    yield* command.release();
    yield* memory.release();
    yield* this.AsyncCompletion(action, kIOReturnSuccess, values);
    yield* action.release();
  }

  /** Termination goes on only when the device has stopped: super::Stop comes after the last transfer (facts §3.6 (3)). */
  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    if (this.underWay.length === 0) return yield* super.Stop(provider);
    this.stopping = provider;
    return kIOReturnSuccess;
  }
}

/** The app connects to the driver and makes a port for completions. */
export function* connectTo(app: App, name = 'MoverDriver'): Program<{ connect: number; port: number }> {
  const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService(name));
  return { connect, port: yield* app.IONotificationPortCreate() };
}
