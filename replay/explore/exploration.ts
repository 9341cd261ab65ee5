import type { Options } from '../../core/scenario.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import type { Disagreement } from './judge.ts';
import type { WayName } from './searches.ts';

/** Executions that failed, or were warned of, for the same reason. */
export interface Failure {
  /** What they have in common: see {@link causeOf}. */
  readonly cause: string;
  readonly rule: RuleName;
  readonly severity: Finding['severity'];
  /** Of the first of them. */
  readonly message: string;
  /** How many there were. */
  readonly count: number;
  /** Which execution was the first, from 0; undefined when it was a stored one. */
  readonly run: number | undefined;
  readonly seed: string;
  /** Options of the first of them that differ from the scenario's defaults, drawn ones included. */
  readonly set: Options;
  readonly schedule: string;
  /** Where the first of them is recorded: `FILE#ID`; undefined when nothing was stored. */
  readonly session: string | undefined;
}

/** The number of a stored failure's execution: it comes before all others. */
export const beforeAll = -1;

/** Why an exploration has ended. */
export type Ending =
  /** Every schedule has been covered. */
  | 'everything'
  /** No schedule was left within the bound on preemptions or delays, or but for what executions that were cut would have led to. */
  | 'all-within-bound'
  /** The most executions were made. */
  | 'runs'
  | 'first-failure'
  /** Two runs of one schedule differed. */
  | 'not-deterministic'
  | 'interrupted';

/** Stored failures of the scenario, which run first. */
export interface Again {
  readonly failed: number;
  readonly passed: number;
  /** Those whose schedule no longer fits the scenario. */
  readonly unfit: number;
}

/** What came of an exploration. */
export interface Exploration {
  readonly title: string;
  readonly strategy: WayName;
  readonly seed: string;
  readonly options: Options;
  /** Most executions that were to be made. */
  readonly runs: number;
  /** For `preemptions` and `delays`: how many a schedule could have. */
  readonly bound: number;
  /** Most steps of an execution. */
  readonly maxSteps: number;
  readonly ending: Ending;
  readonly executions: number;
  /** How many different ones, by what commutes: see {@link TraceHash}; 0 when they were not to be counted. */
  readonly traces: number;
  /** Executions given up because all they could lead to was covered. */
  readonly blocked: number;
  /** Executions cut at the most steps allowed: what would have followed is not covered. */
  readonly cut: number;
  /** Most decisions in an execution; 0 when there was nothing to choose. */
  readonly decisions: number;
  readonly again: Again;
  /** In the order in which they were found. */
  readonly failures: readonly Failure[];
  /** Where two runs of one schedule differed. */
  readonly disagreement: Disagreement | undefined;
}

/** What an execution adds to the whole. */
export interface Made {
  readonly run: number;
  readonly decisions: number;
  readonly blocked: boolean;
  readonly cut: boolean;
  readonly causes: readonly string[];
}

/** A part of an exploration, for {@link merge}. */
export interface Part extends Exploration {
  /** Which of how many, from 1. */
  readonly shard: { readonly index: number; readonly of: number };
  /** The traces, and the execution in which each was first seen. */
  readonly hashes: readonly (readonly [trace: number, run: number])[];
  /** Every execution, when the search ends with the first failure. */
  readonly made: readonly Made[];
}
