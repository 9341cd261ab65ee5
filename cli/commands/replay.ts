import { Command } from 'commander';
import { modelVersion } from '../../core/events.ts';
import { reexecute, type Replay } from '../../replay/replay.ts';
import { open, type Session } from '../../replay/session.ts';
import { exitCodes, grouped, print, printJson, ProgressLine, styled } from '../output.ts';
import { scenarioOf } from '../subject.ts';

interface Flags {
  readonly scenario?: string;
  readonly json?: true;
}

/** `dextrace replay`. */
export function replayCommand(): Command {
  return new Command('replay')
    .description('execute a recorded session again under its schedule and compare event by event')
    .argument('<session>', 'FILE#ID, or #ID in the default file')
    .option('--scenario <file>', 'the scenario to execute, instead of the recorded one')
    .option('--json', 'print one JSON document')
    .action(action);
}

async function action(name: string, flags: Flags): Promise<void> {
  const session = open(name);
  try {
    if (session.row.model_version !== modelVersion) {
      cannotJudge(session, flags);
      return;
    }
    const { scenario, source } = await scenarioOf(session, flags.scenario);
    const progress = new ProgressLine();
    const replay = reexecute(session, scenario, {
      version: source.version,
      onProgress: (events) => progress.show(events, 'replaying'),
    });
    progress.clear();
    if (flags.json === true) printJson('replay', summary(session, replay));
    else printText(session, replay);
    if (replay.result !== 'identical') process.exitCode = exitCodes.finding;
  } finally {
    session.close();
  }
}

function cannotJudge({ name, row }: Session, flags: Flags): void {
  const why = `recorded by model version ${row.model_version}, this is version ${modelVersion}; use dextrace ${row.dextrace}`;
  if (flags.json === true) printJson('replay', { session: name, result: 'model-changed', events: 0, divergence: null });
  else print(`${name}: cannot be judged: ${why}`);
  process.exitCode = exitCodes.cannotJudge;
}

function summary({ name, row }: Session, { result, events, divergence, changed }: Replay): object {
  return {
    session: name,
    result,
    events,
    digest: row.digest,
    interrupted: row.outcome === 'interrupted',
    scenarioChanged: changed,
    divergence: divergence ?? null,
  };
}

function printText({ name, row }: Session, { result, events, divergence, changed }: Replay): void {
  const partly = row.outcome === 'interrupted' ? ', where the recording was interrupted' : '';
  if (divergence === undefined) {
    print(`${name}: ${styled('green', 'identical')} in all ${grouped(events)} events${partly}`);
    if (changed) print('The scenario has changed since, but does the same.');
    return;
  }
  const { seq, expectedText, actualText, actor, where } = divergence;
  print(
    `${name}: ${styled('red', result === 'diverged' ? 'diverged' : 'the scenario has changed')}; first difference at event ${seq}, by ${actor}`,
  );
  print(`  expected  ${expectedText}`);
  print(`  actual    ${actualText}`);
  print(`  where     ${where ?? 'not known'}`);
  if (result === 'diverged') {
    print(
      '  The scenario is the recorded one, so it is not deterministic: look for a clock, randomness, or state kept between runs.',
    );
  }
}
