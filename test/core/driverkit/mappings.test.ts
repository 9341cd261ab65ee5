/** facts §2.3 (MD:5615 copyCompatible), §5.1: CreateMapping hands out the mapping that there is, or a part of it. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  IODispatchQueue,
  IOMemoryDescriptor,
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  kIOMemoryMapCacheModeInhibit,
  kIOMemoryMapCacheModeRealTime,
  kIOMemoryMapFixedAddress,
  kIOMemoryMapGuardedLarge,
  kIOMemoryMapGuardedNone,
  kIOMemoryMapGuardedSmall,
  kIOMemoryMapReadOnly,
  KiB,
  load,
  store,
  type IOMemoryMap,
  type Program,
} from '../../../index.ts';
import { inDext } from '../../support/dext.ts';
import { violations } from '../../support/invariants.ts';
import { runAnyhow } from '../../support/run.ts';

const page = 16 * KiB;

const map = function* (memory: IOMemoryDescriptor, ...args: readonly number[]): Program<IOMemoryMap> {
  const [options = 0, address = 0, offset = 0, length = 0] = args;
  return (yield* memory.CreateMapping(options, address, offset, length))[1]!;
};

describe('the same memory, asked for in the same way', () => {
  test('is the same object, with one more reference', () => {
    const ran = inDext(function* ({ output }) {
      const first = yield* map(output);
      const second = yield* map(output);
      yield* first.release();
      yield* store(second.GetAddress(), Uint8Array.of(7));
      return [second.id === first.id, (yield* load(first.GetAddress(), 1))[0]];
    });
    expect(ran.result).toEqual([true, 7]);
    expect(ran.of('mapping.create')).toHaveLength(1);
    expect(ran.of('mapping.again')).toHaveLength(1);
  });

  test('also through a Sub: mappings are those of what it stands on (SUB:191-215)', () => {
    const { result } = inDext(function* ({ output }) {
      const whole = yield* map(output);
      const [, sub] = yield* IOMemoryDescriptor.CreateSubMemoryDescriptor(kIOMemoryDirectionInOut, page, 100, output);
      return (yield* map(sub!)).GetAddress() - whole.GetAddress();
    });
    expect(result).toBe(page);
  });

  test('after its last release, it is a new one', () => {
    const ran = inDext(function* ({ output }) {
      yield* (yield* map(output)).release();
      yield* (yield* map(output)).release();
    });
    expect(ran.of('mapping.create')).toHaveLength(2);
    expect(ran.of('vm.remove').length).toBeGreaterThanOrEqual(2);
  });

  test('so GetAddressRange and CreateMapping of a buffer agree', () => {
    const { result } = inDext(function* () {
      const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 100);
      const [, range] = yield* buffer!.GetAddressRange();
      return (yield* map(buffer!)).GetAddress() === range.address;
    });
    expect(result).toBe(true);
  });
});

describe('a part of it', () => {
  test('lies within, and keeps the whole: its pages go with the last of the two', () => {
    const ran = inDext(function* ({ output }) {
      const whole = yield* map(output);
      const part = yield* map(output, 0, 0, page + 5, 100);
      yield* store(whole.GetAddress() + page + 5, Uint8Array.of(9));
      yield* whole.release();
      const seen = [part.GetAddress() - whole.GetAddress(), part.GetLength(), (yield* load(part.GetAddress(), 1))[0]];
      yield* part.release();
      return seen;
    });
    expect(ran.result).toEqual([page + 5, 100, 9]);
    expect(ran.world.mappings.size).toBe(0);
    expect(violations(ran.world)).toEqual([]);
  });

  test('but the whole is not within a part', () => {
    const ran = inDext(function* ({ output }) {
      yield* map(output, 0, 0, page, page);
      yield* map(output);
    });
    expect(ran.of('mapping.options').map(({ within }) => within)).toEqual([0, 0]);
  });
});

describe('asked for in another way it is a new mapping', () => {
  test.each([
    ['read-only', kIOMemoryMapReadOnly, true],
    ['another cache mode', kIOMemoryMapCacheModeInhibit, true],
    ['no guard', kIOMemoryMapGuardedNone, true],
    ['a large guard', kIOMemoryMapGuardedLarge, true],
    ['a small guard, which is the default', kIOMemoryMapGuardedSmall, false],
  ])('%s', (_what, options, fresh) => {
    const { result } = inDext(function* ({ output }) {
      return (yield* map(output)).id !== (yield* map(output, options)).id;
    });
    expect(result).toBe(fresh);
  });

  test('the default cache mode fits any', () => {
    const { result } = inDext(function* ({ output }) {
      return (yield* map(output, kIOMemoryMapCacheModeRealTime)).id === (yield* map(output)).id;
    });
    expect(result).toBe(true);
  });

  test('a fixed address fits where the mapping is, and has no guard', () => {
    const { result } = inDext(function* ({ output }) {
      const first = yield* map(output, kIOMemoryMapGuardedNone);
      const again = yield* map(output, kIOMemoryMapFixedAddress, first.GetAddress());
      const elsewhere = yield* map(output, kIOMemoryMapFixedAddress, 0x2_0000_0000);
      return [again.id === first.id, elsewhere.id === first.id];
    });
    expect(result).toEqual([true, false]);
  });

  test('a descriptor of its own for the same memory', () => {
    const { result } = inDext(function* ({ client, address }) {
      const range = { address, length: page };
      const [, a] = yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, [range]);
      const [, b] = yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, [range]);
      return (yield* map(a!)).id === (yield* map(b!)).id;
    });
    expect(result).toBe(false);
  });
});

describe('guards (§5.1, MD:812-868)', () => {
  test.each([
    ['none', kIOMemoryMapGuardedNone, 0],
    ['small', kIOMemoryMapGuardedSmall, page],
    ['large', kIOMemoryMapGuardedLarge, 64 * KiB],
  ])('%s: %i', (_what, options, bytes) => {
    const ran = inDext(function* ({ output }) {
      const first = yield* map(output, kIOMemoryMapGuardedNone);
      const second = yield* map(output, options | kIOMemoryMapReadOnly);
      return second.GetAddress() - (first.GetAddress() + first.GetLength());
    });
    expect(ran.result).toBe(bytes);
  });
});

test('two queues that map and release at once never get a mapping that goes', () => {
  const shared = new Set<boolean>();
  for (let seed = 1; seed <= 30; seed += 1) {
    const ran = runAnyhow(
      {
        *method(args) {
          const memory = args.structureOutputDescriptor!;
          const [, other] = yield* IODispatchQueue.Create('other');
          function* work(): Program {
            for (let i = 0; i < 3; i += 1) {
              const mapped = yield* map(memory);
              yield* load(mapped.GetAddress(), 1);
              yield* mapped.release();
            }
          }
          yield* other.DispatchAsync(work);
          yield* work();
          yield* other.DispatchSync(function* () {});
          return 0;
        },
        *app(app, connect) {
          const buffer = yield* app.mmap(page);
          yield* app.IOConnectCallStructMethod(connect, 0, 0, 0, buffer, page);
        },
      },
      { seed },
    );
    expect(ran.findings).toEqual([]);
    expect(ran.world.mappings.size).toBe(0);
    shared.add(ran.of('mapping.again').length > 0);
  }
  expect(shared).toEqual(new Set([true, false]));
});
