/** Random programs in which everything is done under a lock: no schedule of them has a race. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kTransfer, SendClient } from '../../../examples/send-client.ts';
import { SgDriver } from '../../../examples/sg-driver.ts';
import { KiB, record, scenario, sgEngine, type App, type Program, type Scenario } from '../../../index.ts';

/** What a thread does with one of the buffers, as the only one. */
interface Step {
  readonly buffer: number;
  readonly do: 'store' | 'load' | 'send' | 'receive';
}

const step: fc.Arbitrary<Step> = fc.record({
  buffer: fc.nat({ max: 2 }),
  do: fc.constantFrom('store', 'load', 'send', 'receive'),
});
const threads = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 3 });

/** Enough for a descriptor, and for several beats. */
const size = 4 * KiB + 512;

/** The program of a plan; without `locked` its threads share the buffers without anything between them. */
function scenarioOf(plan: readonly (readonly Step[])[], locked: boolean): Scenario {
  return scenario({
    title: 'locked',
    device: sgEngine(),
    dext: () => new SgDriver((driver) => new SendClient(driver)),
    *app(app) {
      const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
      const buffers: { readonly address: number; readonly mutex: number }[] = [];
      for (let i = 0; i < 3; i += 1) {
        const [, address] = yield* app.posix_memalign(16 * KiB, size);
        buffers.push({ address, mutex: yield* app.pthread_mutex_init() });
      }
      const ids: number[] = [];
      for (const [number, steps] of plan.entries()) {
        const program = (): Program => perform(app, connect, steps, buffers, locked);
        ids.push(yield* app.pthread_create(`thread${number}`, program));
      }
      for (const id of ids) yield* app.pthread_join(id);
      for (const { address } of buffers) yield* app.load(address, 64);
    },
  });
}

function* perform(
  app: App,
  connect: number,
  steps: readonly Step[],
  buffers: readonly { readonly address: number; readonly mutex: number }[],
  locked: boolean,
): Program {
  const port = yield* app.IONotificationPortCreate();
  for (const { buffer, do: what } of steps) {
    const { address, mutex } = buffers[buffer]!;
    if (locked) yield* app.pthread_mutex_lock(mutex);
    if (what === 'store') yield* app.memset(address, 1, 256);
    else if (what === 'load') yield* app.read(address, 256);
    else {
      const [from, to] = what === 'send' ? [size, 0] : [0, size];
      yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], address, from, address, to);
      yield* app.mach_msg_receive(port);
    }
    if (locked) yield* app.pthread_mutex_unlock(mutex);
  }
}

const strategy = fc.constantFrom('random', 'timed', 'round-robin');
const racesIn = (plan: readonly (readonly Step[])[], locked: boolean, seed: number, name: string): string[] =>
  record(scenarioOf(plan, locked), { seed, strategy: name, rules: [], races: true }).findings.map(({ rule }) => rule);

test('under locks there is none', () => {
  fc.assert(
    fc.property(threads, fc.nat(), strategy, (plan, seed, name) => {
      expect(racesIn(plan, true, seed, name)).toEqual([]);
    }),
    { seed: 1, numRuns: 40 },
  );
});

test('without the locks there mostly is one, where threads share a buffer that one of them has written', () => {
  let shared = 0;
  let found = 0;
  fc.assert(
    fc.property(threads, fc.nat(), strategy, (plan, seed, name) => {
      const writes = ({ do: what }: Step): boolean => what === 'store' || what === 'receive';
      const races = plan.some((steps, i) =>
        plan.some((others, j) => i !== j && steps.some((a) => writes(a) && others.some((b) => b.buffer === a.buffer))),
      );
      const rules = racesIn(plan, false, seed, name);
      if (!races) expect(rules).toEqual([]);
      else {
        shared += 1;
        found += rules.length > 0 ? 1 : 0;
      }
    }),
    { seed: 2, numRuns: 30 },
  );
  expect(shared).toBeGreaterThan(10);
  expect(found / shared).toBeGreaterThan(0.8);
});
