/** Which pairs of accesses are ordered, and by what, and how a race is told. Every verdict holds for every seed. */
import { describe, expect, test } from 'vitest';
import asyncDoneRight from '../../../examples/async-done-right.ts';
import clientMemory from '../../../examples/client-memory.ts';
import deviceToApp from '../../../examples/device-to-app.ts';
import dextBuffer from '../../../examples/dext-buffer.ts';
import inlineCopy from '../../../examples/inline-copy.ts';
import lateWriteRace from '../../../examples/late-write-race.ts';
import lateWrite from '../../../examples/late-write.ts';
import { SendClient } from '../../../examples/send-client.ts';
import { SgDriver } from '../../../examples/sg-driver.ts';
import { KiB, record, scenario, sgEngine, type App, type Program, type Scenario } from '../../../index.ts';
import { none, racesOf } from '../../support/races.ts';

describe('the examples', () => {
  const small = { size: 8 * KiB };
  test('the late write is found with every seed, whether or not the payload was torn', () => {
    expect(racesOf(lateWriteRace, { set: small })).toEqual({ rules: ['late-write'], seeds: 40 });
  });

  test.each([
    ['late-write', lateWrite],
    ['async-done-right', asyncDoneRight],
    ['device-to-app', deviceToApp],
    ['dext-buffer', dextBuffer],
    ['client-memory', clientMemory],
  ])('%s has none', (_name, example) => {
    expect(racesOf(example, { set: small })).toEqual(none);
  });

  test('inline-copy has none', () => {
    expect(racesOf(inlineCopy)).toEqual(none);
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
    expect(racesOf(twoThreads(store, store))).toEqual({ rules: ['data-race'], seeds: 40 });
  });

  test('a store and a load race', () => {
    expect(racesOf(twoThreads(store, load)).rules).toEqual(['data-race']);
  });

  test('two loads do not', () => {
    expect(racesOf(twoThreads(load, load))).toEqual(none);
  });

  test('a mutex orders, when both take it', () => {
    expect(racesOf(twoThreads(storeLocked, storeLocked))).toEqual(none);
    expect(racesOf(twoThreads(storeLocked, store)).rules).toEqual(['data-race']);
  });

  test('neighbouring bytes do not conflict', () => {
    function* neighbour(app: App, word: number): Program {
      yield* app.store32(word + 4, 1);
    }
    expect(racesOf(twoThreads(store, neighbour))).toEqual(none);
  });

  test('atomics do not race with each other, but with plain accesses', () => {
    function* add(app: App, word: number): Program {
      yield* app.atomic_fetch_add(word, 1n);
    }
    expect(racesOf(twoThreads(add, add))).toEqual(none);
    expect(racesOf(twoThreads(add, store)).rules).toEqual(['data-race']);
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
    expect(racesOf(twoThreads(publish, consume))).toEqual(none);
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
    expect(racesOf(created)).toEqual(none);
  });
  test('a report names the mutex that one of the two holds', () => {
    const { findings } = record(twoThreads(storeLocked, store), { races: true });
    expect(findings[0]!.message).toMatch(/writes 4 bytes at 0x\w+ \(memory\.store, holding mutex #\d+\)/);
  });
});

test('a report names both accesses, the bytes, the request, the segment and the beat', () => {
  const { findings } = record(lateWriteRace, { seed: 1, races: true });
  const message = findings.find(({ rule }) => rule === 'late-write')!.message;
  expect(message).toMatch(/device:dma\d reads 64 bytes at 0x\w+ \(dma\.read, request 1 segment 0 beat \d+\)/);
  expect(message).toMatch(/app:main writes 64 bytes at 0x\w+ \(memory\.fill\)/);
  expect(message).toMatch(/to the same 64 bytes:/);
  expect(message).toMatch(
    /device:dma\d reads .*\n +after what app:main did up to event \d+ \(enqueue ExternalMethod as item /,
  );
  expect(message).toMatch(/from event \d+ on \(receive from port #\d+\) app:main is behind the first/);
  expect(message).toMatch(/and \d+ more such pairs\n.*after the completion has come/);
});
