import { InputError } from '../../core/errors.ts';
import { beforeAll, type Again, type Ending, type Exploration, type Failure, type Part } from './exploration.ts';

const orderOf = ({ run }: Failure): number => run ?? beforeAll;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/**
 * Puts the shards of an exploration together: what one exploration in a single piece would have found.
 * @throws {InputError} when they are not all shards of one exploration, each once
 */
export function merge(shards: readonly Part[]): Exploration {
  checkWhole(shards);
  const [first] = shards;
  const stops = shards
    .filter(({ ending }) => ending === 'first-failure')
    .flatMap(({ failures }) => failures.filter(({ severity }) => severity === 'error').map(orderOf));
  const last = stops.length === 0 ? Infinity : Math.min(...stops);
  const parts = last === Infinity ? shards : shards.map((shard) => upTo(shard, last));
  const ending = endingOf(parts);
  const traces = new Set(parts.flatMap(({ hashes }) => hashes.map(([trace]) => trace)));
  const { title, strategy, seed, options, runs, bound, maxSteps } = first!;
  const made = ending === 'everything' ? 1 : sum(parts.map(({ executions }) => executions));
  return {
    title,
    strategy,
    seed,
    options,
    runs,
    bound,
    maxSteps,
    ending,
    executions: Math.min(made, last + 1),
    traces: traces.size,
    blocked: sum(parts.map(({ blocked }) => blocked)),
    cut: sum(parts.map(({ cut }) => cut)),
    decisions: Math.max(...parts.map(({ decisions }) => decisions)),
    again: addAgain(parts.map(({ again }) => again)),
    failures: mergeFailures(parts.flatMap(({ failures }) => failures)),
    disagreement: parts.find(({ disagreement }) => disagreement !== undefined)?.disagreement,
  };
}

/** What a shard had come to after an execution: the first failure of all, behind which it may have gone. */
function upTo(shard: Part, last: number): Part {
  const made = shard.made.filter(({ run }) => run <= last);
  const counted = made.filter(({ run }) => run !== beforeAll);
  const timesOf = (cause: string): number => made.filter(({ causes }) => causes.includes(cause)).length;
  return {
    ...shard,
    hashes: shard.hashes.filter(([, run]) => run <= last),
    blocked: counted.filter(({ blocked }) => blocked).length,
    cut: counted.filter(({ cut }) => cut).length,
    decisions: Math.max(0, ...counted.map(({ decisions }) => decisions)),
    failures: shard.failures
      .filter((failure) => orderOf(failure) <= last)
      .map((failure) => ({ ...failure, count: timesOf(failure.cause) })),
  };
}

function mergeFailures(all: readonly Failure[]): Failure[] {
  const byCause = new Map<string, Failure>();
  for (const failure of all.toSorted((a, b) => orderOf(a) - orderOf(b))) {
    const known = byCause.get(failure.cause);
    byCause.set(failure.cause, known === undefined ? failure : { ...known, count: known.count + failure.count });
  }
  return [...byCause.values()];
}

function addAgain(all: readonly Again[]): Again {
  const of = (name: keyof Again): number => sum(all.map((again) => again[name]));
  return { failed: of('failed'), passed: of('passed'), unfit: of('unfit') };
}

/** What the whole ended with: the first of these that a shard did. A failure makes the others stop where they are. */
const endings: readonly Ending[] = [
  'not-deterministic',
  'first-failure',
  'interrupted',
  'everything',
  'runs',
  'all-within-bound',
];

function endingOf(parts: readonly Part[]): Ending {
  return endings.find((ending) => parts.some((part) => part.ending === ending))!;
}

function checkWhole(parts: readonly Part[]): void {
  const [first] = parts;
  if (first === undefined) throw new InputError('there is nothing to merge');
  const same = (part: Part): string =>
    JSON.stringify([part.title, part.strategy, part.seed, part.options, part.runs, part.shard.of]);
  if (parts.some((part) => same(part) !== same(first))) {
    throw new InputError('these are no shards of one exploration: scenario, search, seed, options or bounds differ');
  }
  const { of } = first.shard;
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter(
    (index) => !parts.some(({ shard }) => shard.index === index),
  );
  if (missing.length > 0) throw new InputError(`shard ${missing.join(', ')} of ${of} is missing`);
  if (parts.length > of)
    throw new InputError(`there are ${parts.length} files, but only ${of} shards: one is given twice`);
}
