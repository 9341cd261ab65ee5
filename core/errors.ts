/**
 * What a person gave is wrong: a scenario, an option, a file. The message is one
 * clear line that says what, where, and what to do.
 */
export class InputError extends Error {
  override readonly name: string = 'InputError';
}

/** The scenario itself is at fault, not the driver in it. */
export class ScenarioError extends InputError {
  override readonly name = 'ScenarioError';
}

/** What is asked cannot be judged by this version: no answer would mean anything. */
export class CannotJudge extends InputError {
  override readonly name = 'CannotJudge';
}
