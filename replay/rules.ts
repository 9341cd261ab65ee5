import { raceRules } from './races/rules.ts';
import type { Rule, RuleHead } from './rule.ts';
import { completedTwice } from './rules/completed-twice.ts';

/** Rules about the use of the API: cheap, so every run is watched for them unless it is told otherwise. */
export const misuseRules: readonly Rule[] = [completedTwice];

/** Every rule that a run can be watched for; what else there is, the run itself finds. */
export const watchedRules: readonly RuleHead[] = [...misuseRules, ...raceRules];
