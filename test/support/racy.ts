/** Small scenarios that fail under some schedules and not under others, each in a way of its own. */
import type { App, Program, Scenario } from '../../index.ts';
import { scenario } from '../../index.ts';
import { probe } from './probe.ts';
import { TestDriver } from './run.ts';

function threads(
  title: string,
  app: (app: App) => Program<unknown>,
  check: (result: unknown) => string | undefined,
): Scenario {
  return scenario({
    title,
    device: probe(),
    dext: () => new TestDriver({ *app() {} }),
    app,
    check: ({ result }) => check(result),
  });
}

/** Two threads add one to a word without a lock. */
export const lostUpdate: Scenario = threads(
  'A lost update',
  function* (app) {
    const word = yield* app.malloc(16);
    yield* app.store32(word, 0);
    function* add(): Program {
      const value = yield* app.load32(word);
      yield* app.store32(word, value + 1);
    }
    const a = yield* app.pthread_create('a', add);
    const b = yield* app.pthread_create('b', add);
    yield* app.pthread_join(a);
    yield* app.pthread_join(b);
    return yield* app.load32(word);
  },
  (result) => (result === 2 ? undefined : `the sum is ${String(result)}`),
);

/** Two threads take two mutexes in opposite orders. */
export const lockOrder: Scenario = threads(
  'Two locks in two orders',
  function* (app) {
    const first = yield* app.pthread_mutex_init();
    const second = yield* app.pthread_mutex_init();
    function* both(one: number, other: number): Program {
      yield* app.note('begin');
      yield* app.pthread_mutex_lock(one);
      yield* app.pthread_mutex_lock(other);
      yield* app.pthread_mutex_unlock(other);
      yield* app.pthread_mutex_unlock(one);
    }
    const a = yield* app.pthread_create('a', () => both(first, second));
    const b = yield* app.pthread_create('b', () => both(second, first));
    yield* app.pthread_join(a);
    yield* app.pthread_join(b);
  },
  () => undefined,
);

/** A thread frees a block twice when another one has freed it between its look and its free. */
export const doubleFree: Scenario = threads(
  'A block freed twice',
  function* (app) {
    const block = yield* app.malloc(64);
    let freed = false;
    function* once(): Program {
      const look = freed;
      yield* app.note('looked');
      if (look) return;
      yield* app.free(block);
      freed = true;
    }
    const a = yield* app.pthread_create('a', once);
    const b = yield* app.pthread_create('b', once);
    yield* app.pthread_join(a);
    yield* app.pthread_join(b);
  },
  () => undefined,
);

/** One thread must see the middle of what another one does, twice: two switches at least. */
export const twoWindows: Scenario = threads(
  'Two windows in a row',
  function* (app) {
    const word = yield* app.malloc(16);
    yield* app.store32(word, 0);
    let hits = 0;
    function* writer(): Program {
      for (let round = 0; round < 6; round += 1) {
        yield* app.store32(word, 1);
        yield* app.store32(word, 0);
      }
    }
    function* reader(): Program {
      for (let round = 0; round < 3; round += 1) if ((yield* app.load32(word)) === 1) hits += 1;
    }
    const a = yield* app.pthread_create('writer', writer);
    const b = yield* app.pthread_create('reader', reader);
    yield* app.pthread_join(a);
    yield* app.pthread_join(b);
    return hits;
  },
  (hits) => ((hits as number) >= 2 && (hits as number) < 3 ? `${String(hits)} half-done writes seen` : undefined),
);

export const racy: readonly Scenario[] = [lostUpdate, lockOrder, doubleFree, twoWindows];
