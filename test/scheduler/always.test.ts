/** What a scenario says must always hold. */
import { expect, test } from 'vitest';
import { record, scenario, type App, type Program, type World } from '../../index.ts';

const locked = ({ mutexes }: World): boolean => [...mutexes.values()].some(({ owner }) => owner !== 0);

function* locks(app: App): Program {
  const mutex = yield* app.pthread_mutex_init();
  yield* app.pthread_mutex_lock(mutex);
  yield* app.note('held');
  yield* app.pthread_mutex_unlock(mutex);
}

test('is found at the first step after which it does not hold, once, though it holds again', () => {
  const kinds: string[] = [];
  const { findings, outcome } = record(
    scenario({
      title: 'always',
      app: locks,
      always: (world) => (locked(world) ? 'the mutex is held' : undefined),
    }),
    { onEvent: ({ kind }) => void kinds.push(kind) },
  );
  expect(outcome).toBe('failed');
  expect(findings).toMatchObject([{ rule: 'always', severity: 'error', message: 'the mutex is held' }]);
  expect(kinds[findings[0]!.seq]).toBe('mutex.lock');
});

test('gets the options, may throw, and says nothing where it holds', () => {
  const strict = scenario({
    title: 'always',
    options: { allowed: true },
    app: locks,
    always(world, { allowed }) {
      if (!allowed && locked(world)) throw new Error('not allowed');
    },
  });
  expect(record(strict).findings).toEqual([]);
  const [finding] = record(strict, { set: { allowed: false } }).findings;
  expect(finding?.rule).toBe('always');
  expect(finding?.message).toMatch(/^not allowed \(.*always\.test\.ts:\d+:\d+\)$/);
});

test('steps that change nothing but bytes are let pass; the end is not', () => {
  let asked = 0;
  record(
    scenario({
      title: 'always',
      *app(app) {
        const buffer = yield* app.malloc(4096);
        yield* app.memset(buffer, 0, 4096);
        yield* app.memset(buffer, 1, 4096);
      },
      always: () => void (asked += 1),
    }),
    { set: { 'machine.storeWidth': 1 } },
  );
  expect(asked).toBeGreaterThan(2);
  expect(asked).toBeLessThan(20);
});
