/** Small programs of app threads, for searching. */
import { scenario, type App, type Program, type Scenario } from '../../index.ts';

/** A scenario of threads that share words of 4 bytes, all zero at first; main only starts them and waits for them. */
export function threadsOf(
  words: number,
  threads: (app: App, word: (index: number) => number) => readonly (() => Program<unknown>)[],
  check: (values: readonly number[]) => string | undefined = () => undefined,
): Scenario {
  return scenario({
    title: 'threads',
    *app(app) {
      const base = yield* app.malloc(4 * words);
      const word = (index: number): number => base + 4 * index;
      yield* app.store(base, new Uint8Array(4 * words));
      const started: number[] = [];
      for (const [i, thread] of threads(app, word).entries()) started.push(yield* app.pthread_create(`t${i}`, thread));
      for (const thread of started) yield* app.pthread_join(thread);
      const values: number[] = [];
      for (let i = 0; i < words; i += 1) values.push(yield* app.load32(word(i)));
      return values;
    },
    check: ({ result }) => (result === undefined ? undefined : check(result)),
  });
}

/** Two threads that each load a word, add one, and store it. */
export const lostUpdate: Scenario = threadsOf(
  1,
  (app, word) => {
    function* increment(): Program {
      yield* app.store32(word(0), (yield* app.load32(word(0))) + 1);
    }
    return [increment, increment];
  },
  ([sum]) => (sum === 2 ? undefined : `the sum is ${sum}`),
);
