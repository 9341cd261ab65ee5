/** Every schedule of a few actors, by running the scenario again for each. */
import type { AnyEvent, Scenario } from '../../index.ts';
import { Run } from '../../scheduler/run.ts';
import type { Strategy } from '../../scheduler/strategy.ts';

/** What one schedule did: its labels in order, and the finished run. */
export interface Scheduled {
  readonly notes: readonly string[];
  readonly run: Run;
}

/**
 * Runs the scenario under every order of the actors with these names, from when all of them have
 * started and nobody else can move. Whoever else can move goes first. Labels are the texts of notes,
 * unless `label` says otherwise.
 */
export function everySchedule(
  scenario: Scenario,
  names: readonly string[],
  label: (event: AnyEvent) => string | undefined = (event) => (event.kind === 'note' ? event.text : undefined),
): Scheduled[] {
  const all: Scheduled[] = [];
  /** The choice made at each branch of this schedule, and how many there were. */
  const choices: { index: number; of: number }[] = [];
  for (;;) {
    all.push(follow(scenario, names, choices, label));
    // The next schedule, depth first: the last branch that has an untried choice.
    while (choices.length > 0 && choices.at(-1)!.index + 1 === choices.at(-1)!.of) choices.pop();
    const last = choices.at(-1);
    if (last === undefined) return all;
    last.index += 1;
  }
}

function follow(
  scenario: Scenario,
  names: readonly string[],
  choices: { index: number; of: number }[],
  label: (event: AnyEvent) => string | undefined,
): Scheduled {
  const notes: string[] = [];
  const ours = new Set<number>();
  const started = new Set<number>();
  let depth = 0;
  const strategy: Strategy = {
    timed: false,
    pick(candidates, count) {
      const able = candidates.slice(0, count).map(({ id }) => id);
      const first = able.findIndex((id) => !ours.has(id) || !started.has(id));
      if (first !== -1) return first;
      const choice = (choices[depth] ??= { index: 0, of: count });
      depth += 1;
      return choice.index;
    },
  };
  const run = new Run(
    scenario.build({}),
    strategy,
    () => 0,
    {
      event(event) {
        if (event.kind === 'actor.create' && names.includes(event.name)) ours.add(event.actor);
        if (event.kind === 'actor.start') started.add(event.actor);
        // The link has no step in which it starts.
        if (event.kind === 'tlp.tag') started.add(event.completer);
        if (event.kind === 'actor.create' && event.name === 'link:posted') started.add(event.actor);
        const text = label(event);
        if (text !== undefined) notes.push(text);
      },
      decision() {},
    },
    100_000,
  );
  while (run.advance(1_000));
  return { notes, run };
}
