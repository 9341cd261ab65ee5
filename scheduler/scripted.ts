import { InputError } from '../core/errors.ts';
import type { Strategy } from './strategy.ts';

/** The recorded schedule cannot be followed: what it names cannot move, or it has ended. */
export class ScheduleMismatch extends InputError {
  override readonly name = 'ScheduleMismatch';
  /** The actor that the schedule names; nothing when it has ended. */
  readonly expected: number | undefined;

  constructor(expected: number | undefined) {
    super(
      `the schedule does not fit this scenario: ${expected === undefined ? 'it ends too early' : `actor ${expected} cannot move`}`,
    );
    this.expected = expected;
  }
}

/** Follows a recorded schedule instead of picking. `timed` says whether the recording strategy was. */
export function scripted(decisions: Iterator<number>, timed: boolean): Strategy {
  return {
    timed,
    pick(candidates, count) {
      const { done, value } = decisions.next();
      if (done === true) throw new ScheduleMismatch(undefined);
      for (let i = 0; i < count; i += 1) if (candidates[i]!.id === value) return i;
      throw new ScheduleMismatch(value);
    },
  };
}
