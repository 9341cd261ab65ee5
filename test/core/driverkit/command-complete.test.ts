/** facts §4.4, §4.5: CompleteDMA, GetPreparation, and commands that are freed while they are prepared. */
import { describe, expect, test } from 'vitest';
import {
  IODispatchQueue,
  kIOReturnBadArgument,
  kIOReturnBusy,
  kIOReturnNotReady,
  kIOReturnSuccess,
  kIOReturnVMError,
  KiB,
  type Era,
  type Program,
} from '../../../index.ts';
import { commandFor, inDext, prepared, wires } from '../../support/dext.ts';
import { runAnyhow } from '../../support/run.ts';

describe('CompleteDMA', () => {
  test('options other than 0: BadArgument, and the preparation stays', () => {
    const ran = inDext(function* (inside) {
      const [command] = yield* prepared(inside, inside.input);
      return [yield* command.CompleteDMA(1), (yield* command.GetPreparation())[0], yield* command.CompleteDMA(0)];
    });
    // GetPreparation's descriptor was retained for the caller.
    expect(ran.result).toEqual([kIOReturnBadArgument, kIOReturnSuccess, kIOReturnSuccess]);
  });

  test('of a command that never was prepared, or is complete already: NotReady, and nothing else', () => {
    const ran = inDext(function* (inside) {
      const fresh = yield* commandFor(inside);
      const [command] = yield* prepared(inside, inside.input);
      return [yield* fresh.CompleteDMA(0), yield* command.CompleteDMA(0), yield* command.CompleteDMA(0)];
    });
    expect(ran.result).toEqual([kIOReturnNotReady, kIOReturnSuccess, kIOReturnNotReady]);
    expect(ran.of('page.unwire')).toHaveLength(ran.of('page.wire').length);
  });

  test('unmaps from the IOMMU first, then unwires', () => {
    const ran = inDext(function* (inside) {
      const [command] = yield* prepared(inside, inside.input);
      return yield* command.CompleteDMA(0);
    });
    const kinds = ran.events.map(({ kind }) => kind).filter((kind) => kind === 'iommu.unmap' || kind === 'page.unwire');
    expect(kinds).toEqual(['iommu.unmap', 'iommu.unmap', 'iommu.unmap', 'page.unwire', 'page.unwire', 'page.unwire']);
  });

  test('lets the descriptor go: it is freed when the command was the last to keep it', () => {
    const ran = inDext(function* (inside) {
      const range = { address: inside.address, length: 16 * KiB };
      const [, memory] = yield* inside.client.CreateMemoryDescriptorFromClient(2, [range]);
      const [command] = yield* prepared(inside, memory!);
      yield* memory!.release();
      yield* command.CompleteDMA(0);
      return memory!.id;
    });
    expect(ran.world.descriptors.has(ran.result)).toBe(false);
    expect(wires(ran)).toEqual([]);
  });
});

describe('GetPreparation', () => {
  test('of a command that is not prepared: NotReady', () => {
    const { result } = inDext(function* (inside) {
      const command = yield* commandFor(inside);
      const before = yield* command.GetPreparation();
      yield* command.PrepareForDMA(0, inside.input, 0, 0);
      yield* command.CompleteDMA(0);
      return [before, yield* command.GetPreparation()];
    });
    expect(result).toEqual([
      [kIOReturnNotReady, 0, 0, null],
      [kIOReturnNotReady, 0, 0, null],
    ]);
  });

  test.each([
    [0, 0, 0, 48 * KiB],
    [0, 100, 0, 100],
    [4 * KiB, 1000, 4 * KiB, 1000],
  ])('prepared from %i for %i: says %i and %i', (offset, length, saidOffset, saidLength) => {
    const { result } = inDext(function* (inside) {
      const command = yield* commandFor(inside);
      yield* command.PrepareForDMA(0, inside.input, offset, length);
      const [code, atOffset, ofLength, memory] = yield* command.GetPreparation();
      yield* memory!.release();
      return [code, atOffset, ofLength, memory!.id === inside.input.id];
    });
    expect(result).toEqual([kIOReturnSuccess, saidOffset, saidLength, true]);
  });
});

describe('freed while prepared', () => {
  test.each<[Era, boolean]>([
    ['14.2', true],
    ['13.3-14.1', true],
    ['before-13.3', false],
  ])('on macOS %s it is completed: %s', (era, completes) => {
    const ran = inDext(
      function* (inside) {
        const [command] = yield* prepared(inside, inside.input);
        yield* command.release();
        return command.id;
      },
      { machine: { era } },
    );
    expect(ran.world.commands.has(ran.result)).toBe(false);
    expect(wires(ran)).toEqual(completes ? [] : [1, 1, 1]);
    expect(ran.world.iommu.size).toBe(completes ? 0 : 3);
  });

  test('a half-dead command leaks its reference to the descriptor, but no wire', () => {
    const ran = inDext(function* (inside) {
      const range = { address: inside.address, length: 16 * KiB };
      const [, memory] = yield* inside.client.CreateMemoryDescriptorFromClient(2, [range]);
      const command = yield* commandFor(inside);
      const [code] = yield* command.PrepareForDMA(0, memory, 1, 0);
      yield* command.release();
      yield* memory!.release();
      return [code, memory!.id];
    });
    expect(ran.result[0]).toBe(kIOReturnVMError);
    expect(ran.world.references.get(ran.result[1]!)).toBe(1);
    expect(wires(ran)).toEqual([]);
  });

  test('using it afterwards crashes the dext', () => {
    const ran = runAnyhow({
      *method(_, client) {
        const command = yield* commandFor({ client });
        yield* command.release();
        yield* command.CompleteDMA(0);
        return 0;
      },
      *app(app, connect) {
        yield* app.IOConnectCallStructMethod(connect, 0, 0, 0);
      },
    });
    expect(ran.findings.map(({ rule }) => rule)).toEqual(['use-after-release']);
    expect(ran.findings[0]!.message).toMatch(
      /^dext:TestClient crashed: EXC_BAD_ACCESS: use of IODMACommand #\d+ after its last release/,
    );
  });
});

describe('before 13.3, segments that cannot be made leave everything as it is', () => {
  test('the wire stays, and the command is busy for other memory', () => {
    const ran = inDext(
      function* (inside) {
        yield* inside.input.retain();
        const command = yield* commandFor(inside);
        const [zero] = yield* command.PrepareForDMA(0, inside.input, 0, 0, 0);
        const [other] = yield* command.PrepareForDMA(0, inside.output, 0, 0);
        return [zero, other];
      },
      { machine: { era: 'before-13.3' } },
    );
    expect(ran.result).toEqual([kIOReturnBadArgument, kIOReturnBusy]);
    expect(wires(ran)).toEqual([1, 1, 1]);
  });
});

describe('two queues', () => {
  /** Both prepare and complete the same memory with commands of their own, a few times. */
  function race(memory: 'struct' | 'client', seed: number): { leaked: boolean; rules: string[] } {
    const ran = runAnyhow(
      {
        *method(args, client) {
          const range = { address: Number(args.scalarInput[0]), length: 48 * KiB };
          const [, own] = yield* client.CreateMemoryDescriptorFromClient(2, [range]);
          const shared = memory === 'struct' ? args.structureInputDescriptor! : own!;
          const [, other] = yield* IODispatchQueue.Create('other');
          function* work(): Program {
            const command = yield* commandFor({ client });
            for (let i = 0; i < 3; i += 1) {
              yield* command.PrepareForDMA(0, shared, 0, 0);
              yield* command.CompleteDMA(0);
            }
          }
          yield* other.DispatchAsync(work);
          yield* work();
          // Behind the other queue's work.
          yield* other.DispatchSync(function* () {});
          return 0;
        },
        *app(app, connect) {
          const buffer = yield* app.mmap(48 * KiB);
          yield* app.IOConnectCallMethod(connect, 0, [BigInt(buffer)], buffer, 48 * KiB, 0, 0, 0);
        },
      },
      { seed },
    );
    return { leaked: wires(ran).length > 0, rules: ran.findings.map(({ rule, message }) => `${rule} ${message}`) };
  }

  test('a thread-safe descriptor keeps its wires right', () => {
    for (let seed = 0; seed < 40; seed += 1) expect(race('client', seed)).toEqual({ leaked: false, rules: [] });
  });

  test('a struct argument has no lock: pages are wired twice and stay so, under some schedules', () => {
    const outcomes = new Set<boolean>();
    for (let seed = 0; seed < 40; seed += 1) {
      const { leaked, rules } = race('struct', seed);
      // Whatever becomes of the counts, the simulation goes on.
      expect(rules).toEqual([]);
      outcomes.add(leaked);
    }
    expect(outcomes).toEqual(new Set([true, false]));
  });
});
