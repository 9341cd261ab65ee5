/** Random programs of a few threads and a few steps, for going through all of their schedules. */
import fc from 'fast-check';
import { scenario, type App, type Program, type Scenario } from '../../index.ts';

/** What a thread does next. Words and mutexes are told by number. */
export type Do =
  | { readonly do: 'load' | 'store' | 'add' | 'compare'; readonly word: number; readonly value: number }
  | { readonly do: 'locked'; readonly mutex: number; readonly inside: readonly Do[] }
  | { readonly do: 'sleep'; readonly value: number }
  | { readonly do: 'allocate' }
  | { readonly do: 'thread'; readonly inside: readonly Do[]; readonly joined: boolean };

export const words = 2;
const mutexes = 2;

const access: fc.Arbitrary<Do> = fc.record({
  do: fc.constantFrom('load', 'store', 'add', 'compare'),
  word: fc.nat({ max: words - 1 }),
  value: fc.nat({ max: 2 }),
});
const short = (of: fc.Arbitrary<Do>, maxLength: number): fc.Arbitrary<Do[]> =>
  fc.array(of, { minLength: 1, maxLength });
const locked = (inside: fc.Arbitrary<Do>): fc.Arbitrary<Do> =>
  fc.record({
    do: fc.constant('locked' as const),
    mutex: fc.nat({ max: mutexes - 1 }),
    inside: fc.array(inside, { maxLength: 1 }),
  });
const plain: fc.Arbitrary<Do> = fc.oneof(
  { weight: 6, arbitrary: access },
  { weight: 3, arbitrary: locked(fc.oneof(access, locked(access))) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep' as const), value: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('allocate' as const) }) },
);
const any: fc.Arbitrary<Do> = fc.oneof(
  { weight: 8, arbitrary: plain },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('thread' as const), inside: short(access, 1), joined: fc.boolean() }),
  },
);

/** Two or three threads. */
export const smallPrograms: fc.Arbitrary<readonly (readonly Do[])[]> = fc.oneof(
  fc.tuple(short(any, 3), short(any, 3)),
  fc.tuple(short(access, 2), short(plain, 2), short(access, 1)),
);

/** The program as a scenario; its result is all that its threads have seen, and what the words hold at the end. */
export function scenarioOfProgram(threads: readonly (readonly Do[])[]): Scenario {
  return scenario({
    title: 'a small program',
    *app(app) {
      const base = yield* app.malloc(4 * words);
      yield* app.store(base, new Uint8Array(4 * words));
      const locks: number[] = [];
      for (let i = 0; i < mutexes; i += 1) locks.push(yield* app.pthread_mutex_init());
      const seen: string[][] = [];
      const started: number[] = [];
      for (const [i, todo] of threads.entries()) {
        started.push(yield* app.pthread_create(`t${i}`, () => run(app, base, locks, todo, `${i}`, seen)));
      }
      for (const thread of started) yield* app.pthread_join(thread);
      const values = yield* app.load(base, 4 * words);
      return JSON.stringify([seen.map((lines) => lines.join(' ')).toSorted(), [...values]]);
    },
  });
}

function* run(
  app: App,
  base: number,
  locks: readonly number[],
  todo: readonly Do[],
  name: string,
  all: string[][],
): Program {
  const seen = [`${name}:`];
  all.push(seen);
  for (const [i, next] of todo.entries()) yield* one(app, base, locks, next, `${name}.${i}`, seen, all);
}

function* one(
  app: App,
  base: number,
  locks: readonly number[],
  next: Do,
  name: string,
  seen: string[],
  all: string[][],
): Program {
  switch (next.do) {
    case 'load':
      seen.push(String(yield* app.load32(base + 4 * next.word)));
      break;
    case 'store':
      yield* app.store32(base + 4 * next.word, next.value);
      break;
    case 'add':
      seen.push(String(yield* app.atomic_fetch_add(base + 4 * next.word, BigInt(next.value))));
      break;
    case 'compare':
      seen.push(String(yield* app.atomic_compare_exchange_strong(base + 4 * next.word, BigInt(next.value), 1n)));
      break;
    case 'locked':
      yield* app.pthread_mutex_lock(locks[next.mutex]!);
      for (const [i, inside] of next.inside.entries()) yield* one(app, base, locks, inside, `${name}.${i}`, seen, all);
      yield* app.pthread_mutex_unlock(locks[next.mutex]!);
      break;
    case 'sleep':
      yield* app.sleep(next.value);
      break;
    case 'allocate':
      seen.push(String(yield* app.malloc(16)));
      break;
    case 'thread': {
      const child = yield* app.pthread_create(name, () =>
        run(app, base, locks, next.inside, name, next.joined ? all : []),
      );
      if (next.joined) yield* app.pthread_join(child);
      break;
    }
  }
}
