import { Command } from 'commander';
import { setImmediate } from 'node:timers/promises';
import { faultNames } from '../../core/faults/names.ts';
import { faultsOption } from '../../core/scenario.ts';
import { defaultMaxSteps } from '../../replay/execution.ts';
import { loadScenario } from '../../replay/load.ts';
import { Recorder, type Recording } from '../../replay/record.ts';
import { defaultFile } from '../../replay/session.ts';
import { strategyNames } from '../../scheduler/strategies.ts';
import { againCommand } from '../again.ts';
import { printFindings } from '../findings.ts';
import { collect, parseSet, wholeNumber } from '../options.ts';
import { exitCodes, grouped, print, printJson, ProgressLine, styled } from '../output.ts';

interface Flags {
  readonly seed: string;
  readonly strategy: string;
  readonly set: string[];
  readonly fault: string[];
  readonly db: string;
  readonly store: boolean;
  readonly maxSteps: string;
  readonly races?: true;
  readonly schedule?: string;
  readonly json?: true;
}

/** Steps between two looks at the terminal. */
const slice = 20_000;

/** `dextrace record`. */
export function recordCommand(): Command {
  return new Command('record')
    .description('run a scenario once and record every event')
    .argument('<scenario>', 'a .ts or .js file, or the name of a bundled example (see dextrace examples)')
    .option('--seed <seed>', 'decides every pick and every latency', '1')
    .option('--schedule <string>', 'follow a schedule instead of picking; the seed still decides latencies')
    .option('--strategy <name>', `how the next actor is picked: ${strategyNames.join(', ')}`, 'random')
    .option(
      '--set <name=value>',
      'change an option of the scenario, or of the machine (machine.pageSize=4KiB)',
      collect,
      [],
    )
    .option('--fault <name>', `something that goes wrong, once: ${faultNames.join(', ')}`, collect, [])
    .option('--db <file>', 'the file to record into', defaultFile)
    .option('--no-store', 'record nothing, only compute the digest')
    .option('--races', 'look for data races between CPUs and devices')
    .option('--max-steps <n>', 'end with a finding after that many steps', String(defaultMaxSteps))
    .option('--json', 'print one JSON document')
    .action(action);
}

async function action(name: string, given: Flags): Promise<void> {
  const { fault } = given;
  const flags = fault.length === 0 ? given : { ...given, set: [...given.set, `${faultsOption}=${fault.join(',')}`] };
  const { scenario, source } = await loadScenario(name);
  const recorder = new Recorder(scenario, {
    seed: flags.seed,
    strategy: flags.strategy,
    set: parseSet(scenario, flags.set),
    maxSteps: wholeNumber('--max-steps', flags.maxSteps, 1),
    source,
    races: flags.races === true,
    ...(flags.schedule === undefined ? {} : { schedule: flags.schedule }),
    ...(flags.store ? { db: flags.db } : {}),
  });
  const recording = await finish(recorder);
  const again = againCommand(name, flags);
  if (flags.json === true) printJson('record', { ...summary(recording), again });
  else printText(recording, again);
  if (recording.outcome === 'failed') process.exitCode = exitCodes.finding;
}

/** Records to the end, or until Ctrl-C. A simulation is synchronous, so signals come through between slices. */
async function finish(recorder: Recorder): Promise<Recording> {
  const progress = new ProgressLine();
  let interrupted = false;
  const stop = (): void => {
    interrupted = true;
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    while (recorder.advance(slice)) {
      progress.show(recorder.events, 'recording');
      await setImmediate();
      if (interrupted) {
        process.exitCode = exitCodes.interrupted;
        return recorder.interrupt();
      }
    }
    return recorder.finish();
  } finally {
    progress.clear();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function summary({
  session,
  title,
  seed,
  strategy,
  options,
  events,
  steps,
  digest,
  outcome,
  findings,
}: Recording): object {
  return { session: session ?? null, title, seed, strategy, options, events, steps, digest, outcome, findings };
}

function printText(recording: Recording, again: string): void {
  const { session, title, seed, strategy, events, steps, digest, outcome, findings } = recording;
  print(styled('bold', title));
  print(`  session   ${session ?? 'not stored'}`);
  print(`  schedule  seed ${seed}, strategy ${strategy}: ${grouped(steps)} steps, ${grouped(events)} events`);
  print(`  digest    ${digest}`);
  print(`  outcome   ${styled(outcome === 'passed' ? 'green' : 'red', outcome)}`);
  printFindings(findings);
  if (findings.length > 0) print(`\nagain: ${again}`);
}
