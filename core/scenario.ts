import type { App } from './app/app.ts';
import { app } from './app/app.ts';
import type { DeviceModel } from './devices/device.ts';
import type { IOService } from './driverkit/IOService.ts';
import { ScenarioError } from './errors.ts';
import { faultsNamed } from './faults.ts';
import type { FaultName } from './faults/names.ts';
import { machineFrom, type MachineOptions } from './machine.ts';
import type { Program } from './operation.ts';
import type { World } from './world.ts';

/** What `--set name=value` can change: a scenario's own parameters, by name, with their defaults. */
export type Options = Readonly<Record<string, number | string | boolean>>;

/** The end of a run, for {@link ScenarioDefinition.check}. */
export interface End<R> {
  readonly world: World;
  /** What the app's main program returned; undefined when it did not get that far. */
  readonly result: R | undefined;
  /** The first device's local memory. */
  readonly deviceMemory: Uint8Array;
}

/** What a user writes. */
export interface ScenarioDefinition<O extends Options, R> {
  readonly title: string;
  /** Parameters and their defaults. */
  readonly options?: O;
  readonly machine?: Partial<MachineOptions> | ((options: Widen<O>) => Partial<MachineOptions>);
  /** Without one, and without a dext, the scenario is a program of app threads alone. */
  readonly device?: DeviceModel | ((options: Widen<O>) => DeviceModel);
  /** What may go wrong in a run; `--set faults=name,name` overrules it. */
  readonly faults?: readonly string[] | ((options: Widen<O>) => readonly string[]);
  /** Makes the driver that is started on the device; called again when its dext has crashed. */
  readonly dext?: (options: Widen<O>) => IOService;
  /** The same as a kernel extension, in place of a dext: it runs in the kernel, where a crash is a panic. */
  readonly kext?: (options: Widen<O>) => IOService;
  /** The app's main thread. */
  readonly app: (app: App, options: Widen<O>) => Program<R>;
  /**
   * What must hold all the time: throw, or return what is wrong. Called after every step but those that change
   * nothing but bytes, and at the end; until it fails once.
   */
  readonly always?: (world: World, options: Widen<O>) => string | undefined | void;
  /** What must hold at the end: throw, or return what is wrong. */
  readonly check?: (end: End<R>, options: Widen<O>) => string | undefined | void;
}

/** A scenario, ready to be run any number of times. */
export interface Scenario {
  /** Tells a scenario from anything else a module may export. */
  readonly isScenario: 'dextrace';
  readonly title: string;
  readonly options: Options;
  /** Puts the parts together for one run. */
  build(set: Options): Parts;
}

/** One run's parts. */
export interface Parts {
  readonly options: Options;
  readonly machine: MachineOptions;
  readonly device: DeviceModel | undefined;
  /** Makes the driver, each time that it is started on the device. */
  readonly driver: (() => IOService) | undefined;
  /** Whether the driver is a kernel extension. */
  readonly inKernel: boolean;
  readonly faults: readonly FaultName[];
  main(): Program<unknown>;
  /** Absent where the scenario asks for nothing. */
  readonly always: ((world: World) => string | undefined) | undefined;
  check(end: End<unknown>): string | undefined;
}

/** The option that says which faults a run has, separated by commas. */
export const faultsOption = 'faults';

/** Names of options that belong to the machine rather than to the scenario begin so. */
export const machinePrefix = 'machine.';

/**
 * Declares a scenario: what a module that `dextrace` runs must export by default.
 *
 * @example
 * export default scenario({
 *   title: 'A copy',
 *   device: sgEngine(),
 *   dext: () => new MyDriver(),
 *   *app(app) { … },
 * });
 */
export function scenario<O extends Options, R>(definition: ScenarioDefinition<O, R>): Scenario {
  const defaults = (definition.options ?? {}) as Options;
  /** Most scenarios have one machine for all runs. */
  let usual: MachineOptions | undefined;
  return {
    isScenario: 'dextrace',
    title: definition.title,
    options: defaults,
    build(set) {
      const own: Record<string, number | string | boolean> = { ...defaults };
      const forMachine: Record<string, number | string | boolean> = {};
      for (const [name, value] of Object.entries(set)) {
        if (name === faultsOption) continue;
        if (name.startsWith(machinePrefix)) forMachine[name.slice(machinePrefix.length)] = value;
        else own[name] = value;
      }
      const options = own as Widen<O>;
      const { machine, always, device, dext, kext, faults } = definition;
      const planned = typeof faults === 'function' ? faults(options) : (faults ?? []);
      if (typeof definition.app !== 'function') {
        throw new ScenarioError(`the scenario "${definition.title}" has no app: a generator method`);
      }
      if (dext !== undefined && kext !== undefined) {
        throw new ScenarioError(
          `the scenario "${definition.title}" has a dext and a kext: one of them drives the device`,
        );
      }
      const driver = dext ?? kext;
      if (driver !== undefined && device === undefined) {
        throw new ScenarioError(
          `the scenario "${definition.title}" has a ${dext === undefined ? 'kext' : 'dext'} but no device to start it on`,
        );
      }
      const varies = typeof machine === 'function' || Object.keys(forMachine).length > 0;
      return {
        options,
        machine: varies
          ? machineFrom({ ...(typeof machine === 'function' ? machine(options) : machine), ...forMachine })
          : (usual ??= machineFrom(machine ?? {})),
        device: typeof device === 'function' ? device(options) : device,
        driver: driver && (() => driver(options)),
        inKernel: kext !== undefined,
        faults: faultsNamed(faultsIn(set) ?? planned),
        main: () => definition.app(app, options),
        always: always && ((world) => always(world, options) ?? undefined),
        check: (end) => definition.check?.(end as End<R>, options) ?? undefined,
      };
    },
  };
}

/** The faults that the options ask for, when they say which. */
export function faultsIn(set: Options): string[] | undefined {
  const names = set[faultsOption];
  return names === undefined
    ? undefined
    : String(names)
        .split(',')
        .filter((name) => name !== '');
}

/** Literal defaults stand for their type: an option `size: 4096` is a number. */
type Widen<O> = {
  readonly [Name in keyof O]: O[Name] extends number ? number : O[Name] extends string ? string : boolean;
};
