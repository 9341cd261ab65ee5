import { InputError } from '../../core/errors.ts';
import { optionsOf } from '../../replay/execution.ts';
import { vary, type Variant, type VaryOptions } from '../../replay/delta/vary.ts';
import { parseValue, wholeNumber } from '../options.ts';
import { print, printJson, styled } from '../output.ts';
import { subjectOf, type RunFlags, type Subject } from '../subject.ts';

export interface VaryFlags {
  readonly seeds: string;
  readonly json?: true;
}

/** `dextrace bisect --vary`. */
export async function bisectVary(name: string, what: string, flags: RunFlags & VaryFlags): Promise<void> {
  const subject = await subjectOf(name, flags);
  const { option, ...where } = parseVary(subject, what);
  const json = flags.json === true;
  if (!json) {
    const { seed = '1', strategy = 'random' } = subject.run;
    print(styled('bold', subject.scenario.title));
    print(`  ${option}, seed ${seed}, strategy ${strategy}`);
  }
  // A schedule that fits one value of an option does not fit another.
  const { schedule: _, ...run } = subject.run;
  const { tried, threshold } = vary(subject.scenario, run, option, {
    ...where,
    seeds: wholeNumber('--seeds', flags.seeds, 1),
    onVariant: (variant) => json || printVariant(option, variant),
  });
  if (json) printJson('vary', { of: subject.name, option, tried, threshold: threshold ?? null });
  else if (threshold !== undefined) {
    const { passes, fails } = threshold;
    print(`passes with ${option}=${passes}, fails with ${option}=${fails}`);
  } else if (new Set(tried.map(({ outcome }) => outcome)).size === 1) print(`${tried[0]!.outcome} with every value`);
}

function printVariant(option: string, { value, outcome, why }: Variant): void {
  const style = ({ passed: 'green', failed: 'red', refused: 'dim' } as const)[outcome];
  print(`  ${option}=${value}  ${styled(style, outcome)}${why === undefined ? '' : `: ${why}`}`);
}

/** Splits `NAME`, `NAME=LOW..HIGH` and `NAME=A,B,C`. */
function parseVary({ scenario }: Subject, text: string): { option: string } & Pick<VaryOptions, 'range' | 'values'> {
  const at = text.indexOf('=');
  const option = at === -1 ? text : text.slice(0, at);
  const fallback = optionsOf(scenario)[option];
  if (fallback === undefined)
    throw new InputError(`there is no option "${option}"; there are: ${Object.keys(optionsOf(scenario)).join(', ')}`);
  if (at === -1) return { option };
  const rest = text.slice(at + 1);
  const value = (one: string): number | string | boolean => parseValue(option, one, fallback);
  const range = /^(\w+)\.\.(\w+)$/.exec(rest);
  if (range === null) return { option, values: rest.split(',').map(value) };
  const [low, high] = [value(range[1]!), value(range[2]!)];
  if (typeof low !== 'number' || typeof high !== 'number' || low > high)
    throw new InputError(`--vary "${text}": a range goes from a number to one that is not smaller`);
  return { option, range: { low, high } };
}
