/** What a command looks into: a recorded session, or a scenario run under a seed or a schedule. */
import { dirname, resolve } from 'node:path';
import { type Command } from 'commander';
import { InputError } from '../core/errors.ts';
import type { Options, Scenario } from '../core/scenario.ts';
import { defaultMaxSteps } from '../replay/execution.ts';
import { loadScenario, type Loaded } from '../replay/load.ts';
import { rulesToWatch, runOf, type RunToTest } from '../replay/delta/run-to-test.ts';
import { raceRules } from '../replay/races/rules.ts';
import type { ScenarioSource } from '../replay/record.ts';
import { open, parseSession, type Session } from '../replay/session.ts';
import { ruleMeanings, type RuleName } from '../scheduler/finding.ts';
import { strategyNames } from '../scheduler/strategies.ts';
import { againCommand } from './again.ts';
import { collect, parseSet } from './options.ts';

/** Flags that say which run of a scenario is meant. */
export interface RunFlags {
  readonly seed?: string;
  readonly strategy?: string;
  readonly schedule?: string;
  readonly set: string[];
  readonly races?: true;
  readonly scenario?: string;
  readonly finding?: string;
}

export interface Subject {
  readonly scenario: Scenario;
  readonly source: ScenarioSource;
  readonly run: RunToTest;
  /** The session's name, or the scenario's. */
  readonly name: string;
}

/** Adds the flags of {@link RunFlags}. */
export function withRunFlags(command: Command): Command {
  return command
    .option('--seed <seed>', 'of a scenario: decides every pick and every latency (default: "1")')
    .option('--schedule <string>', 'of a scenario: the decisions to follow instead of picking')
    .option('--strategy <name>', `of a scenario: ${strategyNames.join(', ')} (default: "random")`)
    .option('--set <name=value>', 'of a scenario: change an option', collect, [])
    .option('--races', 'of a scenario: look for data races too')
    .option('--finding <rule>', 'the finding to look into; the default is the first error')
    .option('--scenario <file>', 'of a session: the scenario to execute, instead of the recorded one');
}

/** Whether the name is one of a session rather than of a scenario. */
function namesSession(name: string): boolean {
  return /#\d+$|\.db$/.test(name);
}

/** @throws {InputError} when there is no such session or scenario */
export async function subjectOf(name: string, flags: RunFlags): Promise<Subject> {
  if (namesSession(name)) {
    const session = open(name);
    try {
      return await subjectOfSession(session, flags);
    } finally {
      session.close();
    }
  }
  if (flags.scenario !== undefined)
    throw new InputError(`--scenario says which scenario to execute a session with, but ${name} is a scenario`);
  const { scenario, source } = await loadScenario(name);
  const { seed, strategy, schedule, races } = flags;
  const run: RunToTest = {
    set: parseSet(scenario, flags.set),
    ...(seed === undefined ? {} : { seed }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(races === undefined ? {} : { races }),
    ...findingOf(flags),
  };
  return { scenario, source, run, name };
}

/** @throws {InputError} when flags say how to run a scenario, which a session has recorded */
export function mustLeaveAsRecorded({ name }: Session, flags: RunFlags): void {
  const given = (['seed', 'strategy', 'schedule', 'races'] as const).filter((flag) => flags[flag] !== undefined);
  const [first] = flags.set.length > 0 ? ['set'] : given;
  if (first !== undefined)
    throw new InputError(
      `--${first} says how to run a scenario, but ${name} is a session: it is run as it was recorded`,
    );
}

/** The run that a session has recorded. @throws {InputError} when flags ask for another one */
export async function subjectOfSession(session: Session, flags: RunFlags): Promise<Subject> {
  mustLeaveAsRecorded(session, flags);
  const run = { ...runOf(session), ...findingOf(flags) };
  return { ...(await scenarioOf(session, flags.scenario)), run, name: session.name };
}

/** @throws {InputError} when there is no such rule */
export function ruleNamed(name: string): RuleName {
  if (Object.hasOwn(ruleMeanings, name)) return name as RuleName;
  throw new InputError(`there is no rule "${name}"; there are: ${Object.keys(ruleMeanings).join(', ')}`);
}

function findingOf({ finding }: Pick<RunFlags, 'finding'>): Pick<RunToTest, 'finding'> {
  return finding === undefined ? {} : { finding: ruleNamed(finding) };
}

/** The scenario of a session: the recorded one, or the one in `file`. @throws {InputError} when there is none */
export async function scenarioOf(session: Session, file: string | undefined): Promise<Loaded> {
  const name = file ?? session.row.scenario;
  if (name === '')
    throw new InputError(`${session.name} does not say which scenario it is of; name it with --scenario FILE`);
  return loadScenario(name, dirname(resolve(parseSession(session.name).file)));
}

/** The command that runs the scenario in that way. */
export function recordLine({ source, run }: Subject, set: Options, schedule: string): string {
  const { seed = '1', strategy = 'random', maxSteps = defaultMaxSteps } = run;
  const rules = rulesToWatch(run);
  return againCommand(source.file, {
    seed: String(seed),
    strategy,
    set: pairsOf(set),
    schedule,
    races: raceRules.some(({ name }) => rules.includes(name)),
    maxSteps: String(maxSteps),
  });
}

/** Options as `--set` takes them. */
export function pairsOf(set: Options): string[] {
  return Object.entries(set).map(([name, value]) => `${name}=${value}`);
}
