import { Command } from 'commander';
import { InputError } from '../../core/errors.ts';
import { bisect, defaultBisectTests, type Bisection, type Place } from '../../replay/delta/bisect.ts';
import { runOf, type RunToTest } from '../../replay/delta/run-to-test.ts';
import { defaultFile, open, type Session } from '../../replay/session.ts';
import { optionDifferences } from '../../replay/diff/options.ts';
import { tellOptions, wholeNumber } from '../options.ts';
import { grouped, print, printJson, ProgressLine, styled } from '../output.ts';
import { recordLine, subjectOf, subjectOfSession, withRunFlags, type Subject } from '../subject.ts';
import { bisectTime, type TimeFlags } from './bisect-time.ts';
import { bisectVary, type VaryFlags } from './bisect-vary.ts';

interface Flags extends TimeFlags, VaryFlags {
  readonly tests: string;
  readonly db: string;
  readonly store: boolean;
  readonly time?: true;
  readonly vary?: string;
  readonly json?: true;
}

/** `dextrace bisect`. */
export function bisectCommand(): Command {
  return withRunFlags(new Command('bisect'))
    .description('find what makes a run fail: an order of two steps, an event (--time), a value of an option (--vary)')
    .argument('<runs...>', 'GOOD BAD, two sessions of a scenario; BAD alone; or what --time and --vary look into')
    .option(
      '--time',
      'the event of a session at which something turns true and stays: --finding shows, or one of these',
    )
    .option('--check', 'with --time: the check of the scenario fails')
    .option('--at-address <bytes>', 'with --time: memory has those bytes, as in app:0x104000000=55aa')
    .option('--when <expression>', 'with --time: a JavaScript expression over `world` is true')
    .option('--vary <option>', 'the value of an option at which the outcome flips: NAME, NAME=LOW..HIGH or NAME=A,B,C')
    .option('--seeds <n>', 'with --vary: a value fails when a run under one of so many seeds fails', '1')
    .option('--tests <n>', 'execute the scenario at most about that many times', String(defaultBisectTests))
    .option('--db <file>', 'the file to record the two closest runs into', defaultFile)
    .option('--no-store', 'record nothing')
    .option('--json', 'print one JSON document')
    .action(action);
}

async function action(names: string[], flags: Flags): Promise<void> {
  const [first, second, ...more] = names as [string, ...string[]];
  if (flags.time === true && flags.vary !== undefined) throw new InputError('--time and --vary: give one of them');
  if (flags.time === true || flags.vary !== undefined) {
    if (second !== undefined) throw new InputError('--time and --vary look into one run, but there are more');
    await (flags.vary === undefined ? bisectTime(first, flags) : bisectVary(first, flags.vary, flags));
    return;
  }
  if (more.length > 0) throw new InputError('give a good and a bad session, or a bad one alone');
  const { subject, good } = second === undefined ? await alone(first, flags) : await both(first, second, flags);
  const progress = new ProgressLine();
  const found = bisect(subject.scenario, good?.run, subject.run, {
    tests: wholeNumber('--tests', flags.tests, 1),
    source: subject.source,
    ...(flags.store ? { db: flags.db } : {}),
    onTest: (tests) => progress.show(tests, 'bisecting', 'tests'),
  });
  progress.clear();
  const again = recordLine(subject, subject.run.set ?? {}, found.failingSchedule);
  const runs = { good: good?.name, bad: subject.name };
  if (flags.json === true) printJson('bisect', { ...runs, ...documentOf(found), again });
  else printText(subject, found, runs, again);
}

/** The bad run, and the good one, if there is one. */
interface Given {
  readonly subject: Subject;
  readonly good?: { readonly name: string; readonly run: RunToTest };
}

async function alone(name: string, flags: Flags): Promise<Given> {
  return { subject: await subjectOf(name, flags) };
}

/** @throws {InputError} when they do not fit together */
async function both(goodName: string, badName: string, flags: Flags): Promise<Given> {
  const good = open(goodName);
  try {
    const bad = open(badName);
    try {
      const given = { name: good.name, run: runOf(good) };
      mustFit(good, bad, flags.finding !== undefined);
      return { subject: await subjectOfSession(bad, flags), good: given };
    } finally {
      bad.close();
    }
  } finally {
    good.close();
  }
}

/** Whether one passes and the other fails is another matter when a finding is `named`: then it must show in one of them. */
function mustFit(good: Session, bad: Session, named: boolean): void {
  const differ = (what: string): never => {
    throw new InputError(
      `${good.name} and ${bad.name} are sessions of different ${what}; bisect needs two of the same`,
    );
  };
  if (good.row.outcome !== 'passed' && !named)
    throw new InputError(`${good.name} does not pass: its outcome is ${good.row.outcome}`);
  if (bad.row.outcome !== 'failed' && !named)
    throw new InputError(`${bad.name} does not fail: its outcome is ${bad.row.outcome}`);
  if (good.row.scenario !== bad.row.scenario || good.row.title !== bad.row.title) differ('scenarios');
  if (good.row.scenario_version !== bad.row.scenario_version) differ('versions of a scenario');
  const options = tellOptions(optionDifferences(good, bad), { a: good.name, b: bad.name });
  if (options !== '') differ(`options (${options})`);
}

function documentOf({ passing, failing, ...found }: Bisection): object {
  return { ...found, passing: passing.session ?? null, failing: failing.session ?? null };
}

function printText(
  { scenario }: Subject,
  { sentence, differing, tests, reorderings, passing, failing }: Bisection,
  { good, bad }: { readonly good: string | undefined; readonly bad: string },
  again: string,
): void {
  print(styled('bold', scenario.title));
  print(`  good      ${good ?? 'the nearest that was found'}`);
  print(`  bad       ${bad}`);
  print(`  differ    in the place of ${grouped(differing)} steps`);
  print(`  tests     ${grouped(tests)}`);
  print(`  passing   ${passing.session ?? 'not stored'}: the closest run that passes`);
  print(`  failing   ${failing.session ?? 'not stored'}: the closest run that fails`);
  print(`\n${styled('red', sentence)}`);
  for (const { first, second } of reorderings) {
    printPlace(first, good, bad, passing.session, failing.session);
    printPlace(second, good, bad, passing.session, failing.session);
  }
  print(`\nagain: ${again}`);
}

function printPlace(place: Place, good = '', bad = '', passing = 'the passing run', failing = 'the failing run'): void {
  const at = [
    [place.good, good],
    [place.bad, bad],
    [place.passing, passing],
    [place.failing, failing],
  ] as const;
  const known = at.filter(([seq]) => seq !== undefined).map(([seq, run]) => `event ${seq} of ${run}`);
  print(`  ${place.name}: ${known.join(', ')}`);
}
