/** IODispatchQueue.iig: blocks of DispatchConcurrent run beside each other, and beside nothing else of the queue. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  IODispatchQueue,
  kIODispatchQueueMethodsNotSynchronized,
  kIODispatchQueueReentrant,
  kIOMemoryDirectionInOut,
  kIOReturnSuccess,
  note,
  sleep,
  store,
  type Program,
} from '../../../index.ts';
import { found } from '../../support/found.ts';
import { run, runs, type Setup } from '../../support/run.ts';

type Body = (queue: IODispatchQueue, block: (name: string) => () => Program) => Program;

/** An external method with a queue, and blocks that say when they begin and end and write the same byte in between. */
function blocks(options: number, body: Body): Setup<string[]> {
  const said: string[] = [];
  return {
    *method() {
      const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 16);
      const [, { address }] = yield* buffer!.GetAddressRange();
      const [, queue] = yield* IODispatchQueue.Create('work', options);
      yield* body(queue, (name) => () => writes(name, address));
      yield* queue.DispatchSync(function* () {});
      return 0;
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, []);
      return said;
    },
  };

  function* writes(name: string, address: number): Program {
    said.push(`${name} begins`);
    yield* note(name);
    yield* store(address, Uint8Array.of(1));
    said.push(`${name} ends`);
  }
}

const twoBesideOneAlone: Body = function* (queue, block) {
  yield* queue.DispatchConcurrent(block('a'));
  yield* queue.DispatchConcurrent(block('b'));
  yield* queue.DispatchAsync(block('alone'));
  yield* queue.DispatchConcurrent(block('c'));
};

describe('on a reentrant queue', () => {
  test('two run at once, in some schedules; one that is to run alone waits for them, and what comes after for it', () => {
    const orders = new Set<string>();
    for (const { result, world } of runs(() => blocks(kIODispatchQueueReentrant, twoBesideOneAlone), 12)) {
      orders.add(result.slice(0, 4).join());
      expect(result.slice(0, 4).toSorted()).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
      expect(result.slice(4)).toEqual(['alone begins', 'alone ends', 'c begins', 'c ends']);
      const servers = [...world.actors.values()].filter(({ name, alive }) => alive && name.startsWith('dext:work'));
      expect(servers).toHaveLength(1);
    }
    expect(orders.has('a begins,a ends,b begins,b ends')).toBe(true);
    expect(orders.size).toBeGreaterThan(1);
  });

  test('what they share without a lock is a race, what blocks that run alone share is none', () => {
    const rules = (body: Body): string[] => found(blocks(kIODispatchQueueReentrant, body), { races: true });
    expect(
      rules(function* (queue, block) {
        yield* queue.DispatchConcurrent(block('a'));
        yield* queue.DispatchConcurrent(block('b'));
      }),
    ).toContain('data-race');
    expect(
      rules(function* (queue, block) {
        yield* queue.DispatchConcurrent(block('a'));
        yield* queue.DispatchAsync(block('alone'));
        yield* queue.DispatchConcurrent(block('b'));
      }),
    ).not.toContain('data-race');
  });
});

test('on any other queue they run one after the other, which is not established', () => {
  for (const ran of runs(() => blocks(0, twoBesideOneAlone), 2)) {
    expect(ran.result.join()).toBe(
      ['a', 'b', 'alone', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]).join(),
    );
    expect(ran.of('unspecified')).toHaveLength(3);
  }
});

test('MethodsNotSynchronized is not documented: the queue is serial all the same, and the run says so (§7.4)', () => {
  const seen: string[] = [];
  const ran = run({
    *method() {
      const options = kIODispatchQueueReentrant | kIODispatchQueueMethodsNotSynchronized;
      const [code, queue] = yield* IODispatchQueue.Create('both', options);
      for (const name of ['a', 'b']) {
        yield* queue.DispatchAsync(function* () {
          seen.push(`${name} begins`);
          yield* sleep(100);
          seen.push(`${name} ends`);
        });
      }
      yield* queue.DispatchSync(function* () {});
      return code;
    },
    *app(app, connect) {
      return (yield* app.IOConnectCallScalarMethod(connect, 0, []))[0];
    },
  });
  expect(ran.result).toBe(kIOReturnSuccess);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  expect(ran.of('unspecified')).toHaveLength(1);
});
