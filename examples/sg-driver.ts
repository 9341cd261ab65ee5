/**
 * The driver that the examples share: it brings up the scatter-gather engine and moves
 * memory with it. Read beside a C++ PCIDriverKit driver: the calls are the same.
 */
import type { IOPCIDevice } from 'dextrace';
import {
  atomic_load,
  atomic_store,
  IOBufferMemoryDescriptor,
  IODMACommand,
  IOInterruptDispatchSource,
  IOService,
  kIODMACommandCompleteDMANoOptions,
  kIODMACommandCreateNoOptions,
  kIODMACommandPrepareForDMANoOptions,
  kIOMemoryDirectionInOut,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  kIOReturnDMAError,
  kIOReturnSuccess,
  kIOServiceDefaultQueueName,
  maxSegments,
  sgDescriptorSize,
  sgFlags,
  sgRegisters,
  sgStatusOf,
  sgStatusOffset,
  store,
  type IOMemoryDescriptor,
  type IOUserClient,
  type Program,
} from 'dextrace';

/** Descriptors in the ring. */
const ringSize = 64;

interface Request {
  readonly number: number;
  /** The ring slot that the device writes the status into. */
  readonly slot: number;
  readonly done: (status: number) => Program;
}

/** Brings the device up and makes one kind of user client. */
export class SgDriver extends IOService {
  pci!: IOPCIDevice;
  private readonly makeClient: (driver: SgDriver) => IOUserClient;
  private ring = 0;
  private tail = 0;
  private requests = 0;
  private inFlight: Request[] = [];

  constructor(makeClient: (driver: SgDriver) => IOUserClient) {
    super();
    this.makeClient = makeClient;
  }

  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    this.pci = provider as IOPCIDevice;
    const ret = yield* this.pci.Open(this);
    if (ret !== kIOReturnSuccess) return ret;
    const command = yield* this.pci.ConfigurationRead16(kIOPCIConfigurationOffsetCommand);
    yield* this.pci.ConfigurationWrite16(
      kIOPCIConfigurationOffsetCommand,
      command | kIOPCICommandBusLead | kIOPCICommandMemorySpace,
    );

    const [, memory] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, ringSize * sgDescriptorSize);
    const [, { address }] = yield* memory!.GetAddressRange();
    this.ring = address;
    const [, ringDMA] = yield* this.createCommand();
    const [, , , segments] = yield* ringDMA!.PrepareForDMA(kIODMACommandPrepareForDMANoOptions, memory, 0, 0);
    yield* this.pci.MemoryWrite64(0, sgRegisters.ringBase, BigInt(segments[0]!.address));
    yield* this.pci.MemoryWrite32(0, sgRegisters.ringSize, ringSize);

    const queue = this.CopyDispatchQueue(kIOServiceDefaultQueueName);
    const [, interrupts] = yield* IOInterruptDispatchSource.Create(this.pci, 0, queue);
    yield* interrupts.SetHandler(() => this.interruptOccurred());
    yield* interrupts.SetEnable(true);
    return yield* this.RegisterService();
  }

  override *NewUserClient(_type: number): Program<[number, IOUserClient | null]> {
    return yield* this.Create(this.makeClient(this));
  }

  private createCommand(): Program<[number, IODMACommand | null]> {
    return IODMACommand.Create(this.pci, kIODMACommandCreateNoOptions, { maxAddressBits: 64 });
  }

  /**
   * Moves all of `memory` between the app and the device's local memory at `local`.
   * `done` runs when the device has finished and its access has ended. Evaluates to a return code.
   */
  *transfer(
    memory: IOMemoryDescriptor,
    direction: 'to-device' | 'from-device',
    local: number,
    done: (status: number) => Program,
  ): Program<number> {
    const [created, command] = yield* this.createCommand();
    if (created !== kIOReturnSuccess) return created;
    const [ret, , count, segments] = yield* command!.PrepareForDMA(
      kIODMACommandPrepareForDMANoOptions,
      memory,
      0,
      0,
      maxSegments,
    );
    if (ret !== kIOReturnSuccess) {
      yield* command!.release();
      return ret;
    }

    const number = (this.requests += 1);
    let at = local;
    let slot = 0;
    for (const [index, segment] of segments.entries()) {
      slot = this.tail;
      const flags = (direction === 'from-device' ? sgFlags.deviceWrites : 0) | (index === count - 1 ? sgFlags.last : 0);
      yield* this.writeDescriptor(slot, segment.address, segment.length, flags, number, at);
      this.tail = (this.tail + 1) % ringSize;
      at += segment.length;
    }
    this.inFlight.push({
      number,
      slot,
      *done(status) {
        // The device has stopped: now its access can end, and only then may the app hear of it.
        yield* command!.CompleteDMA(kIODMACommandCompleteDMANoOptions);
        yield* command!.release();
        yield* done(status === sgStatusOf('ok') ? kIOReturnSuccess : kIOReturnDMAError);
      },
    });
    yield* this.pci.MemoryWrite32(0, sgRegisters.tail, this.tail);
    return kIOReturnSuccess;
  }

  private *writeDescriptor(
    slot: number,
    address: number,
    length: number,
    flags: number,
    request: number,
    local: number,
  ): Program {
    const bytes = new Uint8Array(sgStatusOffset);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(address), true);
    view.setUint32(8, length, true);
    view.setUint32(12, flags, true);
    view.setUint32(16, request, true);
    view.setUint32(20, local, true);
    const descriptor = this.ring + slot * sgDescriptorSize;
    yield* store(descriptor, bytes);
    // Atomically: the interrupt handler looks at it on another queue.
    yield* atomic_store(descriptor + sgStatusOffset, 0n);
  }

  /** One interrupt can stand for several finished requests: look at all that are in flight. */
  private *interruptOccurred(): Program {
    for (const request of [...this.inFlight]) {
      // The device may be writing the word of another request right now: an atomic load.
      const status = Number(yield* atomic_load(this.ring + request.slot * sgDescriptorSize + sgStatusOffset));
      if ((status & 1) === 0) continue;
      this.inFlight = this.inFlight.filter((other) => other !== request);
      yield* request.done(status);
    }
  }
}
