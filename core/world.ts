/** The world: everything that a fold of the events rebuilds. Only transitions change it. */
import type { Actor, Mutex } from './actors/state.ts';
import type { FaultName } from './faults/names.ts';
import type {
  Action,
  Call,
  Command,
  Connection,
  Descriptor,
  DispatchSource,
  Mapping,
  Port,
  Queue,
  Service,
  WorkItem,
} from './iokit/state.ts';
import { defaultMachine, type MachineOptions } from './machine.ts';
import type { Frame, Task, VmObject } from './memory/state.ts';
import type { Device, IommuEntry } from './pcie/state.ts';

export interface World {
  machine: MachineOptions;
  /** Virtual time of the last event, in nanoseconds. */
  time: number;
  /** The number that the next kernel object gets; one series for all kinds. */
  nextId: number;
  readonly actors: Map<number, Actor>;
  readonly mutexes: Map<number, Mutex>;

  readonly tasks: Map<number, Task>;
  readonly frames: Map<number, Frame>;
  /** Frames given back, the newest last: it is the next to be handed out. */
  readonly freeFrames: number[];
  framesMade: number;
  contiguousMade: number;
  /** Low frames given back, the newest last; they keep their bytes. */
  readonly lowFree: Pick<Frame, 'number' | 'bytes'>[];
  lowMade: number;
  readonly objects: Map<number, VmObject>;

  readonly services: Map<number, Service>;
  readonly connections: Map<number, Connection>;
  readonly calls: Map<number, Call>;
  readonly queues: Map<number, Queue>;
  readonly items: Map<number, WorkItem>;
  readonly ports: Map<number, Port>;
  readonly actions: Map<number, Action>;
  readonly descriptors: Map<number, Descriptor>;
  readonly mappings: Map<number, Mapping>;
  readonly commands: Map<number, Command>;
  /** Reference counts of what a dext can retain: descriptors, mappings, commands, actions, sources. */
  readonly references: Map<number, number>;

  /** The run's faults, and how far each is. */
  readonly faults: Map<FaultName, 'planned' | 'struck' | 'spent'>;

  readonly devices: Map<number, Device>;
  readonly sources: Map<number, DispatchSource>;
  /** Bus page number to entry. */
  readonly iommu: Map<number, IommuEntry>;
  /** Bus addresses in use, sorted. */
  iovas: { readonly start: number; readonly end: number }[];
}

/** The world before the first event. */
export function emptyWorld(): World {
  return {
    machine: defaultMachine,
    time: 0,
    nextId: 1,
    actors: new Map(),
    mutexes: new Map(),
    tasks: new Map(),
    frames: new Map(),
    freeFrames: [],
    framesMade: 0,
    contiguousMade: 0,
    lowFree: [],
    lowMade: 0,
    objects: new Map(),
    services: new Map(),
    connections: new Map(),
    calls: new Map(),
    queues: new Map(),
    items: new Map(),
    ports: new Map(),
    actions: new Map(),
    descriptors: new Map(),
    mappings: new Map(),
    commands: new Map(),
    references: new Map(),
    faults: new Map(),
    devices: new Map(),
    sources: new Map(),
    iommu: new Map(),
    iovas: [],
  };
}
