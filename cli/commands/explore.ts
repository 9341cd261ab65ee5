import { Command } from 'commander';
import { setImmediate } from 'node:timers/promises';
import { InputError } from '../../core/errors.ts';
import { faultsNamed } from '../../core/faults.ts';
import { faultsOption, type Scenario } from '../../core/scenario.ts';
import type { Draws } from '../../replay/explore/draw.ts';
import type { Exploration, Failure, Part } from '../../replay/explore/exploration.ts';
import { Explorer } from '../../replay/explore/explorer.ts';
import { defaultMostSteps, type ExploreOptions } from '../../replay/explore/options.ts';
import { Pool } from '../../replay/explore/pool.ts';
import { defaultBound, defaultDepth, wayNames } from '../../replay/explore/searches.ts';
import type { StoredFailure } from '../../replay/explore/stored.ts';
import { loadScenario, type Loaded } from '../../replay/load.ts';
import { defaultFile } from '../../replay/session.ts';
import { againCommand } from '../again.ts';
import { exitCodeOf, printExploration, type Shown } from '../exploration.ts';
import { collect, parseDraws, parseSet, wholeNumber } from '../options.ts';
import { printJson, ProgressLine } from '../output.ts';

interface Flags {
  readonly seed: string;
  readonly strategy: string;
  readonly runs?: string;
  readonly depth?: string;
  readonly bound?: string;
  readonly set: string[];
  readonly draw: string[];
  readonly fault: string[];
  readonly schedule?: string;
  readonly db: string;
  readonly store: boolean;
  readonly maxSteps: string;
  readonly workers: string;
  readonly shard?: string;
  readonly traces: boolean;
  readonly verify?: true;
  readonly races?: true;
  readonly stopAtFirst?: true;
  readonly json?: true;
}

/** How long executions are made between two looks at the terminal, in milliseconds. */
const slice = 50;

/** `dextrace explore`. */
export function exploreCommand(): Command {
  return new Command('explore')
    .description('run a scenario under many schedules and tell which ones fail')
    .argument('<scenario>', 'a .ts or .js file, or the name of a bundled example (see dextrace examples)')
    .option('--strategy <name>', `how to search: ${wayNames.join(', ')}`, 'random')
    .option('--runs <n>', 'the most executions to make (default: 1000, or 100000 for a search that can come to an end)')
    .option('--seed <seed>', 'the seed of the first execution; the others count on from there', '1')
    .option('--schedule <string>', 'a schedule to run before all others')
    .option('--depth <n>', `for pct: how many orderings a bug may need to show (default: ${defaultDepth})`)
    .option('--bound <n>', `for preemptions and delays: how many a schedule may have (default: ${defaultBound})`)
    .option(
      '--set <name=value>',
      'change an option of the scenario, or of the machine (machine.pageSize=4KiB)',
      collect,
      [],
    )
    .option(
      '--draw <name=values>',
      'draw an option for each execution, from values (machine.beat=4,64,256) or a range (size=1..100)',
      collect,
      [],
    )
    .option('--fault <name>', 'a fault that an execution may have: one of those given, or none, is drawn', collect, [])
    .option('--stop-at-first', 'end with the first execution that fails')
    .option('--workers <n>', 'threads that share the executions; for random, pos, pct and timed', '1')
    .option('--shard <i/n>', 'only every nth execution, to be put together with dextrace merge')
    .option('--no-traces', 'do not count distinct traces, which takes longer than the executions')
    .option('--verify', 'run every schedule twice and see that both runs are the same')
    .option('--db <file>', 'the file to record failing executions into; those that it holds run first', defaultFile)
    .option('--no-store', 'record nothing, and run no stored failures')
    .option('--races', 'look for data races between CPUs and devices')
    .option('--max-steps <n>', 'cut an execution after that many steps', String(defaultMostSteps))
    .option('--json', 'print one JSON document')
    .action(action);
}

async function action(name: string, flags: Flags): Promise<void> {
  const loaded = await loadScenario(name);
  const options = optionsOf(loaded, flags);
  const workers = wholeNumber('--workers', flags.workers, 1);
  if (workers > 1 && flags.shard !== undefined) throw new InputError('--workers and --shard exclude each other');
  const found =
    workers > 1
      ? await inPool(new Pool(loaded.scenario, name, options, workers))
      : await alone(new Explorer(loaded.scenario, options), flags.shard !== undefined);
  const again = ({ seed, set, schedule }: Failure): string =>
    againCommand(name, {
      seed,
      schedule,
      strategy: flags.strategy === 'timed' ? 'timed' : 'random',
      set: Object.entries(set).map(([option, value]) => `${option}=${String(value)}`),
      races: flags.races === true,
    });
  const failures: Shown[] = found.failures.map((failure) => ({ ...failure, again: again(failure) }));
  const exploration = { ...found, failures };
  if (flags.json === true) printJson('explore', { scenario: name, ...exploration });
  else printExploration(exploration);
  process.exitCode = exitCodeOf(exploration);
}

/** What is drawn for each execution: options, and one of the faults or none. */
function drawsOf(scenario: Scenario, { draw, fault }: Flags): Draws | undefined {
  if (draw.length + fault.length === 0) return undefined;
  const faults = fault.length === 0 ? {} : { [faultsOption]: ['', ...faultsNamed(fault)] };
  return { ...parseDraws(scenario, draw), ...faults };
}

function optionsOf({ scenario, source }: Loaded, flags: Flags): ExploreOptions {
  const draws = drawsOf(scenario, flags);
  const set = parseSet(scenario, flags.set);
  const given: StoredFailure[] =
    flags.schedule === undefined
      ? []
      : [{ session: '', seed: flags.seed, set, schedule: flags.schedule, timed: flags.strategy === 'timed' }];
  return {
    seed: flags.seed,
    strategy: flags.strategy,
    set,
    ...(draws === undefined ? {} : { draw: draws }),
    maxSteps: wholeNumber('--max-steps', flags.maxSteps, 1),
    races: flags.races === true,
    stopAtFirst: flags.stopAtFirst === true,
    verify: flags.verify === true,
    traces: flags.traces,
    first: given,
    source,
    ...(flags.depth === undefined ? {} : { depth: wholeNumber('--depth', flags.depth, 1) }),
    ...(flags.bound === undefined ? {} : { bound: wholeNumber('--bound', flags.bound) }),
    ...(flags.runs === undefined ? {} : { runs: wholeNumber('--runs', flags.runs, 1) }),
    ...(flags.shard === undefined ? {} : { shard: parseShard(flags.shard) }),
    ...(flags.store ? { db: flags.db } : {}),
  };
}

function parseShard(text: string): { index: number; of: number } {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || of === undefined || index < 1 || index > of)
    throw new InputError(`--shard is "${text}", but must be which/of how many, such as 1/4`);
  return { index, of };
}

/** Calls `stop` on Ctrl-C while the work goes on. */
async function interruptible<T>(stop: () => void, work: () => Promise<T>): Promise<T> {
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await work();
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** Explores to the end, or until Ctrl-C. An exploration is synchronous, so signals come through between slices. */
async function alone(explorer: Explorer, shard: boolean): Promise<Exploration | Part> {
  const progress = new ProgressLine();
  let interrupted = false;
  const stop = (): void => {
    interrupted = true;
  };
  return await interruptible(stop, async () => {
    let looked = Date.now();
    while (explorer.advance()) {
      if (Date.now() - looked < slice) continue;
      progress.showOf(explorer.next, explorer.runs, `exploring, ${explorer.failures.size} findings`);
      await setImmediate();
      if (interrupted) break;
      looked = Date.now();
    }
    progress.clear();
    return shard ? explorer.part() : explorer.finish();
  });
}

/** The same on threads. */
async function inPool(pool: Pool): Promise<Exploration> {
  const progress = new ProgressLine();
  const timer = setInterval(() => {
    progress.showOf(pool.executions, pool.runs, `exploring, ${pool.found} findings`);
  }, slice);
  try {
    return await interruptible(
      () => pool.stop(),
      () => pool.run(),
    );
  } finally {
    clearInterval(timer);
    progress.clear();
  }
}
