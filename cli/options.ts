/** Options as people write them. */
import { InputError } from '../core/errors.ts';
import { defaultMachine } from '../core/machine.ts';
import type { Sides } from '../replay/diff/result.ts';
import type { Draws } from '../replay/explore/draw.ts';
import { machinePrefix, type Options, type Scenario } from '../core/scenario.ts';

/** Collects a repeatable option. */
export function collect(value: string, all: string[]): string[] {
  return [...all, value];
}

/** A whole number, in decimal or hexadecimal, perhaps with a unit: `65536`, `0x10000`, `64KiB`. */
function parseNumber(text: string): number | undefined {
  const match = /^(0x[\da-f]+|\d+(?:\.\d+)?)(KiB|MiB|GiB)?$/i.exec(text);
  if (match === null) return undefined;
  const units: Record<string, number> = { kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };
  return Number(match[1]) * (units[match[2]?.toLowerCase() ?? ''] ?? 1);
}

/** @throws {InputError} unless the text is a whole number of at least `least` */
export function wholeNumber(name: string, text: string, least = 0): number {
  const value = parseNumber(text);
  if (value === undefined || !Number.isSafeInteger(value) || value < least) {
    throw new InputError(`${name} is "${text}", but must be a whole number of at least ${least}`);
  }
  return value;
}

/**
 * Reads `--set name=value` pairs; each value has the type of the option's default.
 * @throws {InputError} for a pair without "=", or a value of another type
 */
export function parseSet(scenario: Scenario, pairs: readonly string[]): Options {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new InputError(`--set "${pair}": write name=value`);
      const name = pair.slice(0, at);
      return [name, parseValue(name, pair.slice(at + 1), defaultOf(scenario, name))];
    }),
  );
}

/**
 * Reads `--draw name=value,value,…` and `--draw name=from..to`.
 * @throws {InputError} for anything else, or a value of another type than the option's
 */
export function parseDraws(scenario: Scenario, pairs: readonly string[]): Draws {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new InputError(`--draw "${pair}": write name=value,value or name=from..to`);
      const name = pair.slice(0, at);
      const fallback = defaultOf(scenario, name);
      const [first, last, ...more] = pair.slice(at + 1).split('..');
      if (last !== undefined && more.length === 0 && typeof fallback === 'number') {
        const from = parseValue(name, first!, fallback) as number;
        return [name, { from, to: parseValue(name, last, fallback) as number }];
      }
      return [
        name,
        pair
          .slice(at + 1)
          .split(',')
          .map((text) => parseValue(name, text, fallback)),
      ];
    }),
  );
}

/** The options that are not the same on two sides, which have those names. */
export function tellOptions(options: Sides<Options>, names: Sides<string>): string {
  const of = (side: 'a' | 'b', name: string): string => `${options[side][name] ?? 'its default'} in ${names[side]}`;
  return [...new Set([...Object.keys(options.a), ...Object.keys(options.b)])]
    .map((name) => `${name} is ${of('a', name)}, ${of('b', name)}`)
    .join('; ');
}

function defaultOf(scenario: Scenario, name: string): unknown {
  if (!name.startsWith(machinePrefix)) return scenario.options[name];
  return (defaultMachine as unknown as Options)[name.slice(machinePrefix.length)];
}

/** @throws {InputError} when the text is no value of the fallback's type */
export function parseValue(name: string, text: string, fallback: unknown): number | string | boolean {
  if (typeof fallback === 'number') {
    const value = parseNumber(text);
    if (value === undefined)
      throw new InputError(`--set ${name}=${text}: must be a number, such as 65536, 0x10000 or 64KiB`);
    return value;
  }
  if (typeof fallback === 'boolean') {
    if (text !== 'true' && text !== 'false') throw new InputError(`--set ${name}=${text}: must be true or false`);
    return text === 'true';
  }
  return text;
}
