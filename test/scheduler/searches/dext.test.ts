/** The reduction on scenarios with a dext and a device: every trace that sampling comes upon is one of its executions. */
import { describe, expect, test } from 'vitest';
import {
  IODMACommand,
  IOService,
  IOUserClient,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  kIOReturnSuccess,
  scenario,
  type App,
  type Device,
  type DeviceModel,
  type IOPCIDevice,
  type IOUserClientMethodArguments,
  type Program,
  type Scenario,
} from '../../../index.ts';
import { Reduction } from '../../../scheduler/searches/reduction.ts';
import { Sampling } from '../../../scheduler/searches/sampling.ts';
import { pos } from '../../../scheduler/strategies/pos.ts';
import { random } from '../../../scheduler/strategies/random.ts';
import { cover } from '../../support/all-schedules.ts';

const beat = 4;

/** Takes a bus address, reads two beats from there, and sends an interrupt. */
function* move(device: Device): Program {
  for (;;) {
    const { value } = yield* device.nextWrite();
    yield* device.readMemory({ request: 1, segment: 0 }, Number(value), 2 * beat, 0);
    yield* device.interrupt();
  }
}

const mover: DeviceModel = { name: 'mover', bars: [64], memory: 64, engines: (device) => ({ move: move(device) }) };

class Driver extends IOService {
  pci!: IOPCIDevice;

  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    this.pci = provider as IOPCIDevice;
    yield* this.pci.Open(this);
    const bits = kIOPCICommandBusLead | kIOPCICommandMemorySpace;
    yield* this.pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, bits);
    return yield* this.RegisterService();
  }

  override *NewUserClient(): Program<[number, IOUserClient | null]> {
    return yield* this.Create(new Client(this));
  }
}

/** Selector 0 counts calls; 1 lets the device read the struct; 2 completes at once. */
class Client extends IOUserClient {
  private readonly driver: Driver;
  private calls = 0;

  constructor(driver: Driver) {
    super();
    this.driver = driver;
  }

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === 0) return (this.calls += 1);
    if (selector === 2) {
      yield* this.AsyncCompletion(args.completion!, kIOReturnSuccess);
      return kIOReturnSuccess;
    }
    const memory = args.structureInputDescriptor!;
    const [, command] = yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: 64 });
    const [, , , segments] = yield* command!.PrepareForDMA(0, memory, 0, 0);
    yield* this.driver.pci.MemoryWrite64(0, 0, BigInt(segments[0]!.address));
    yield* memory.retain();
    return kIOReturnSuccess;
  }
}

function withDext<R>(app: (app: App, connect: number) => Program<R>): Scenario {
  return scenario({
    title: 'a dext',
    machine: { beat },
    device: mover,
    dext: () => new Driver(),
    *app(all) {
      const [, connect] = yield* all.IOServiceOpen(yield* all.IOServiceGetMatchingService('Driver'));
      return yield* app(all, connect);
    },
    check: ({ deviceMemory }) => `read ${deviceMemory.subarray(0, 2 * beat).join()}`,
  });
}

const scenarios: Record<string, Scenario> = {
  'one call': withDext((app, connect) => app.IOConnectCallScalarMethod(connect, 0, [])),
  'two calls at once': withDext(function* (app, connect) {
    let other = 0;
    const thread = yield* app.pthread_create('other', function* () {
      [other] = yield* app.IOConnectCallScalarMethod(connect, 0, []);
    });
    const [mine] = yield* app.IOConnectCallScalarMethod(connect, 0, []);
    yield* app.pthread_join(thread);
    return `${mine} ${other}`;
  }),
  'a call and a close': withDext(function* (app, connect) {
    let other = 0;
    const thread = yield* app.pthread_create('other', function* () {
      [other] = yield* app.IOConnectCallScalarMethod(connect, 0, []);
    });
    const code = yield* app.IOServiceClose(connect);
    yield* app.pthread_join(thread);
    return `${code} ${other}`;
  }),
  'writes after the call': withDext(function* (app, connect) {
    const [, buffer] = yield* app.posix_memalign(16_384, 8_192);
    yield* app.store(buffer, new Uint8Array(2 * beat).fill(1));
    const [code] = yield* app.IOConnectCallStructMethod(connect, 1, buffer, 8_192);
    yield* app.store(buffer, new Uint8Array(2 * beat).fill(2));
    return code;
  }),
  'two writers during the call': withDext(function* (app, connect) {
    const [, buffer] = yield* app.posix_memalign(16_384, 8_192);
    yield* app.store(buffer, new Uint8Array(2 * beat).fill(1));
    const threads: number[] = [];
    for (const i of [0, 1]) {
      const writes = function* (): Program {
        yield* app.store32(buffer + beat * i, 2);
      };
      threads.push(yield* app.pthread_create(`writer${i}`, writes));
    }
    const [code] = yield* app.IOConnectCallStructMethod(connect, 1, buffer, 8_192);
    for (const thread of threads) yield* app.pthread_join(thread);
    return code;
  }),
  'a completion against a time-out': withDext(function* (app, connect) {
    const port = yield* app.IONotificationPortCreate();
    const [code] = yield* app.IOConnectCallAsyncScalarMethod(connect, 2, port, [], []);
    const first = yield* app.mach_msg_receive(port, 1_000);
    const second = yield* app.mach_msg_receive(port, 1_000);
    return `${code} ${first?.result} ${second?.result}`;
  }),
  'threads that main does not wait for': scenario({
    title: 'threads',
    *app(app) {
      const word = yield* app.malloc(16);
      yield* app.store32(word, 0);
      yield* app.pthread_create('other', function* () {
        yield* app.store32(word, 1);
        yield* app.store32(word, 2);
      });
      return yield* app.load32(word);
    },
  }),
  'the last of three threads ends the process': scenario({
    title: 'threads',
    *app(app) {
      const word = yield* app.malloc(16);
      yield* app.store32(word, 0);
      for (const name of ['a', 'b']) {
        yield* app.pthread_create(name, function* () {
          yield* app.load32(word);
        });
      }
      yield* app.pthread_exit();
    },
  }),
};

describe('every sampled trace is an execution of the reduction, once, and none is given up', () => {
  test.for(Object.entries(scenarios))('%s', ([, program]) => {
    const { executions, blocked, complete, traces } = cover(program, new Reduction('1'), 5_000);
    expect({ executions, blocked, complete }).toEqual({ executions: traces.size, blocked: 0, complete: true });
    for (const factory of [random, pos]) {
      const sampled = cover(program, new Sampling(factory, '1', { decisions: 1 }), 200);
      for (const [trace, outcome] of sampled.traces) expect(traces.get(trace)).toBe(outcome);
    }
  });
});
