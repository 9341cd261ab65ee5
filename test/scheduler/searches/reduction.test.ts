/** The reduction: which executions it makes, written out by hand for the smallest programs. */
import { describe, expect, test } from 'vitest';
import { explore, scenario, type AnyEvent, type App, type Program, type Scenario } from '../../../index.ts';
import { Reduction } from '../../../scheduler/searches/reduction.ts';
import { listed } from '../../support/all-schedules.ts';
import { lostUpdate, threadsOf } from '../../support/programs.ts';

/** Accesses of the threads as `a.load`, in order; those of main are left out. */
const access = (event: AnyEvent, actor: string): string | undefined =>
  /^memory\.|^mutex\.lock/.test(event.kind) && actor.startsWith('app:t')
    ? `${'abc'[Number(actor.slice(5))]}.${event.kind.split('.')[1]}`
    : undefined;
const executionsOf = (program: Scenario): string[] => listed(program, new Reduction('1'), access).toSorted();

const storing = (app: App, at: number) =>
  function* (): Program {
    yield* app.store32(at, 1);
  };

describe('written out', () => {
  test('two stores to one word: either first', () => {
    const program = threadsOf(1, (app, word) => [storing(app, word(0)), storing(app, word(0))]);
    expect(executionsOf(program)).toEqual(['a.store b.store', 'b.store a.store']);
  });

  test('two stores to two words, and two loads of one: one order is all', () => {
    const apart = threadsOf(2, (app, word) => [storing(app, word(0)), storing(app, word(1))]);
    expect(executionsOf(apart)).toEqual(['a.store b.store']);
    const loads = threadsOf(1, (app, word) => [() => app.read(word(0), 4), () => app.read(word(0), 4)]);
    expect(executionsOf(loads)).toEqual(['a.load b.load']);
  });

  test('two bytes of one word are apart', () => {
    const program = threadsOf(1, (app, word) => [() => app.memset(word(0), 1, 2), () => app.memset(word(0) + 2, 1, 2)]);
    expect(executionsOf(program)).toEqual(['a.fill b.fill']);
  });

  test('three stores to one word: all six orders', () => {
    const program = threadsOf(1, (app, word) => [0, 1, 2].map(() => storing(app, word(0))));
    expect(executionsOf(program)).toEqual([
      'a.store b.store c.store',
      'a.store c.store b.store',
      'b.store a.store c.store',
      'b.store c.store a.store',
      'c.store a.store b.store',
      'c.store b.store a.store',
    ]);
  });

  test('the lost update: in turn, or both loads before both stores, which go either way', () => {
    const [first, , , last] = executionsOf(lostUpdate);
    expect(executionsOf(lostUpdate)).toHaveLength(4);
    expect(first).toBe('a.load a.store b.load b.store');
    expect(last).toBe('b.load b.store a.load a.store');
  });

  test('store buffering: of the four ways, both loads first is none', () => {
    const program = threadsOf(2, (app, word) =>
      [0, 1].map(
        (i) =>
          function* (): Program {
            yield* app.store32(word(i), 1);
            yield* app.load32(word(1 - i));
          },
      ),
    );
    expect(executionsOf(program)).toHaveLength(3);
  });

  test('a lock: who comes first', () => {
    const program = scenario({
      title: 'a lock',
      *app(app) {
        const mutex = yield* app.pthread_mutex_init();
        const lock = function* (): Program {
          yield* app.pthread_mutex_lock(mutex);
          yield* app.pthread_mutex_unlock(mutex);
        };
        const threads = [yield* app.pthread_create('t0', lock), yield* app.pthread_create('t1', lock)];
        for (const thread of threads) yield* app.pthread_join(thread);
      },
    });
    expect(executionsOf(program)).toEqual(['a.lock b.lock', 'b.lock a.lock']);
  });

  test('a lock that is never given back: who comes first; the other waits for ever', () => {
    const program = scenario({
      title: 'a lock',
      *app(app) {
        const mutex = yield* app.pthread_mutex_init();
        const lock = function* (): Program {
          yield* app.pthread_mutex_lock(mutex);
        };
        const threads = [yield* app.pthread_create('t0', lock), yield* app.pthread_create('t1', lock)];
        for (const thread of threads) yield* app.pthread_join(thread);
        yield* app.pthread_exit();
      },
    });
    expect(executionsOf(program)).toEqual(['a.lock', 'b.lock']);
  });

  test('sleepers wake in the order of their times, whatever else happens', () => {
    const program = threadsOf(1, (app, word) =>
      [2, 1].map(
        (time) =>
          function* (): Program {
            yield* app.sleep(time);
            yield* app.store32(word(0), time);
          },
      ),
    );
    expect(executionsOf(program)).toEqual(['b.store a.store']);
  });
});

describe('compare and exchange', () => {
  /** Two threads that both try to make the word, which is 0, `to` if it is `from`. */
  const trying = (from: bigint): Scenario =>
    threadsOf(1, (app, word) =>
      [1, 2].map((to) => () => app.atomic_compare_exchange_strong(word(0), from, BigInt(to))),
    );

  test('two that fail commute', () => {
    expect(explore(trying(7n), { strategy: 'reduction' }).executions).toBe(1);
  });

  test('two that could succeed do not', () => {
    expect(explore(trying(0n), { strategy: 'reduction' }).executions).toBe(2);
  });
});
