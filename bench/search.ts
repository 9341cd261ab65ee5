/** How fast schedules are searched: against fast-check's scheduler, and by the reduction. */
import fc from 'fast-check';
import { explore, scenario, type App, type Program, type Scenario } from 'dextrace';

const others = 16;

/** A lost update of two tasks, of two steps each, among sixteen others: thirty steps. */
const steps = (other: number): number => (other < 10 ? 2 : 1);

function* increment(app: App, word: number): Program {
  yield* app.store32(word, (yield* app.load32(word)) + 1);
}

function* work(app: App, word: number, count: number): Program {
  for (let i = 0; i < count; i += 1) yield* app.store32(word, i);
}

const hidden: Scenario = scenario({
  title: 'A lost update among sixteen other tasks',
  machine: { pageSize: 4096 },
  *app(app) {
    const base = yield* app.malloc(4 * (others + 1));
    const tasks = [yield* app.pthread_create('a', () => increment(app, base))];
    tasks.push(yield* app.pthread_create('b', () => increment(app, base)));
    for (let i = 0; i < others; i += 1) {
      tasks.push(yield* app.pthread_create(`other${i}`, () => work(app, base + 4 * (i + 1), steps(i))));
    }
    for (const task of tasks) yield* app.pthread_join(task);
    return yield* app.load32(base);
  },
  check: ({ result }) => (result === 2 ? undefined : 'an update is lost'),
});

/** The same for fast-check. Evaluates to how many of that many schedules lose the update. */
async function withFastCheck(runs: number): Promise<number> {
  let lost = 0;
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (s) => {
      const words = new Int32Array(others + 1);
      const step = (): Promise<void> => s.schedule(Promise.resolve());
      const add = async (): Promise<void> => {
        await step();
        const seen = words[0]!;
        await step();
        words[0] = seen + 1;
      };
      const busy = async (word: number, count: number): Promise<void> => {
        for (let i = 0; i < count; i += 1) {
          await step();
          words[word] = i;
        }
      };
      const tasks = [add(), add(), ...Array.from({ length: others }, (_, i) => busy(i + 1, steps(i)))];
      await s.waitFor(Promise.all(tasks));
      if (words[0] !== 2) lost += 1;
    }),
    { numRuns: runs, seed: 1 },
  );
  return lost;
}

const seconds = (since: bigint): number => Number(process.hrtime.bigint() - since) / 1e9;

/** Prints schedules a second, ours to theirs, in turns. */
export async function againstFastCheck(turns: number): Promise<void> {
  const ratios: { ours: number; theirs: number }[] = [];
  const runs = { ours: 4_000, theirs: 400 };
  for (let turn = 0; turn <= turns; turn += 1) {
    let since = process.hrtime.bigint();
    explore(hidden, { runs: runs.ours, seed: turn, traces: false });
    const ours = runs.ours / seconds(since);
    since = process.hrtime.bigint();
    await withFastCheck(runs.theirs);
    const theirs = runs.theirs / seconds(since);
    if (turn > 0) ratios.push({ ours, theirs });
  }
  const { ours, theirs } = ratios.toSorted((a, b) => a.ours / a.theirs - b.ours / b.theirs)[Math.floor(turns / 2)]!;
  const rate = (value: number): string => Math.round(value).toString();
  console.log(
    `${"schedules to fast-check's scheduler".padEnd(44)} ${(ours / theirs).toFixed(1)} (aim 20)   ${rate(ours)}/s to ${rate(theirs)}/s`,
  );
}

function* storeThenLoad(app: App, stored: number, loaded: number): Program {
  yield* app.store32(stored, 1);
  yield* app.load32(loaded);
}

function* storeBoth(app: App, x: number, y: number): Program {
  yield* app.store32(x, 2);
  yield* app.store32(y, 2);
}

const twoVariables: Scenario = scenario({
  title: 'Two variables, three threads',
  machine: { pageSize: 4096 },
  *app(app) {
    const x = yield* app.malloc(16);
    const y = x + 8;
    yield* app.store64(x, 0n);
    const threads = [yield* app.pthread_create('a', () => storeThenLoad(app, x, y))];
    threads.push(yield* app.pthread_create('b', () => storeThenLoad(app, y, x)));
    threads.push(yield* app.pthread_create('c', () => storeBoth(app, x, y)));
    for (const thread of threads) yield* app.pthread_join(thread);
  },
});

/** Prints executions a second of the reduction on one core. */
export function reduction(): void {
  const duration = 3;
  let executions = 0;
  let traces = 0;
  for (let warm = 0; warm < 100; warm += 1) traces = explore(twoVariables, { strategy: 'reduction' }).executions;
  const since = process.hrtime.bigint();
  const used = process.cpuUsage();
  while (seconds(since) < duration) executions += explore(twoVariables, { strategy: 'reduction' }).executions;
  const { user, system } = process.cpuUsage(used);
  const wall = executions / seconds(since);
  const core = executions / ((user + system) / 1e6);
  console.log(
    `${`reduction, two variables, ${traces} traces`.padEnd(44)} ${Math.round(wall)} executions/s, ${Math.round(core)} a second of CPU time (aim 30000)`,
  );
}
