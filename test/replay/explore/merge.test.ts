import { describe, expect, test } from 'vitest';
import { explore, KiB, type Scenario } from '../../../index.ts';
import { Explorer } from '../../../replay/explore/explorer.ts';
import { merge } from '../../../replay/explore/merge.ts';
import type { ExploreOptions } from '../../../replay/explore/options.ts';
import { prepared } from '../../support/dext.ts';
import { once } from '../../support/once.ts';
import { lostUpdate } from '../../support/programs.ts';
import { scenarioOf } from '../../support/run.ts';

/** Every run is warned of a buffer's neighbour in its page. Those fail in which a thread is much quicker than main. */
const warned = scenarioOf(
  once({
    size: 5 * KiB,
    *allocate(app, size) {
      return (yield* app.posix_memalign(16, size))[1];
    },
    *dext(inside) {
      const [dma] = yield* prepared(inside, inside.output);
      yield* dma.CompleteDMA(0);
    },
    *after(app, input) {
      const thread = yield* app.pthread_create('quick', function* () {
        for (let value = 1; value <= 3; value += 1) yield* app.store32(input, value);
      });
      if ((yield* app.load32(input)) === 3) throw new Error('too quick');
      yield* app.pthread_join(thread);
    },
  }),
);

describe('shards put together are the whole', () => {
  const cases: [what: string, scenario: Scenario, options: ExploreOptions][] = [
    ['of failures', lostUpdate, { runs: 90 }],
    ['of warnings', warned, { runs: 20 }],
    ['up to the first failure', lostUpdate, { stopAtFirst: true }],
    ['up to the first failure, after some warnings', warned, { stopAtFirst: true }],
  ];
  test.for(cases)('%s', ([, which, options]) => {
    const whole = explore(which, options);
    expect(whole.failures).not.toEqual([]);
    for (const of of [2, 3]) {
      const parts = Array.from({ length: of }, (_, i) => {
        const explorer = new Explorer(which, { ...options, shard: { index: i + 1, of } });
        while (explorer.advance());
        return explorer.part();
      });
      expect(merge(parts)).toEqual(whole);
    }
  });

  test('the warnings before the first failure are counted, and no more', () => {
    const { executions, failures } = explore(warned, { stopAtFirst: true });
    expect(executions).toBeGreaterThan(2);
    expect(failures.map(({ severity, count }) => [severity, count])).toEqual([
      ['warning', executions],
      ['error', 1],
    ]);
  });
});
