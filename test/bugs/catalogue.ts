/** The catalogue of bugs, `examples/bugs/`, as tests see it. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { record, type Recording, type RuleName, type RunToTest, type Scenario } from '../../index.ts';

/** One file of the catalogue. */
export interface Bug {
  /** The file's name without its ending: `01-late-write`. */
  readonly name: string;
  /** Its number in facts §10. */
  readonly number: number;
  /** The rule that names it. */
  readonly rule: RuleName;
  readonly scenario: Scenario;
}

interface BugModule {
  readonly default: Scenario;
  readonly bug: { readonly number: number; readonly rule: RuleName };
}

const folder = new URL('../../examples/bugs/', import.meta.url);

/** Every bug, in the order of the numbers. */
export async function allBugs(): Promise<Bug[]> {
  const names = readdirSync(folder)
    .filter((file) => /^\d\d-/.test(file))
    .map((file) => file.replace(/\.ts$/, ''))
    .toSorted();
  return Promise.all(
    names.map(async (name) => {
      const { default: scenario, bug } = (await import(new URL(`${name}.ts`, folder).href)) as BugModule;
      return { name, ...bug, scenario };
    }),
  );
}

/** In turn. */
const strategies = ['random', 'timed', 'pct'] as const;

/** How a bug is run under one seed: watched by every rule. */
export const specFor = (seed: number): RunToTest => ({
  seed,
  strategy: strategies[seed % strategies.length]!,
  races: true,
  maxSteps: 100_000,
});

/** Runs the bug, or with `fixed` its twin, under one seed. */
export function runBug({ scenario }: Bug, seed: number, fixed: boolean): Recording {
  return record(scenario, { ...specFor(seed), set: { fixed } });
}

const rulesOf = ({ findings }: Recording): RuleName[] => findings.map(({ rule }) => rule);

/** Seeds that a bug has to show itself. */
const buggySeeds = 200;
/** Seeds under which a twin must be clean. */
const fixedSeeds = 1_000;

/** Tests of the bugs with numbers from `first` to `last`: each shows under some seed, by its rule; its twin is clean under all. */
export function testBugs(bugs: readonly Bug[], first: number, last: number): void {
  const some = bugs.filter(({ number }) => first <= number && number <= last);
  test.for(some)('$name is found as $rule', (bug) => {
    const shown = Array.from({ length: buggySeeds }, (_, i) => i + 1).find((seed) =>
      rulesOf(runBug(bug, seed, false)).includes(bug.rule),
    );
    expect(shown, `${bug.rule} under ${buggySeeds} seeds`).toBeDefined();
  });
  test.for(some)(`$name: the twin is clean, with ${fixedSeeds} seeds`, { timeout: 300_000 }, (bug) => {
    for (let seed = 1; seed <= fixedSeeds; seed += 1) {
      const { findings, strategy } = runBug(bug, seed, true);
      const errors = findings.filter(({ severity }) => severity === 'error');
      expect(errors, `seed ${seed}, ${strategy}`).toEqual([]);
    }
  });
}
