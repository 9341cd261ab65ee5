import { defaultMaxSteps } from '../replay/execution.ts';
import { shellWord } from './output.ts';

/** What a recording was asked for, as on the command line. */
export interface Asked {
  readonly seed: string;
  readonly strategy: string;
  readonly set: readonly string[];
  readonly schedule?: string;
  readonly races?: boolean;
  readonly maxSteps?: string;
}

/** The command that records the same again. */
export function againCommand(scenario: string, asked: Asked): string {
  const { seed, strategy, set, schedule, races, maxSteps = String(defaultMaxSteps) } = asked;
  const words = ['dextrace', 'record', scenario, '--seed', seed];
  if (strategy !== 'random') words.push('--strategy', strategy);
  for (const pair of set) words.push('--set', pair);
  if (schedule !== undefined) words.push('--schedule', schedule);
  if (races === true) words.push('--races');
  if (maxSteps !== String(defaultMaxSteps)) words.push('--max-steps', maxSteps);
  return words.map(shellWord).join(' ');
}
