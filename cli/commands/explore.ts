import { Command } from 'commander';
import { setImmediate } from 'node:timers/promises';
import {
  defaultMostSteps,
  Explorer,
  type Ending,
  type Exploration,
  type Failure,
} from '../../replay/explore/explorer.ts';
import { defaultBound, defaultDepth, wayNames } from '../../replay/explore/searches.ts';
import { loadScenario } from '../../replay/load.ts';
import { defaultFile } from '../../replay/session.ts';
import { againCommand } from '../again.ts';
import { collect, parseSet, wholeNumber } from '../options.ts';
import { exitCodes, grouped, print, printJson, ProgressLine, styled } from '../output.ts';

interface Flags {
  readonly seed: string;
  readonly strategy: string;
  readonly runs?: string;
  readonly depth: string;
  readonly bound: string;
  readonly set: string[];
  readonly db: string;
  readonly store: boolean;
  readonly maxSteps: string;
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
    .option('--depth <n>', 'for pct: how many orderings a bug may need to show', String(defaultDepth))
    .option('--bound <n>', 'for preemptions and delays: how many a schedule may have', String(defaultBound))
    .option(
      '--set <name=value>',
      'change an option of the scenario, or of the machine (machine.pageSize=4KiB)',
      collect,
      [],
    )
    .option('--stop-at-first', 'end with the first execution that fails')
    .option('--db <file>', 'the file to record failing executions into', defaultFile)
    .option('--no-store', 'record nothing')
    .option('--races', 'look for data races between CPUs and devices')
    .option('--max-steps <n>', 'cut an execution after that many steps', String(defaultMostSteps))
    .option('--json', 'print one JSON document')
    .action(action);
}

async function action(name: string, flags: Flags): Promise<void> {
  const { scenario, source } = await loadScenario(name);
  const explorer = new Explorer(scenario, {
    seed: flags.seed,
    strategy: flags.strategy,
    set: parseSet(scenario, flags.set),
    maxSteps: wholeNumber('--max-steps', flags.maxSteps, 1),
    depth: wholeNumber('--depth', flags.depth, 1),
    bound: wholeNumber('--bound', flags.bound),
    races: flags.races === true,
    stopAtFirst: flags.stopAtFirst === true,
    source,
    ...(flags.runs === undefined ? {} : { runs: wholeNumber('--runs', flags.runs, 1) }),
    ...(flags.store ? { db: flags.db } : {}),
  });
  const exploration = await finish(explorer);
  const again = (failure: Failure): string =>
    againCommand(name, {
      seed: failure.seed,
      strategy: flags.strategy === 'timed' ? 'timed' : 'random',
      set: flags.set,
      schedule: failure.schedule,
      races: flags.races === true,
    });
  if (flags.json === true) {
    const failures = exploration.failures.map((failure) => ({ ...failure, again: again(failure) }));
    printJson('explore', { ...exploration, failures });
  } else printText(exploration, explorer.runs, flags, again);
  if (exploration.failures.some(({ severity }) => severity === 'error')) process.exitCode = exitCodes.finding;
  if (exploration.ending === 'interrupted') process.exitCode = exitCodes.interrupted;
}

/** Explores to the end, or until Ctrl-C. */
async function finish(explorer: Explorer): Promise<Exploration> {
  const progress = new ProgressLine();
  let interrupted = false;
  const stop = (): void => {
    interrupted = true;
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    let looked = Date.now();
    while (explorer.advance()) {
      if (Date.now() - looked < slice) continue;
      progress.showOf(explorer.executions, explorer.runs, `exploring, ${explorer.failures.size} findings`);
      await setImmediate();
      if (interrupted) break;
      looked = Date.now();
    }
    return explorer.finish();
  } finally {
    progress.clear();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** How an exploration ended, in words. */
function endingOf(ending: Ending, { decisions, cut, strategy }: Exploration, runs: number, flags: Flags): string {
  if (decisions === 0 && ending === 'everything') return 'there is nothing to choose: every schedule is this one';
  switch (ending) {
    case 'everything':
      return 'explored everything';
    case 'all-within-bound':
      return cut > 0
        ? 'explored everything but what would follow the cut executions'
        : `explored every schedule with at most ${flags.bound} ${strategy}`;
    case 'runs':
      return `stopped at the bound of ${grouped(runs)} executions`;
    case 'first-failure':
      return 'stopped at the first failure';
    case 'interrupted':
      return 'interrupted';
  }
}

function printText(exploration: Exploration, runs: number, flags: Flags, again: (failure: Failure) => string): void {
  const { title, strategy, seed, ending, executions, traces, blocked, cut, failures } = exploration;
  const errors = failures.filter(({ severity }) => severity === 'error').length;
  print(styled('bold', title));
  print(`  search      ${strategy}, seed ${seed}`);
  print(`  executions  ${grouped(executions)}, ${grouped(traces)} distinct traces, ${grouped(blocked)} blocked`);
  if (cut > 0)
    print(`  cut         ${grouped(cut)} executions at the bound of ${grouped(Number(flags.maxSteps))} steps`);
  print(`  ending      ${endingOf(ending, exploration, runs, flags)}`);
  print(`  outcome     ${styled(errors === 0 ? 'green' : 'red', errors === 0 ? 'passed' : 'failed')}`);
  for (const failure of failures) {
    const { rule, severity, count, run, message, schedule, session } = failure;
    const times = count === 1 ? 'once' : `in ${grouped(count)} executions`;
    print(
      `\n${styled(severity === 'error' ? 'red' : 'bold', rule)} ${times}, first in execution ${grouped(run)}: ${message}`,
    );
    print(`  seed      ${failure.seed}`);
    print(`  schedule  ${schedule}`);
    print(`  session   ${session ?? 'not stored'}`);
    print(`  again:    ${again(failure)}`);
  }
}
