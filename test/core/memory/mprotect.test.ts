/** facts §9 "mprotect", §4.3: protection binds the CPU, and wiring for In; DMA that is prepared goes on. */
import { describe, expect, test } from 'vitest';
import {
  EINVAL,
  ENOMEM,
  IODMACommand,
  KERN_PROTECTION_FAILURE,
  kIOReturnError,
  KiB,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  type App,
  type Program,
} from '../../../index.ts';
import { fromDevice, deviceReads, deviceWrites, keep, Keeper } from '../../support/keeper.ts';
import { run, runAnyhow } from '../../support/run.ts';

const page = 16 * KiB;
const size = 2 * page;

describe('the CPU', () => {
  const access = (protection: number, touch: (app: App, at: number) => Program<unknown>): string[] =>
    runAnyhow({
      *app(app) {
        const at = yield* app.mmap(size);
        yield* app.memset(at, 1, 1);
        expect(yield* app.mprotect(at, page, protection)).toBe(0);
        yield* touch(app, at);
      },
    }).findings.map(({ message }) => message.replace(/ at 0x.*/s, ''));

  test.each([
    ['PROT_READ', PROT_READ, [], ['app:main crashed: SIGBUS: write']],
    ['PROT_NONE', PROT_NONE, ['app:main crashed: SIGBUS: read'], ['app:main crashed: SIGBUS: write']],
    ['PROT_WRITE', PROT_WRITE, [], []],
  ])('%s', (_name, protection, reads, writes) => {
    expect(access(protection, (app, at) => app.read(at, 4))).toEqual(reads);
    expect(access(protection, (app, at) => app.memset(at, 2, 1))).toEqual(writes);
  });

  test('only the pages in the range; taken back it works as before', () => {
    const { result } = run({
      *app(app) {
        const at = yield* app.mmap(3 * page);
        yield* app.memset(at, 1, 1);
        yield* app.mprotect(at + page, 1, PROT_NONE);
        yield* app.memset(at, 2, 1);
        yield* app.memset(at + 2 * page, 3, 1);
        yield* app.mprotect(at, 3 * page, PROT_READ | PROT_WRITE);
        yield* app.memset(at + page, 4, 1);
        return [
          (yield* app.load(at, 1))[0],
          (yield* app.load(at + page, 1))[0],
          (yield* app.load(at + 2 * page, 1))[0],
        ];
      },
    });
    expect(result).toEqual([2, 4, 3]);
  });

  test('an address off a page border: EINVAL; a hole: ENOMEM', () => {
    const { result } = run({
      *app(app) {
        const at = yield* app.mmap(3 * page);
        yield* app.munmap(at + page, page);
        return [yield* app.mprotect(at + 1, 1, PROT_READ), yield* app.mprotect(at, 3 * page, PROT_READ)];
      },
    });
    expect(result).toEqual([EINVAL, ENOMEM]);
  });

  test('mmap takes a protection', () => {
    const { findings } = runAnyhow({
      *app(app) {
        yield* app.memset(yield* app.mmap(page, undefined, PROT_READ), 1, 1);
      },
    });
    expect(findings.map(({ rule }) => rule)).toEqual(['crash']);
  });
});

describe('DMA', () => {
  test.each([PROT_NONE, PROT_READ])('that is prepared goes on under protection %i', (protection) => {
    const keeper = new Keeper();
    const { result } = run({
      method: keeper.methods,
      *app(app, connect) {
        const at = yield* app.mmap(size);
        yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, at, size);
        yield* app.mprotect(at, size, protection);
        for (const selector of [deviceWrites, deviceReads]) yield* app.IOConnectCallScalarMethod(connect, selector, []);
        yield* app.mprotect(at, size, PROT_READ);
        return (yield* app.load(at, 1))[0];
      },
    });
    expect(keeper.statuses).toEqual(['ok', 'ok']);
    expect(result).toBe(fromDevice);
  });

  /** Codes of PrepareForDMA and CreateMapping, on memory that the app has made read-only. */
  const codes = (which: 'input' | 'output'): number[] => {
    const got: number[] = [];
    run({
      *method(args, client) {
        const memory = args.structureInputDescriptor ?? args.structureOutputDescriptor!;
        const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 });
        got.push((yield* command!.PrepareForDMA(0, memory, 0, 0))[0], (yield* memory.CreateMapping(0))[0]);
        return 0;
      },
      *app(app, connect) {
        const at = yield* app.mmap(size);
        yield* app.mprotect(at, size, PROT_READ);
        const [input, output] = which === 'input' ? [at, 0] : [0, at];
        yield* app.IOConnectCallStructMethod(connect, 0, input, input && size, output, output && size);
      },
    });
    return got;
  };

  test('In over read-only memory: the raw KERN_PROTECTION_FAILURE (§4.3, VMP:6762)', () => {
    expect(codes('output')).toEqual([KERN_PROTECTION_FAILURE, kIOReturnError]);
  });

  test('Out does not mind', () => {
    expect(codes('input')).toEqual([0, 0]);
  });
});
