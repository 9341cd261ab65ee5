/**
 * QEMU's educational device and its driver. An app passes a buffer; the device copies 4096 bytes of it into its own
 * buffer and from there into the app's output, and says so with interrupts. On the way it computes a factorial.
 */
import {
  edu,
  eduBuffer,
  eduDMA,
  eduInterrupts,
  eduRegisters,
  eduStatus,
  IODMACommand,
  IOInterruptDispatchSource,
  IOService,
  IOUserClient,
  KiB,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  kIOReturnBadArgument,
  kIOReturnBusy,
  kIOReturnSuccess,
  kIOReturnUnsupported,
  kIOServiceDefaultQueueName,
  scenario,
  type IOMemoryDescriptor,
  type IOPCIDevice,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';

/** Bus addresses begin above the 28 bits that edu has by default: QEMU is started with `-device edu,dma_mask=0xffffffff`. */
const dmaMask = 0xffff_ffff;

class EduDriver extends IOService {
  pci!: IOPCIDevice;
  /** What happens when the device says that it has done something; by the bit in the interrupt status. */
  readonly next = new Map<number, () => Program>();

  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    this.pci = provider as IOPCIDevice;
    const ret = yield* this.pci.Open(this);
    if (ret !== kIOReturnSuccess) return ret;
    yield* this.pci.ConfigurationWrite16(
      kIOPCIConfigurationOffsetCommand,
      kIOPCICommandBusLead | kIOPCICommandMemorySpace,
    );
    if (((yield* this.pci.MemoryRead32(0, eduRegisters.identification)) & 0xff) !== 0xed) return kIOReturnUnsupported;
    const queue = this.CopyDispatchQueue(kIOServiceDefaultQueueName);
    const [, interrupts] = yield* IOInterruptDispatchSource.Create(this.pci, 0, queue);
    yield* interrupts.SetHandler(() => this.interruptOccurred());
    yield* interrupts.SetEnable(true);
    return yield* this.RegisterService();
  }

  override *NewUserClient(): Program<[number, IOUserClient | null]> {
    return yield* this.Create(new EduClient(this));
  }

  private *interruptOccurred(): Program {
    const status = yield* this.pci.MemoryRead32(0, eduRegisters.interruptStatus);
    yield* this.pci.MemoryWrite32(0, eduRegisters.acknowledge, status);
    for (const bit of [eduInterrupts.factorial, eduInterrupts.dma]) {
      const then = this.next.get(bit);
      if ((status & bit) === 0 || then === undefined) continue;
      this.next.delete(bit);
      yield* then();
    }
  }

  /** Starts a factorial; `then` gets it. */
  *factorial(n: number, then: (value: number) => Program): Program {
    const { pci } = this;
    this.next.set(eduInterrupts.factorial, function* () {
      yield* then(yield* pci.MemoryRead32(0, eduRegisters.factorial));
    });
    yield* pci.MemoryWrite32(0, eduRegisters.status, eduStatus.interrupt);
    yield* pci.MemoryWrite32(0, eduRegisters.factorial, n);
  }

  /** Moves a buffer's worth of bytes; `then` runs when they are there. */
  *move(source: number, destination: number, direction: number, then: () => Program): Program {
    this.next.set(eduInterrupts.dma, then);
    yield* this.pci.MemoryWrite64(0, eduRegisters.dmaSource, BigInt(source));
    yield* this.pci.MemoryWrite64(0, eduRegisters.dmaDestination, BigInt(destination));
    yield* this.pci.MemoryWrite32(0, eduRegisters.dmaCount, eduBuffer.size);
    yield* this.pci.MemoryWrite32(0, eduRegisters.dmaCommand, eduDMA.run | eduDMA.interrupt | direction);
  }
}

/** An app's connection: one asynchronous method, which completes with the factorial when the bytes have been copied. */
class EduClient extends IOUserClient {
  private readonly driver: EduDriver;

  constructor(driver: EduDriver) {
    super();
    this.driver = driver;
  }

  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const { driver } = this;
    const { structureInputDescriptor: input, structureOutputDescriptor: output, completion: action } = args;
    const [n] = args.scalarInput;
    if (input === null || output === null || action === null || n === undefined) return kIOReturnBadArgument;
    if (driver.next.size > 0) return kIOReturnBusy;

    const [ret, from, source] = yield* this.prepare(input);
    if (ret !== kIOReturnSuccess) return ret;
    const [code, into, destination] = yield* this.prepare(output);
    if (code !== kIOReturnSuccess) {
      yield* from.release();
      return code;
    }
    yield* action.retain();

    const client = this;
    function* done(value: number): Program {
      yield* from.CompleteDMA(0);
      yield* from.release();
      yield* into.CompleteDMA(0);
      yield* into.release();
      yield* client.AsyncCompletion(action!, kIOReturnSuccess, [BigInt(value)]);
      yield* action!.release();
    }
    yield* driver.move(source, eduBuffer.address, 0, () =>
      driver.move(eduBuffer.address, destination, eduDMA.toMemory, () => driver.factorial(Number(n), done)),
    );
    return kIOReturnSuccess;
  }

  /** Prepares memory for the device; evaluates to the code, the command, and the bus address. */
  private *prepare(memory: IOMemoryDescriptor): Program<[code: number, command: IODMACommand, address: number]> {
    const [, command] = yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: 32 });
    const [code, , , segments] = yield* command!.PrepareForDMA(0, memory, 0, eduBuffer.size);
    if (code !== kIOReturnSuccess) yield* command!.release();
    return [code, command!, segments[0]?.address ?? 0];
  }
}

export default scenario({
  title: "QEMU's educational device copies 4096 bytes and computes a factorial",
  options: { size: 8 * KiB, n: 7 },
  device: edu({ dmaMask }),
  dext: () => new EduDriver(),

  *app(app, { size, n }) {
    const [, input] = yield* app.posix_memalign(16 * KiB, size);
    const [, output] = yield* app.posix_memalign(16 * KiB, size);
    yield* app.memset(input, 0xed, size);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('EduDriver'));
    const port = yield* app.IONotificationPortCreate();
    const words = [BigInt(n)];
    const [code] = yield* app.IOConnectCallAsyncMethod(connect, 0, port, [], words, input, size, 0, output, size);
    if (code !== kIOReturnSuccess) return undefined; // no completion comes after an error
    const { args } = yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(output, eduBuffer.size);
    yield* app.IOServiceClose(connect);
    return { factorial: Number(args[0]), copied: bytes.filter((byte) => byte === 0xed).length };
  },

  check({ result }, { n }) {
    let product = 1;
    for (let factor = 2; factor <= n; factor += 1) product = (product * factor) % 2 ** 32;
    if (result === undefined) return 'the device got no access to the memory';
    if (result.factorial !== product) return `the factorial of ${n} came back as ${result.factorial}`;
    if (result.copied !== eduBuffer.size) return `${result.copied} of ${eduBuffer.size} bytes were copied`;
  },
});
