import { InputError } from '../../core/errors.ts';
import type { Options, Scenario } from '../../core/scenario.ts';
import { stream } from '../../scheduler/random.ts';
import { checkOptions } from '../execution.ts';

/** What an option can be: one of some values, or a whole number within bounds. */
export type Drawn = readonly Options[string][] | { readonly from: number; readonly to: number };

/** By the option's name. */
export type Draws = Readonly<Record<string, Drawn>>;

const isList = (drawn: Drawn): drawn is readonly Options[string][] => Array.isArray(drawn);

/** @throws {InputError} when the scenario has no such option, or a value does not fit it */
export function checkDraws(scenario: Scenario, draws: Draws): void {
  for (const [name, drawn] of Object.entries(draws)) {
    const values = isList(drawn) ? drawn : [drawn.from, drawn.to];
    if (values.length === 0) throw new InputError(`option "${name}" is to be drawn, but from no value`);
    for (const value of values) checkOptions(scenario, { [name]: value });
    if (
      !isList(drawn) &&
      !(Number.isSafeInteger(drawn.from) && Number.isSafeInteger(drawn.to) && drawn.from <= drawn.to)
    )
      throw new InputError(`option "${name}" is to be drawn from ${drawn.from} to ${drawn.to}, which is no range`);
  }
}

/** The options of the execution with that seed. */
export function drawOptions(draws: Draws, seed: string): Options {
  const random = stream(seed, 'options');
  return Object.fromEntries(
    Object.entries(draws).map(([name, drawn]) => [
      name,
      isList(drawn)
        ? drawn[Math.floor(random() * drawn.length)]!
        : drawn.from + Math.floor(random() * (drawn.to - drawn.from + 1)),
    ]),
  );
}
