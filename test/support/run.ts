/** Builds the smallest scenario around an app and an external method, runs it, and hands back all there is to look at. */
import {
  IOService,
  IOUserClient,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  kIOReturnSuccess,
  record,
  scenario,
  type AnyEvent,
  type App,
  type DeviceModel,
  type EventByKind,
  type IOMemoryDescriptor,
  type IOPCIDevice,
  type IOUserClientMethodArguments,
  type IOUserClientMethodDispatch,
  type KindName,
  type MachineOptions,
  type Program,
  type Recording,
  type RecordOptions,
  type Scenario,
} from '../../index.ts';
import { probe } from './probe.ts';

/** The driver of all tests: opens the device and turns bus lead and memory space on. */
export class TestDriver extends IOService {
  pci!: IOPCIDevice;
  /** What {@link Setup.start} prepared for the external methods. */
  readonly shared: Record<string, unknown> = {};
  private readonly setup: Setup<unknown>;

  constructor(setup: Setup<unknown>) {
    super();
    this.setup = setup;
  }

  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    this.pci = provider as IOPCIDevice;
    if (this.setup.open !== false) {
      yield* this.pci.Open(this);
      const bits = kIOPCICommandBusLead | kIOPCICommandMemorySpace;
      yield* this.pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, bits);
    }
    if (this.setup.start !== undefined) yield* this.setup.start(this);
    return yield* this.RegisterService();
  }

  override *NewUserClient(): Program<[number, IOUserClient | null]> {
    return yield* this.Create(new TestClient(this, this.setup));
  }
}

/** Its user client: external methods by selector. */
export class TestClient extends IOUserClient {
  readonly driver: TestDriver;
  private readonly setup: Setup<unknown>;

  constructor(driver: TestDriver, setup: Setup<unknown>) {
    super();
    this.driver = driver;
    this.setup = setup;
  }

  get pci(): IOPCIDevice {
    return this.driver.pci;
  }

  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    if (this.setup.clientStart !== undefined) yield* this.setup.clientStart(this);
    return yield* super.Start(provider);
  }

  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    if (this.setup.stop !== undefined) yield* this.setup.stop(this);
    const code = yield* super.Stop(provider);
    if (this.setup.afterStop !== undefined) yield* this.setup.afterStop(this);
    return code;
  }

  override *CopyClientMemoryForType(type: number): Program<[number, number | undefined, IOMemoryDescriptor | null]> {
    const { clientMemory } = this.setup;
    return clientMemory === undefined ? yield* super.CopyClientMemoryForType(type) : yield* clientMemory(type, this);
  }

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    const { method = [] } = this.setup;
    const chosen = typeof method === 'function' ? method : method[selector];
    return chosen === undefined ? kIOReturnSuccess : yield* chosen(args, this);
  }

  /** IOUserClient's own ExternalMethod: the dispatch checks. */
  *check<Target>(
    args: IOUserClientMethodArguments,
    dispatch: IOUserClientMethodDispatch<Target> | undefined,
    target?: Target,
    reference?: unknown,
  ): Program<number> {
    return yield* super.ExternalMethod(args.selector, args, dispatch, target, reference);
  }
}

/** An external method of {@link TestClient}. */
export type Method = (args: IOUserClientMethodArguments, client: TestClient) => Program<number>;

export interface Setup<R> {
  /** The app's main thread, already connected. */
  readonly app: (app: App, connect: number) => Program<R>;
  /** One for all selectors, or one for each. */
  readonly method?: Method | readonly Method[];
  /** Runs in the driver's Start, once the device is open. */
  readonly start?: (driver: TestDriver) => Program;
  /** What CopyClientMemoryForType hands out. */
  readonly clientMemory?: (
    type: number,
    client: TestClient,
  ) => Program<[code: number, options: number | undefined, memory: IOMemoryDescriptor | null]>;
  readonly clientStart?: (client: TestClient) => Program;
  /** Runs in the client's Stop, before it hands on to IOUserClient's own; and after. */
  readonly stop?: (client: TestClient) => Program;
  readonly afterStop?: (client: TestClient) => Program;
  /** Whether Start opens the device; it does unless told not to. */
  readonly open?: boolean;
  readonly device?: DeviceModel;
  /** Whether the driver is a kernel extension. */
  readonly kernel?: boolean;
  readonly machine?: Partial<MachineOptions>;
}

export interface Logged {
  readonly event: AnyEvent;
  readonly actor: number;
  /** In nanoseconds. */
  readonly tick: number;
}

/** A finished run. */
export interface Ran<R> {
  readonly recording: Recording;
  readonly world: Recording['world'];
  readonly findings: Recording['findings'];
  readonly result: R;
  readonly events: readonly AnyEvent[];
  /** The same with who did it and when. */
  readonly log: readonly Logged[];
  /** The events of a kind, in order. */
  of<K extends KindName>(kind: K): EventByKind[K][];
  /** The first device's local memory at the end. */
  readonly deviceMemory: Uint8Array;
}

/** The scenario that {@link run} runs. */
export function scenarioOf<R>(setup: Setup<R>): Scenario {
  return scenario({
    title: 'a test',
    machine: setup.machine ?? {},
    device: setup.device ?? probe(),
    [setup.kernel === true ? 'kext' : 'dext']: () => new TestDriver(setup as Setup<unknown>),
    *app(app) {
      const service = yield* app.IOServiceGetMatchingService('TestDriver');
      const [, connect] = yield* app.IOServiceOpen(service);
      return yield* setup.app(app, connect);
    },
  });
}

/** Runs whatever findings come of it. Tests of the model misuse it on purpose, so rules watch only where they are asked for. */
export function runAnyhow<R>(setup: Setup<R>, options: RecordOptions = {}): Ran<R> {
  const log: Logged[] = [];
  const onEvent = (event: AnyEvent, actor: number, tick: number): void => void log.push({ event, actor, tick });
  const recording = record(scenarioOf(setup), {
    maxSteps: 200_000,
    rules: [],
    ...options,
    onEvent,
  });
  const { world, findings } = recording;
  const events = log.map(({ event }) => event);
  return {
    recording,
    world,
    findings,
    result: recording.result as R,
    events,
    log,
    of: <K extends KindName>(kind: K) => events.filter((event): event is EventByKind[K] => event.kind === kind),
    deviceMemory: [...world.devices.values()][0]!.memory,
  };
}

/** Runs, and fails the test unless the run ends without a finding. */
export function run<R>(setup: Setup<R>, options: RecordOptions = {}): Ran<R> {
  const ran = runAnyhow(setup, options);
  if (ran.findings.length > 0) {
    const said = ran.findings.map(({ rule, message }) => `${rule}: ${message}`).join('\n');
    throw new Error(`seed ${ran.recording.seed}, ${ran.recording.strategy}: ${said}`);
  }
  return ran;
}

/** Runs under every strategy, and under several seeds of those that draw. */
export function runs<R>(setup: () => Setup<R>, seeds = 8): Ran<R>[] {
  const all: Ran<R>[] = [run(setup(), { strategy: 'round-robin' })];
  for (let seed = 1; seed <= seeds; seed += 1) {
    for (const strategy of ['random', 'timed']) all.push(run(setup(), { seed, strategy }));
  }
  return all;
}
