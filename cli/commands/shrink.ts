import { Command } from 'commander';
import { defaultTests, shrink, type Shrunk } from '../../replay/delta/shrink.ts';
import type { Turn } from '../../replay/delta/story.ts';
import { defaultFile } from '../../replay/session.ts';
import { wholeNumber } from '../options.ts';
import { grouped, print, printJson, ProgressLine, styled } from '../output.ts';
import { pairsOf, recordLine, subjectOf, withRunFlags, type RunFlags, type Subject } from '../subject.ts';

interface Flags extends RunFlags {
  readonly tests: string;
  readonly options: boolean;
  readonly db: string;
  readonly store: boolean;
  readonly json?: true;
}

/** `dextrace shrink`. */
export function shrinkCommand(): Command {
  return withRunFlags(new Command('shrink'))
    .description('make a failing schedule small: fewest switches, smallest options')
    .argument('<run>', 'a session that failed (FILE#ID or #ID), or a scenario')
    .option('--tests <n>', 'execute the scenario at most that many times', String(defaultTests))
    .option('--no-options', 'leave the options as they are')
    .option('--db <file>', 'the file to record the small run into', defaultFile)
    .option('--no-store', 'record nothing')
    .option('--json', 'print one JSON document')
    .action(action);
}

async function action(name: string, flags: Flags): Promise<void> {
  const subject = await subjectOf(name, flags);
  const progress = new ProgressLine();
  const shrunk = shrink(subject.scenario, subject.run, {
    tests: wholeNumber('--tests', flags.tests, 1),
    options: flags.options,
    source: subject.source,
    ...(flags.store ? { db: flags.db } : {}),
    onTest: (tests) => progress.show(tests, 'shrinking', 'tests'),
  });
  progress.clear();
  const again = recordLine(subject, shrunk.set, shrunk.schedule);
  if (flags.json === true) printJson('shrink', { of: subject.name, ...documentOf(shrunk), again });
  else printText(subject, shrunk, again);
}

function documentOf({ recording, ...shrunk }: Shrunk): object {
  const { session, findings } = recording;
  return { session: session ?? null, ...shrunk, findings };
}

function printText({ name, scenario }: Subject, shrunk: Shrunk, again: string): void {
  const { before, after, tests, minimal, set, turns } = shrunk;
  const { session, findings } = shrunk.recording;
  print(styled('bold', scenario.title));
  print(`  of        ${name}`);
  print(`  fails by  ${shrunk.finding}`);
  print(`  switches  ${grouped(before.contextSwitches)} before, ${grouped(after.contextSwitches)} now`);
  print(`  forced    ${grouped(before.forced)} before, ${grouped(after.forced)} now: ${needed(after.forced, minimal)}`);
  print(`  steps     ${grouped(before.steps)} before, ${grouped(after.steps)} now`);
  print(`  options   ${pairsOf(set).join(' ') || 'all at their defaults'}`);
  print(`  tests     ${grouped(tests)}`);
  print(`  session   ${session ?? 'not stored'}`);
  if (turns.length > 0) print('\nwhere it leaves the default schedule:');
  for (const turn of turns) printTurn(turn);
  for (const { rule, message, seq } of findings) print(`\n${styled('red', rule)} after event ${seq}: ${message}`);
  print(`\nagain: ${again}`);
}

function needed(forced: number, minimal: boolean): string {
  if (!minimal) return 'the tests ended before each was shown to be needed';
  if (forced === 0) return 'it fails under the default schedule';
  return forced === 1
    ? 'without it, this failure does not show'
    : 'without any one of them, this failure does not show';
}

function printTurn({ from, before, to, steps }: Turn): void {
  print(
    `  event ${to.seq}  ${to.actor} goes on for ${steps === 1 ? 'one step' : `${grouped(steps)} steps`}: ${to.text}`,
  );
  if (before !== undefined) print(`    before event ${before.seq}, by ${from}: ${before.text}`);
  else if (from !== 'boot') print(`    and ${from} does nothing more`);
}
