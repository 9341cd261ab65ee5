/** Stable names of what can be found; each has a section in docs/findings.md. */
export type Rule =
  | 'deadlock'
  | 'step-bound'
  | 'crash'
  | 'program-error'
  | 'check'
  | 'late-write'
  | 'lost-update'
  | 'read-before-completion'
  | 'data-race'
  | 'device-race';

/** Something wrong that a run has found. */
export interface Finding {
  readonly rule: Rule;
  /** The whole story, in a few lines. */
  readonly message: string;
  /** Sequence number of the event that showed it. */
  readonly seq: number;
  /** The actors it is about. */
  readonly actors: readonly number[];
}
