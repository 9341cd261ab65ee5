/** An exploration in words, for `explore` and `merge`. */
import type { Exploration, Failure } from '../replay/explore/exploration.ts';
import { exitCodes, grouped, print, styled } from './output.ts';

/** A failure, and the command that shows it again. */
export type Shown = Failure & { readonly again: string };

/** An exploration with commands. */
export type ShownExploration = Omit<Exploration, 'failures'> & { readonly failures: readonly Shown[] };

function endingOf({ ending, decisions, cut, strategy, runs, bound }: ShownExploration): string {
  switch (ending) {
    case 'everything':
      return decisions === 0 ? 'there is nothing to choose: every schedule is this one' : 'explored everything';
    case 'all-within-bound':
      return cut > 0
        ? 'explored everything but what would follow the cut executions'
        : `explored every schedule with at most ${bound} ${strategy}`;
    case 'runs':
      return `stopped at the bound of ${grouped(runs)} executions`;
    case 'first-failure':
      return 'stopped at the first failure';
    case 'not-deterministic':
      return 'stopped: two runs of one schedule differ';
    case 'interrupted':
      return 'interrupted';
  }
}

function printFailure({ rule, severity, count, run, message, seed, set, schedule, session, again }: Shown): void {
  const first = run === undefined ? 'stored before' : `first in execution ${grouped(run)}`;
  const times = count === 1 ? 'once' : `in ${grouped(count)} executions`;
  const colour = severity === 'error' ? 'red' : 'yellow';
  print(`\n${severity === 'warning' ? 'warning: ' : ''}${styled(colour, rule)} ${times}, ${first}: ${message}`);
  print(`  seed      ${seed}`);
  for (const [name, value] of Object.entries(set)) print(`  option    ${name}=${String(value)}`);
  print(`  schedule  ${schedule}`);
  print(`  session   ${session ?? 'not stored'}`);
  print(`  again:    ${again}`);
}

/** Prints it as text. */
export function printExploration(exploration: ShownExploration): void {
  const { title, strategy, seed, executions, traces, blocked, cut, maxSteps, again, failures } = exploration;
  const { disagreement } = exploration;
  const failed = hasFailed(exploration);
  const stored = again.failed + again.passed + again.unfit;
  print(styled('bold', title));
  print(`  search      ${strategy}, seed ${seed}`);
  if (stored > 0)
    print(
      `  stored      ${stored} failures: ${again.failed} fail again, ${again.passed} pass, ${again.unfit} no longer fit`,
    );
  const distinct = traces === 0 ? '' : `, ${grouped(traces)} distinct ${traces === 1 ? 'trace' : 'traces'}`;
  print(`  executions  ${grouped(executions)}${distinct}, ${grouped(blocked)} blocked`);
  if (cut > 0) print(`  cut         ${grouped(cut)} executions at the bound of ${grouped(maxSteps)} steps`);
  print(`  ending      ${endingOf(exploration)}`);
  print(`  outcome     ${styled(failed ? 'red' : 'green', failed ? 'failed' : 'passed')}`);
  if (disagreement !== undefined) {
    const { seq, actor, operation, first, second, seed: of, schedule } = disagreement;
    print(`\ntwo runs of one schedule differ at event ${seq}: ${actor} in ${operation}`);
    print(`  first     ${first}`);
    print(`  second    ${second}`);
    print(`  seed      ${of}`);
    print(`  schedule  ${schedule}`);
  }
  for (const severity of ['error', 'warning'])
    for (const failure of failures) if (failure.severity === severity) printFailure(failure);
}

/** Whether there is anything but warnings. */
function hasFailed({ failures, disagreement }: ShownExploration): boolean {
  return disagreement !== undefined || failures.some(({ severity }) => severity === 'error');
}

/** The exit code that says so. */
export function exitCodeOf(exploration: ShownExploration): number {
  if (exploration.ending === 'interrupted') return exitCodes.interrupted;
  return hasFailed(exploration) ? exitCodes.finding : exitCodes.fine;
}
