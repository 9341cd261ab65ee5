/** Recording, replaying and looking at sessions: what the command line does, as typed calls. */
export { InputError } from '../core/errors.ts';
export { bisect, type Bisection, type BisectOptions, type Place, type Reordering } from './delta/bisect.ts';
export { firstTurn, type Predicate, type Turned } from './delta/turn.ts';
export { vary, type Variant, type Variation, type VaryOptions } from './delta/vary.ts';
export { runOf, type RunToTest } from './delta/run-to-test.ts';
export { shrink, type Shrunk, type ShrinkOptions, type Size } from './delta/shrink.ts';
export type { Deed, Turn } from './delta/story.ts';
export { defaultMaxSteps } from './execution.ts';
export {
  explore,
  Explorer,
  type Ending,
  type Exploration,
  type ExploreOptions,
  type Failure,
} from './explore/explorer.ts';
export { formatEvent } from './format.ts';
export { bundledExamples, loadScenario, type Loaded } from './load.ts';
export { record, Recorder, type Outcome, type Recording, type RecordOptions, type ScenarioSource } from './record.ts';
export { reexecute, sameWorld, type Divergence, type Replay, type ReplayOptions } from './replay.ts';
export { open, Session } from './session.ts';
export { watchedRules } from './rules.ts';
export type { RuleHead } from './rule.ts';
export { Timeline, type Change, type Difference } from './timeline.ts';
