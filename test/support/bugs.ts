/** The catalogue of bugs, `examples/bugs/`, as scenarios. */
import { readdirSync } from 'node:fs';
import type { Scenario } from '../../index.ts';

const folder = new URL('../../examples/bugs/', import.meta.url);

/** Their files, in the order of the numbers. */
export const bugFiles: readonly string[] = readdirSync(folder)
  .filter((file) => /^\d\d-.*\.ts$/.test(file))
  .toSorted();

/** The scenario in one of the files. */
export async function bugScenario(file: string): Promise<Scenario> {
  const { default: scenario } = (await import(new URL(file, folder).href)) as { default: Scenario };
  return scenario;
}
