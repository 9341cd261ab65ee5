import type { Options } from '../../core/scenario.ts';
import type { Session } from '../session.ts';
import type { Sides } from './result.ts';

/** The options that are not the same; where one is missing, it has the scenario's default. */
export function optionDifferences(a: Session, b: Session): Sides<Options> {
  const without = (these: Options, those: Options): Options =>
    Object.fromEntries(Object.entries(these).filter(([name, value]) => those[name] !== value));
  return { a: without(a.options, b.options), b: without(b.options, a.options) };
}
