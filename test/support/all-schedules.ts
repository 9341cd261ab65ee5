/** Every execution that a search makes of a scenario. */
import type { AnyEvent, Scenario } from '../../index.ts';
import { Judge } from '../../replay/explore/judge.ts';
import { startWith } from '../../replay/execution.ts';
import type { Search } from '../../scheduler/search.ts';

const limits = { set: {}, maxSteps: 10_000 };

/** What a search has covered. */
export interface Covered {
  readonly executions: number;
  readonly blocked: number;
  /** Hash of each trace, and what it came to: always the same. */
  readonly traces: ReadonlyMap<number, string>;
  /** Whether it came to its end within the bound. */
  readonly complete: boolean;
}

/** Makes the search, up to that many executions. */
export function cover(scenario: Scenario, search: Search, atMost: number): Covered {
  const judge = new Judge(scenario, limits, [], true);
  const traces = new Map<number, string>();
  let executions = 0;
  let blocked = 0;
  for (let trial = search.next(); trial !== undefined && executions < atMost; trial = search.next()) {
    if (trial.probe === true) {
      judge.lookAhead(trial);
      continue;
    }
    const { trace, result, findings, blocked: gaveUp } = judge.run(trial);
    executions += 1;
    if (gaveUp) {
      blocked += 1;
      continue;
    }
    const outcome = `${String(result)} ${findings.map(({ rule, message }) => (rule === 'check' ? message : rule)).join()}`;
    const known = traces.get(trace);
    if (known !== undefined && known !== outcome) throw new Error(`one trace, two outcomes: ${known} and ${outcome}`);
    traces.set(trace, outcome);
  }
  return { executions, blocked, traces, complete: search.complete };
}

/** The executions of a search, each as the labels of its events in order; events without a label are left out. */
export function listed(
  scenario: Scenario,
  search: Search,
  label: (event: AnyEvent, actor: string) => string | undefined,
): string[] {
  const all: string[] = [];
  for (let trial = search.next(); trial !== undefined; trial = search.next()) {
    const labels: string[] = [];
    const run = startWith(scenario, trial.strategy, trial.seed, limits, {
      event(event, _kind, actor, _tick, world) {
        const text = label(event, world.actors.get(actor)?.name ?? '');
        if (text !== undefined) labels.push(text);
      },
      decision() {},
    });
    while (run.advance(1_000));
    if (trial.probe !== true) all.push(labels.join(' '));
  }
  return all;
}
