/** Races: which pairs of accesses are ordered, and by what. Every verdict holds for every seed. */
import { describe, expect, test } from 'vitest';
import asyncDoneRight from '../../examples/async-done-right.ts';
import clientMemory from '../../examples/client-memory.ts';
import deviceToApp from '../../examples/device-to-app.ts';
import dextBuffer from '../../examples/dext-buffer.ts';
import inlineCopy from '../../examples/inline-copy.ts';
import lateWriteRace from '../../examples/late-write-race.ts';
import lateWrite from '../../examples/late-write.ts';
import { kTransfer, SendClient } from '../../examples/send-client.ts';
import { SgDriver } from '../../examples/sg-driver.ts';
import { KiB, record, scenario, sgEngine, type App, type Options, type Program, type Scenario } from '../../index.ts';

const seeds = Array.from({ length: 40 }, (_, seed) => seed);

/** The rules that any of the seeds finds, and how many of the seeds find something. */
function races(of: Scenario, set: Options = {}): { rules: string[]; seeds: number } {
  const found = seeds.map((seed) =>
    record(of, { seed, set, races: true, rules: [] }).findings.filter(({ rule }) => rule !== 'check'),
  );
  const rules = new Set(found.flat().map(({ rule }) => rule));
  return { rules: [...rules].toSorted(), seeds: found.filter(({ length }) => length > 0).length };
}

const none = { rules: [], seeds: 0 };

describe('the examples', () => {
  const small = { size: 8 * KiB };
  test('the late write is found with every seed, whether or not the payload was torn', () => {
    expect(races(lateWriteRace, small)).toEqual({ rules: ['late-write'], seeds: seeds.length });
  });

  test.each([
    ['late-write', lateWrite],
    ['async-done-right', asyncDoneRight],
    ['device-to-app', deviceToApp],
    ['dext-buffer', dextBuffer],
    ['client-memory', clientMemory],
  ])('%s has none', (_name, example) => {
    expect(races(example, small)).toEqual(none);
  });

  test('inline-copy has none', () => {
    expect(races(inlineCopy)).toEqual(none);
  });
});

/** Two threads of an app with one word between them. */
function twoThreads(first: (app: App, word: number, mutex: number) => Program, second: typeof first): Scenario {
  return scenario({
    title: 'two threads',
    device: sgEngine({ memory: 8 * KiB }),
    dext: () => new SgDriver((driver) => new SendClient(driver)),
    *app(app) {
      const word = yield* app.malloc(16);
      const mutex = yield* app.pthread_mutex_init();
      const other = yield* app.pthread_create('other', () => second(app, word, mutex));
      yield* first(app, word, mutex);
      yield* app.pthread_join(other);
    },
  });
}

describe('two threads', () => {
  function* store(app: App, word: number): Program {
    yield* app.store32(word, 1);
  }
  function* storeLocked(app: App, word: number, mutex: number): Program {
    yield* app.pthread_mutex_lock(mutex);
    yield* app.store32(word, 1);
    yield* app.pthread_mutex_unlock(mutex);
  }
  function* load(app: App, word: number): Program {
    yield* app.load32(word);
  }

  test('two plain stores race', () => {
    expect(races(twoThreads(store, store))).toEqual({ rules: ['data-race'], seeds: seeds.length });
  });

  test('a store and a load race', () => {
    expect(races(twoThreads(store, load)).rules).toEqual(['data-race']);
  });

  test('two loads do not', () => {
    expect(races(twoThreads(load, load))).toEqual(none);
  });

  test('a mutex orders, when both take it', () => {
    expect(races(twoThreads(storeLocked, storeLocked))).toEqual(none);
    expect(races(twoThreads(storeLocked, store)).rules).toEqual(['data-race']);
  });

  test('neighbouring bytes do not conflict', () => {
    function* neighbour(app: App, word: number): Program {
      yield* app.store32(word + 4, 1);
    }
    expect(races(twoThreads(store, neighbour))).toEqual(none);
  });

  test('atomics do not race with each other, but with plain accesses', () => {
    function* add(app: App, word: number): Program {
      yield* app.atomic_fetch_add(word, 1n);
    }
    expect(races(twoThreads(add, add))).toEqual(none);
    expect(races(twoThreads(add, store)).rules).toEqual(['data-race']);
  });

  test('an atomic flag publishes what was written before it', () => {
    function* publish(app: App, word: number): Program {
      yield* app.store32(word + 8, 7);
      yield* app.atomic_store(word, 1n);
    }
    function* consume(app: App, word: number): Program {
      while ((yield* app.atomic_load(word)) === 0n);
      yield* app.load32(word + 8);
    }
    expect(races(twoThreads(publish, consume))).toEqual(none);
  });

  test('create and join order', () => {
    const created = scenario({
      title: 'create and join',
      device: sgEngine({ memory: 8 * KiB }),
      dext: () => new SgDriver((driver) => new SendClient(driver)),
      *app(app) {
        const word = yield* app.malloc(16);
        yield* app.store32(word, 1);
        const other = yield* app.pthread_create('other', () => store(app, word));
        yield* app.pthread_join(other);
        yield* app.store32(word, 2);
      },
    });
    expect(races(created)).toEqual(none);
  });
});

/** An app that does something with its buffer while a transfer is under way. */
function during(direction: 'input' | 'output', act: (app: App, buffer: number) => Program): Scenario {
  return scenario({
    title: 'during a transfer',
    device: sgEngine(),
    dext: () => new SgDriver((driver) => new SendClient(driver)),
    *app(app) {
      const size = 8 * KiB;
      const [, buffer] = yield* app.posix_memalign(16 * KiB, 16 * KiB);
      const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
      const port = yield* app.IONotificationPortCreate();
      const [input, output] = direction === 'input' ? [size, 0] : [0, size];
      yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], buffer, input, buffer, output);
      yield* act(app, buffer);
      yield* app.mach_msg_receive(port);
    },
  });
}

describe('during a transfer', () => {
  test.each([
    ['writing what the device reads', 'input', 'late-write', (app: App, at: number) => app.memset(at + 4 * KiB, 1, 64)],
    ['reading what the device writes', 'output', 'read-before-completion', (app: App, at: number) => app.read(at, 64)],
    ['writing what the device writes', 'output', 'lost-update', (app: App, at: number) => app.memset(at, 1, 64)],
  ] as const)('%s', (_name, direction, rule, act) => {
    function* once(app: App, at: number): Program {
      yield* act(app, at);
    }
    expect(races(during(direction, once))).toEqual({ rules: [rule], seeds: seeds.length });
  });

  test('reading what the device reads is no race, and neither is what lies beside the buffer', () => {
    function* reads(app: App, at: number): Program {
      yield* app.read(at, 64);
    }
    function* beside(app: App, at: number): Program {
      yield* app.memset(at + 8 * KiB, 1, 64);
    }
    expect(races(during('input', reads))).toEqual(none);
    expect(races(during('input', beside))).toEqual(none);
  });
});

test('a report names both accesses, the bytes, the request, the segment and the beat', () => {
  const { findings } = record(lateWriteRace, { seed: 1, races: true });
  const message = findings.find(({ rule }) => rule === 'late-write')!.message;
  expect(message).toMatch(/device:dma\d reads 64 bytes at 0x\w+ \(dma\.read, request 1 segment 0 beat \d+\)/);
  expect(message).toMatch(/app:main writes 64 bytes at 0x\w+ \(memory\.fill\)/);
  expect(message).toMatch(/after the completion has come/);
});
