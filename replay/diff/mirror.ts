import type { DataGroup, Diff, OperationGroup, PairGroup, Sides } from './result.ts';

const swap = <T>({ a, b }: Sides<T>): Sides<T> => ({ a: b, b: a });

const otherKind: Record<OperationGroup['kind'], OperationGroup['kind']> = {
  'only-a': 'only-b',
  'only-b': 'only-a',
  changed: 'changed',
  saw: 'saw',
  moved: 'moved',
};

/** The same diff, seen from the other session. */
export function mirror(diff: Diff): Diff {
  const { parting, operations, data } = diff;
  return {
    result: diff.result,
    names: swap(diff.names),
    events: swap(diff.events),
    digests: swap(diff.digests),
    options: swap(diff.options),
    parting:
      parting === undefined
        ? undefined
        : { decision: parting.decision, picks: swap(parting.picks), events: swap(parting.events) },
    operations: {
      onlyA: operations.onlyB,
      onlyB: operations.onlyA,
      changed: operations.changed,
      saw: operations.saw,
      moved: operations.moved,
      groups: operations.groups.map((group) => ({ ...group, kind: otherKind[group.kind], first: swap(group.first) })),
    },
    consequences: diff.consequences.map(({ what, count }) => ({ what, count: swap(count) })),
    pairs: diff.pairs.map(mirrorPair),
    data: { ...data, groups: data.groups.map(mirrorData) },
    outcomes: swap(diff.outcomes),
    results: swap(diff.results),
    findings: swap(diff.findings),
  };
}

function mirrorPair({ matter, actors, count, first }: PairGroup): PairGroup {
  return { matter, actors: [actors[1], actors[0]], count: swap(count), first: swap(first) };
}

function mirrorData(group: DataGroup): DataGroup {
  return {
    ...group,
    where: swap(group.where),
    what: swap(group.what),
    bytes: swap(group.bytes),
    brought: swap(group.brought),
  };
}
