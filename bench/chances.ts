/** Which search shows which bug of the catalogue how often: `npm run bench -- bugs 1000`. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { searchNames, watchedRules, type RuleName, type Scenario, type SearchName } from 'dextrace';
import { rehearse } from '../replay/execution.ts';
import { Judge } from '../replay/explore/judge.ts';
import { defaultBound, defaultDepth, ways, type Way } from '../replay/explore/searches.ts';

/** What came of searching for a bug. */
export interface Chance {
  readonly executions: number;
  /** How many of them show the bug, and which is the first, from 1. */
  readonly shown: number;
  readonly first: number | undefined;
}

/** What a worker is asked: to look for the bug in a file with every search, in at most so many executions each. */
export interface Asked {
  readonly file: string;
  readonly runs: number;
}

const folder = new URL('../examples/bugs/', import.meta.url);
/** Most executions take some hundreds of steps. One that takes so many goes on for ever. */
const maxSteps = 20_000;

/** Looks for the bug in a file with every search. */
export async function chancesOf({ file, runs }: Asked): Promise<Chance[]> {
  const { default: scenario, bug } = (await import(new URL(file, folder).href)) as {
    readonly default: Scenario;
    readonly bug: { readonly rule: RuleName };
  };
  return searchNames.map((name) => chanceOf(scenario, bug.rule, name, runs));
}

/** Executions are watched for nothing but the bug's rule, and nothing is kept of them. */
function chanceOf(scenario: Scenario, rule: RuleName, name: SearchName, runs: number): Chance {
  const limits = { set: {}, maxSteps };
  const rules = watchedRules.some((watched) => watched.name === rule) ? [rule] : [];
  const judge = new Judge(scenario, limits, rules, false);
  const way: Way = ways[name];
  const search = way.make({
    seed: '1',
    depth: defaultDepth,
    bound: defaultBound,
    first: 0,
    stride: 1,
    rehearse: () => rehearse(scenario, '1', limits),
  });
  let executions = 0;
  let shown = 0;
  let first: number | undefined;
  while (executions < runs) {
    const trial = search.next();
    if (trial === undefined) break;
    if (trial.probe === true) {
      judge.lookAhead(trial);
      continue;
    }
    executions += 1;
    if (!judge.run(trial).findings.some((finding) => finding.rule === rule)) continue;
    shown += 1;
    first ??= executions;
  }
  return { executions, shown, first };
}

/** Prints the page `docs/chances.md`: for each bug and search, how many of so many executions show it. */
export async function chances(runs: number): Promise<void> {
  const files = readdirSync(folder).filter((file) => /^\d\d-.*\.js$/.test(file));
  const found = new Map<string, Chance[]>();
  const left = files.toSorted();
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('./chances-worker.js', import.meta.url));
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      // eslint-disable-next-line unicorn/require-post-message-target-origin -- no window, a thread
      worker.postMessage({ file, runs } satisfies Asked);
      const [answer] = (await once(worker, 'message')) as [Chance[]];
      found.set(file, answer);
      process.stderr.write(`${found.size} of ${files.length} bugs\n`);
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const rows = files.toSorted().map((file) => rowOf(file, found.get(file)!, runs));
  const counts = searchNames.map((_, search) => [...found.values()].filter((all) => all[search]!.shown > 0).length);
  console.log(page(runs, rows, counts));
}

function rowOf(file: string, all: readonly Chance[], runs: number): string {
  const name = file.replace('.js', '');
  const cells = all.map(({ executions, shown, first }, search) => {
    const of = executions < runs ? ` of ${executions}` : '';
    const late = ways[searchNames[search]!].systematic && first !== undefined && first > 1 ? `, first ${first}` : '';
    return shown === 0 && of === '' ? '–' : `${shown}${of}${late}`;
  });
  return `| ${[Number(name.slice(0, 2)), `[${name.slice(3)}](../examples/bugs/${name}.ts)`, ...cells].join(' | ')} |`;
}

const page = (
  runs: number,
  rows: readonly string[],
  counts: readonly number[],
): string => `# Which search shows which bug

<!-- Written by \`npm run -s bench -- bugs ${runs} > docs/chances.md\`. -->

Each [search](search.md) is let loose on each bug of [the catalogue](bugs.md) for ${runs.toLocaleString('en')} executions. The table has how many
of them show the bug by its rule, and the last line how many bugs a search has found at all.

The first four draw: seeds count from 1, and \`pct\` has depth ${defaultDepth}. The others go through schedules in order, \`preemptions\` and
\`delays\` with bound ${defaultBound}. What shows early in that order shows in most that follows, and what shows late is not reached; so of
these the first execution that shows the bug is told, unless it is the very first. "2 of 2" says that there are no more.

| no. | bug | ${searchNames.join(' | ')} |
| --: | --- | ${searchNames.map(() => '--:').join(' | ')} |
${rows.join('\n')}
| | found, of ${rows.length} | ${counts.join(' | ')} |`;
