/** Scenario files: finding, compiling and fingerprinting them. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InputError } from '../core/errors.ts';
import type { Scenario } from '../core/scenario.ts';
import { fromHere } from './format.ts';
import type { ScenarioSource } from './record.ts';

/** A scenario and where it came from. */
export interface Loaded {
  readonly scenario: Scenario;
  readonly source: ScenarioSource;
}

const examplesFolder = fileURLToPath(new URL('../examples/', import.meta.url));

/** Folders of examples, from the examples' own. */
const folders = ['', 'bugs/'];

/** Files beside the examples that are no scenarios. */
const sharedParts: ReadonlySet<string> = new Set(['sg-driver', 'send-client', 'bugs/mover']);

/** Names of the examples that come with dextrace: `late-write`, `bugs/01-late-write`. */
export function bundledExamples(): string[] {
  return folders
    .filter((folder) => existsSync(resolve(examplesFolder, folder)))
    .flatMap((folder) =>
      readdirSync(resolve(examplesFolder, folder))
        .filter((file) => /^[\w-]+\.(js|ts)$/.test(file))
        .map((file) => folder + file.replace(/\.\w+$/, ''))
        .filter((name) => !sharedParts.has(name))
        .toSorted(),
    );
}

/** The file that a name stands for: a path, from here or from `near`, or a bundled example. */
function find(name: string, near: string | undefined): string {
  const candidates = [resolve(name), ...(near === undefined ? [] : [resolve(near, name)])];
  const bundled = /^(?:bugs\/)?[\w-]+$/.test(name)
    ? ['.js', '.ts'].map((end) => resolve(examplesFolder, name + end))
    : [];
  const file = [...candidates, ...bundled].find((path) => existsSync(path) && statSync(path).isFile());
  if (file !== undefined) return file;
  const examples = bundledExamples().filter((example) => !example.includes('/'));
  throw new InputError(
    `${name}: there is no such scenario; give a file, or one of the examples: ${examples.join(', ')} (dextrace examples lists more)`,
  );
}

/** SHA-256 over the file and all files of its own that it imports, so that a change in any of them shows. */
function fingerprint(entry: string): string {
  const hash = createHash('sha256');
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || !existsSync(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    hash.update(`${relative(dirname(entry), file)}\n${text}\n`);
    for (const [, specifier] of text.matchAll(/\b(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
      const path = resolve(dirname(file), specifier!);
      const [found] = [path, `${path}.ts`, `${path}.js`, path.replace(/\.js$/, '.ts')].filter((p) => existsSync(p));
      if (found !== undefined && statSync(found).isFile()) visit(found);
    }
  };
  visit(entry);
  return hash.digest('hex');
}

/** Imports a module: by Node itself where it can read it, else through jiti. */
async function importModule(file: string): Promise<Record<string, unknown>> {
  const typescript = ['.ts', '.mts'].includes(extname(file));
  const native = !typescript || (process.features as { typescript?: unknown }).typescript;
  if (native) return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  const { createJiti } = await import('jiti');
  return await createJiti(import.meta.url, { fsCache: false }).import<Record<string, unknown>>(file);
}

/** What went wrong; where, jiti's parser says on a line of its own. */
function summary(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first] = error.message.split('\n');
  const place = /^\s*(\/.*:\d+:\d+)$/m.exec(error.message)?.[1];
  return `${error.name}: ${first!.trim()}${place === undefined ? '' : ` (${fromHere(place)})`}`.replace(
    /^Error: ParseError/,
    'SyntaxError',
  );
}

/** One line on why a module could not be imported. */
function explain(name: string, error: unknown): InputError {
  const text = summary(error);
  const verb = /SyntaxError/.test(text) ? 'does not compile' : 'cannot be loaded';
  return new InputError(`${name}: ${verb}: ${text}`, { cause: error });
}

function isScenario(value: unknown): value is Scenario {
  return (value as Partial<Scenario> | null | undefined)?.isScenario === 'dextrace';
}

/**
 * Loads a scenario by path or by the name of a bundled example. A relative path may also be
 * relative to the folder `near`.
 * @throws {InputError} when there is none, it does not compile, or it exports no scenario
 */
export async function loadScenario(name: string, near?: string): Promise<Loaded> {
  const file = find(name, near);
  let module: Record<string, unknown>;
  try {
    module = await importModule(file);
  } catch (error) {
    throw explain(name, error);
  }
  const scenario = module['default'];
  if (!isScenario(scenario)) {
    throw new InputError(`${name}: exports no scenario; write "export default scenario({ … })"`);
  }
  return { scenario, source: { file: name, version: fingerprint(file) } };
}
