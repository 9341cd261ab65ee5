/** A dext that keeps the app's memory prepared from one call to the next. */
import { IODMACommand, type IOMemoryDescriptor, type Program } from '../../index.ts';
import { obey } from './probe.ts';
import type { Setup, TestClient } from './run.ts';

/** What the device writes. */
export const fromDevice = 0x77;

/** Selectors of {@link Keeper}. */
export const [keep, deviceWrites, deviceReads, complete] = [0, 1, 2, 3];

/** Keeps a struct output prepared. */
export class Keeper {
  memory!: IOMemoryDescriptor;
  command!: IODMACommand;
  address = 0;
  readonly statuses: string[] = [];

  readonly methods: NonNullable<Setup<unknown>['method']> = [
    (args, client) => this.keep(args.structureOutputDescriptor!, client),
    (_, client) => this.move('write', client),
    (_, client) => this.move('read', client),
    () => this.complete(),
  ];

  *keep(memory: IOMemoryDescriptor, { pci }: TestClient): Program<number> {
    yield* memory.retain();
    this.memory = memory;
    this.command = (yield* IODMACommand.Create(pci, 0, { maxAddressBits: 64 }))[1]!;
    const [code, , , segments] = yield* this.command.PrepareForDMA(0, memory, 0, 0);
    this.address = segments[0]!.address;
    return code;
  }

  *move(command: 'read' | 'write', { pci }: TestClient): Program<number> {
    if (command === 'write') yield* obey(pci, { command: 'fill', length: 64, count: fromDevice });
    this.statuses.push(yield* obey(pci, { command, address: this.address, length: 64 }));
    return 0;
  }

  *complete(): Program<number> {
    yield* this.command.CompleteDMA(0);
    yield* this.command.release();
    yield* this.memory.release();
    return 0;
  }
}
