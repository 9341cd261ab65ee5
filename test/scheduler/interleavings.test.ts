/** Which orders there are, written out by hand, and that the strategies reach all of them and no others. */
import { describe, expect, test } from 'vitest';
import { record, type App, type Program, type Scenario } from '../../index.ts';
import { everySchedule } from '../support/schedules.ts';
import { run, scenarioOf, type Ran } from '../support/run.ts';

/** Two threads with two stores each, which are told apart by what they store. */
const twoByTwo: Scenario = scenarioOf({
  *app(app) {
    const word = yield* app.malloc(16);
    function* thread(first: number, second: number): Program {
      yield* app.store(word, Uint8Array.of(first));
      yield* app.store(word, Uint8Array.of(second));
    }
    const a = yield* app.pthread_create('a', () => thread(0xa1, 0xa2));
    const b = yield* app.pthread_create('b', () => thread(0xb1, 0xb2));
    yield* app.pthread_join(a);
    yield* app.pthread_join(b);
    return (yield* app.load(word, 1))[0];
  },
});

/** All that two threads of two steps can do: 4! / (2! × 2!) = 6. */
const six = ['a1 a2 b1 b2', 'a1 b1 a2 b2', 'a1 b1 b2 a2', 'b1 a1 a2 b2', 'b1 a1 b2 a2', 'b1 b2 a1 a2'];

/** The order of the stores in a run. */
function ordered(scenario: Scenario, options: { seed?: number; strategy?: string }): string {
  const stores: string[] = [];
  record(scenario, {
    ...options,
    onEvent: (event) => event.kind === 'memory.store' && stores.push(event.bytes[0]!.toString(16)),
  });
  return stores.join(' ');
}

describe('two threads, two stores each', () => {
  test('have six schedules once both have started', () => {
    const seen = everySchedule(twoByTwo, ['app:a', 'app:b']).map(({ run: { result } }) => result);
    expect(seen).toHaveLength(6);
    // The last store wins: a2 ends three of the six, b2 the other three.
    expect(seen.filter((last) => last === 0xa2)).toHaveLength(3);
    expect(seen.filter((last) => last === 0xb2)).toHaveLength(3);
  });

  test('random reaches all six, and nothing else', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed += 1) seen.add(ordered(twoByTwo, { seed }));
    expect([...seen].toSorted()).toEqual(six);
  });

  test('timed stores take far less time than starting a thread: only one of the six is real', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed += 1) seen.add(ordered(twoByTwo, { seed, strategy: 'timed' }));
    expect([...seen]).toEqual(['a1 a2 b1 b2']);
  });
});

describe('other shapes', () => {
  /** Threads that write a note at each step: thread `i` makes `steps[i]` of them. */
  const noting = (steps: readonly number[]): Scenario =>
    scenarioOf({
      *app(app) {
        const threads: number[] = [];
        for (const [i, count] of steps.entries()) {
          threads.push(yield* app.pthread_create(`t${i}`, () => notes(app, i, count)));
        }
        for (const thread of threads) yield* app.pthread_join(thread);
      },
    });

  function* notes(app: App, thread: number, count: number): Program {
    for (let step = 1; step <= count; step += 1) yield* app.note(`${'abc'[thread]!}${step}`);
  }

  test('one thread has one schedule', () => {
    expect(everySchedule(noting([3]), ['app:t0']).map((one) => one.notes.join(' '))).toEqual(['a1 a2 a3']);
  });

  test('one step against two: three schedules', () => {
    const seen = everySchedule(noting([1, 2]), ['app:t0', 'app:t1']).map((one) => one.notes.join(' '));
    expect(seen).toEqual(['a1 b1 b2', 'b1 a1 b2', 'b1 b2 a1']);
  });

  test('three threads of one step: six, in the order of a depth-first search', () => {
    const seen = everySchedule(noting([1, 1, 1]), ['app:t0', 'app:t1', 'app:t2']).map((one) => one.notes.join(' '));
    expect(seen).toEqual(['a1 b1 c1', 'a1 c1 b1', 'b1 a1 c1', 'b1 c1 a1', 'c1 a1 b1', 'c1 b1 a1']);
  });

  test('three threads of two steps: 6! / 2!³ = 90, all different', () => {
    const seen = everySchedule(noting([2, 2, 2]), ['app:t0', 'app:t1', 'app:t2']).map((one) => one.notes.join(' '));
    expect(seen).toHaveLength(90);
    expect(new Set(seen).size).toBe(90);
  });
});

test('a mutex leaves two schedules of the six: who comes first', () => {
  const locked = scenarioOf({
    *app(app) {
      const mutex = yield* app.pthread_mutex_init();
      function* thread(name: string): Program {
        yield* app.pthread_mutex_lock(mutex);
        yield* app.note(`${name}1`);
        yield* app.note(`${name}2`);
        yield* app.pthread_mutex_unlock(mutex);
      }
      const a = yield* app.pthread_create('a', () => thread('a'));
      const b = yield* app.pthread_create('b', () => thread('b'));
      yield* app.pthread_join(a);
      yield* app.pthread_join(b);
    },
  });
  const seen = everySchedule(locked, ['app:a', 'app:b']);
  expect(seen.map(({ notes }) => notes.join(' '))).toEqual(['a1 a2 b1 b2', 'b1 b2 a1 a2']);
  expect(seen.flatMap(({ run: { findings } }) => findings)).toEqual([]);
});

describe('round-robin', () => {
  const three = {
    *app(app: App): Program {
      const threads: number[] = [];
      for (const name of ['a', 'b', 'c']) {
        threads.push(
          yield* app.pthread_create(name, function* () {
            for (let step = 1; step <= 3; step += 1) yield* app.note(`${name}${step}`);
          }),
        );
      }
      for (const thread of threads) yield* app.pthread_join(thread);
    },
  };
  const notesOf = (ran: Ran<unknown>): string =>
    ran
      .of('note')
      .map(({ text }) => text)
      .join(' ');

  test('lets each move in turn, by number, after the one that moved last', () => {
    // main creates a | a starts | main creates b | a1 | b starts | main creates c | a2 | b1 | c starts |
    // (main waits for a) a3 | b2 | c1 | main joins a | b3 | c2 | main joins b | c3
    expect(notesOf(run(three, { strategy: 'round-robin' }))).toBe('a1 a2 b1 a3 b2 c1 b3 c2 c3');
  });

  test('counts moves that nobody else could have made', () => {
    const ran = run(
      {
        *app(app) {
          const mutex = yield* app.pthread_mutex_init();
          yield* app.pthread_mutex_lock(mutex);
          const a = yield* app.pthread_create('a', function* () {
            yield* app.pthread_mutex_lock(mutex);
            yield* app.note('a');
          });
          const b = yield* app.pthread_create('b', function* () {
            yield* app.note('b');
          });
          yield* app.pthread_join(b);
          yield* app.pthread_mutex_unlock(mutex);
          // main has moved last, so it is a's turn: to lock, and after this note, to write its own.
          yield* app.note('main1');
          yield* app.note('main2');
          yield* app.pthread_join(a);
        },
      },
      { strategy: 'round-robin' },
    );
    expect(notesOf(ran)).toBe('b main1 a main2');
  });

  test('draws nothing: every seed is the same run', () => {
    const digests = [1, 2, 'x'].map((seed) => run(three, { strategy: 'round-robin', seed }).recording.digest);
    expect(new Set(digests).size).toBe(1);
  });
});

test('random and timed runs depend on the seed, and on nothing else', () => {
  for (const strategy of ['random', 'timed']) {
    const digests = new Map<number, string>();
    for (let seed = 0; seed < 10; seed += 1) digests.set(seed, record(twoByTwo, { seed, strategy }).digest);
    for (const [seed, digest] of digests) expect(record(twoByTwo, { seed, strategy }).digest).toBe(digest);
    expect(new Set(digests.values()).size).toBeGreaterThan(5);
  }
});
