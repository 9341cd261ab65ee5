import { Command } from 'commander';
import { hexBytes } from '../../core/units.ts';
import { diff } from '../../replay/diff/diff.ts';
import type { DataGroup, Diff, OperationGroup, PairGroup, Sides, Told } from '../../replay/diff/result.ts';
import { open, type Session } from '../../replay/session.ts';
import { tellOptions, wholeNumber } from '../options.ts';
import { exitCodes, grouped, print, printJson, ProgressLine, styled } from '../output.ts';

interface Flags {
  readonly limit: string;
  readonly json?: true;
}

/** `dextrace diff`. */
export function diffCommand(): Command {
  return new Command('diff')
    .description('hold two sessions against each other by what each actor did')
    .argument('<a>', 'a session: FILE#ID, or #ID in the default file')
    .argument('<b>', 'another one, of the same scenario or of another version of it')
    .option('--limit <n>', 'lines of each section; the rest is counted', '10')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Objects, frames and addresses are matched by who made them as which, so the same behaviour under another
schedule counts as the same.

Examples:
  dextrace diff '#1' '#2'                    two sessions of dextrace.db
  dextrace diff good.db bad.db               the newest session of either file
  dextrace diff '#1' '#2' --json | jq .data  which bytes differ, and what brought them there

Exit codes: 0 the same, if only in another order; 1 different; 2 wrong usage or input; 125 cannot judge: recorded by another
version of the model.`,
    )
    .action(action);
}

function action(nameA: string, nameB: string, flags: Flags): void {
  const limit = wholeNumber('--limit', flags.limit, 1);
  const a = open(nameA);
  try {
    const b = open(nameB);
    try {
      compare(a, b, limit, flags.json === true);
    } finally {
      b.close();
    }
  } finally {
    a.close();
  }
}

function compare(a: Session, b: Session, limit: number, json: boolean): void {
  const progress = new ProgressLine();
  const found = diff(a, b, { onProgress: (events) => progress.show(events, 'comparing') });
  progress.clear();
  if (json) printJson('diff', found);
  else printText(found, limit);
  if (found.result === 'different') process.exitCode = exitCodes.finding;
}

function printText(found: Diff, limit: number): void {
  const { names, digests, events, operations, data } = found;
  if (found.result === 'identical') {
    print(
      `${names.a} and ${names.b}: ${styled('green', 'identical')} in all ${grouped(events.a)} events, digest ${digests.a.slice(0, 12)}`,
    );
    printOptions(found);
    return;
  }
  const verdict =
    found.result === 'different'
      ? styled('red', 'different')
      : `${styled('green', 'the same')}: everybody did and saw the same, in another order`;
  print(`${names.a} and ${names.b}: ${verdict}`);
  print(styled('dim', `  a  ${names.a}: ${grouped(events.a)} events, digest ${digests.a.slice(0, 12)}`));
  print(styled('dim', `  b  ${names.b}: ${grouped(events.b)} events, digest ${digests.b.slice(0, 12)}`));
  printOptions(found);
  printParting(found);
  const { onlyA, onlyB, changed, saw, moved } = operations;
  const kinds = [
    [onlyA, 'only in a'],
    [onlyB, 'only in b'],
    [changed, 'done otherwise'],
    [saw, 'saw other bytes'],
    [moved, 'done by another actor'],
  ] as const;
  const counts = kinds.filter(([count]) => count > 0).map(([count, what]) => `${grouped(count)} ${what}`);
  section(`operations: ${counts.join(', ')}`, operations.groups, limit, operationLines);
  if (found.consequences.length > 0) {
    print(`\n${styled('bold', 'page faults and ends of objects')}`);
    for (const { what, count } of found.consequences) print(`  ${what}: ${count.a} in a, ${count.b} in b`);
  }
  section('conflicting pairs in the other order', found.pairs, limit, pairLines);
  section(`data: ${grouped(data.bytes)} bytes differ in the end`, data.groups, limit, dataLines);
  if (data.uncompared > 0) print(`  ${grouped(data.uncompared)} pages were too many to keep and are not compared`);
  printFindings(found);
}

/** One line, for what is different may come of them. */
function printOptions({ options }: Diff): void {
  const told = tellOptions(options, { a: 'a', b: 'b' });
  if (told !== '') print(`  options differ: ${told}`);
}

function printParting({ parting }: Diff): void {
  if (parting === undefined) return;
  const { decision, picks, events } = parting;
  print(
    `\n${styled('bold', 'the schedules part')}${decision === undefined ? '' : ` at decision ${grouped(decision)}`}`,
  );
  if (decision !== undefined)
    print(`  a picks ${picks.a ?? 'nobody: it has ended'}, b ${picks.b ?? 'nobody: it has ended'}`);
  printSides(events);
}

function printSides(events: Sides<Told | undefined>): void {
  if (events.a !== undefined) print(`  a  ${line(events.a)}`);
  if (events.b !== undefined) print(`  b  ${line(events.b)}`);
}

const line = ({ seq, actor, text }: Told): string => `${String(seq).padStart(7)}  ${styled('dim', actor)}  ${text}`;

/** A heading and what there is under it; nothing when there is nothing. */
function section<T>(heading: string, all: readonly T[], limit: number, lines: (one: T) => string[]): void {
  if (all.length === 0) return;
  print(`\n${styled('bold', heading)}`);
  for (const one of all.slice(0, limit)) for (const text of lines(one)) print(text);
  if (all.length > limit) print(`  and ${grouped(all.length - limit)} more groups`);
}

const headings: Record<OperationGroup['kind'], string> = {
  'only-a': 'only in a',
  'only-b': 'only in b',
  changed: 'done otherwise',
  saw: 'saw other bytes',
  moved: 'done by another actor',
};

function operationLines({ kind, count, first }: OperationGroup): string[] {
  const heading = `  ${headings[kind]}: ${grouped(count)}${count === 1 ? '' : ', from here on'}`;
  const sides = [
    first.a === undefined ? [] : [`  a  ${line(first.a)}`],
    first.b === undefined ? [] : [`  b  ${line(first.b)}`],
  ];
  return [heading, ...sides.flat()];
}

const matterNames: Readonly<Record<string, string>> = { frame: 'bytes of memory', device: 'bytes of the device' };

function pairLines({ matter, actors, count, first }: PairGroup): string[] {
  return [
    `  ${actors[0]} before ${actors[1]} in a, after it in b: ${grouped(Math.max(count.a, count.b))} pairs on ${matterNames[matter] ?? `a ${matter}`}`,
    ...first.a.map((told) => `  a  ${line(told)}`),
    ...first.b.map((told) => `  b  ${line(told)}`),
  ];
}

function dataLines({ where, what, length, bytes, pieces, brought }: DataGroup): string[] {
  const place = where.a === where.b ? where.a : `${where.a} (in b ${where.b})`;
  const came = (chain: readonly Told[]): string[] =>
    chain.length === 0
      ? ['never written']
      : chain.map((told, at) => `${at === 0 ? 'brought by' : 'made by   '} ${line(told)}`);
  return [
    `  ${place}: ${grouped(length)} bytes, in ${grouped(pieces)} pieces; ${what.a}`,
    `  a  ${hexBytes(bytes.a)}`,
    ...came(brought.a).map((text) => `     ${text}`),
    `  b  ${hexBytes(bytes.b)}`,
    ...came(brought.b).map((text) => `     ${text}`),
  ];
}

function printFindings({ findings, outcomes, results }: Diff): void {
  if (outcomes.a !== outcomes.b) print(`\n${styled('bold', 'outcome')}: ${outcomes.a} in a, ${outcomes.b} in b`);
  if (results.a !== results.b) {
    print(`\n${styled('bold', 'result')}: ${results.a ?? 'none'} in a, ${results.b ?? 'none'} in b`);
  }
  for (const side of ['a', 'b'] as const) {
    for (const { rule, message, seq } of findings[side]) {
      print(`\n${styled('bold', `only in ${side}`)}: ${styled('red', rule)} after event ${seq}: ${message}`);
    }
  }
}
