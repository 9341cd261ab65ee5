/** Steered runs: followed exactly where that is possible, and as far as possible elsewhere. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scenario } from '../../index.ts';
import { Trials, type Trial } from '../../replay/delta/trials.ts';
import { decisionsOf, parseSchedule } from '../../scheduler/schedule.ts';
import { memberOf, nothing, nthOf, stepOf, type Wish } from '../../scheduler/steering.ts';
import { decisionsWish, orderWish, priorityWishes, randomWishes, switchesWish } from '../../scheduler/wishes.ts';
import { racy } from '../support/racy.ts';

const trialsOf = (scenario: Scenario, strategy: 'random' | 'timed' = 'random'): Trials =>
  new Trials(scenario, { seed: '1', strategy, set: {}, maxSteps: 100_000 }, []);

/** A run under the nth random schedule, and the trials to go on with. */
function randomRun(
  scenario: Scenario,
  nth: number,
  strategy: 'random' | 'timed' = 'random',
): { trials: Trials; run: Trial } {
  const trials = trialsOf(scenario, strategy);
  const [wish] = [...randomWishes(String(nth), 1)] as [Wish];
  return { trials, run: trials.run(wish, { whole: true }) };
}

const anyRun = fc.tuple(fc.constantFrom(...racy), fc.nat(1_000), fc.constantFrom('random', 'timed'));

test('an order, switches and decisions of a run each give the same run again', () => {
  fc.assert(
    fc.property(anyRun, ([scenario, nth, strategy]) => {
      const { trials, run } = randomRun(scenario, nth, strategy);
      const wishes = [
        orderWish(run.order),
        switchesWish(run.switches),
        decisionsWish(decisionsOf(parseSchedule(run.schedule))),
      ];
      for (const wish of wishes) expect(trials.run(wish, { whole: true })).toEqual(run);
    }),
    { seed: 5, numRuns: 60 },
  );
});

test('actors have the same member number in all runs, however their own numbers come out', () => {
  fc.assert(
    fc.property(fc.constantFrom(...racy), fc.nat(1_000), (scenario, nth) => {
      const { trials, run } = randomRun(scenario, nth);
      const usual = trials.run(nothing, { whole: true });
      const names = ({ order }: Trial): string[] => [
        ...new Set(order.map((step) => trials.lineage.name(memberOf(step)))),
      ];
      // One run may get stuck where the other ends, and then there is nothing for the kernel to do.
      const ofScenario = (trial: Trial): string[] => names(trial).filter((name) => !name.startsWith('kernel:'));
      expect(new Set(ofScenario(run))).toEqual(new Set(ofScenario(usual)));
    }),
    { seed: 6, numRuns: 40 },
  );
});

describe('the default schedule', () => {
  test('switches only when the actor cannot go on', () => {
    const trials = trialsOf(racy[0]!);
    const usual = trials.run(nothing, { whole: true });
    expect(usual.switches).toEqual([]);
    const random = randomRun(racy[0]!, 1).run;
    expect(usual.contextSwitches).toBeLessThan(random.contextSwitches);
  });
});

describe('schedules by priorities', () => {
  test('differ from each other, and are the same for the same seed', () => {
    const orders = (seed: string): string[] =>
      [...priorityWishes(seed, 12)].map((wish) => trialsOf(racy[3]!).run(wish, { whole: true }).order.join());
    expect(new Set(orders('a')).size).toBeGreaterThan(1);
    expect(orders('a')).toEqual(orders('a'));
  });

  test('leave an actor only for one that could not move before', () => {
    for (const wish of priorityWishes('any', 12)) {
      const moved: number[] = [];
      const could: Set<number>[] = [];
      trialsOf(racy[3]!).run(
        {
          choose(candidates, count, steering) {
            const chosen = wish.choose(candidates, count, steering);
            const members = candidates.slice(0, count).map(({ id }) => steering.memberOf(id));
            const before = could.at(-1);
            // Whoever is taken although the last one can still go on was not to be had then.
            if (before !== undefined && members.includes(moved.at(-1)!) && members[chosen] !== moved.at(-1))
              expect(before).not.toContain(members[chosen]);
            moved.push(members[chosen]!);
            could.push(new Set(members));
            return chosen;
          },
        },
        { whole: true },
      );
      expect(moved.length).toBeGreaterThan(10);
    }
  });
});

describe('a wish that cannot be had', () => {
  test('an order with impossible steps is followed for the rest', () => {
    const { trials, run } = randomRun(racy[0]!, 3);
    const backwards = run.order.toReversed();
    const followed = trials.run(orderWish(backwards), { whole: true });
    expect(followed.findings.filter(({ rule }) => rule !== 'check')).toEqual([]);
    expect(new Set(followed.order)).toEqual(new Set(run.order));
  });

  test('a switch to an actor that cannot move, or is not there, is left out', () => {
    const trials = trialsOf(racy[1]!);
    const usual = trials.run(nothing, { whole: true });
    const member = memberOf(usual.order[0]!);
    const nobody = trials.run(switchesWish([{ from: member, steps: 1, to: 99 }]), { whole: true });
    expect(nobody.order).toEqual(usual.order);
    expect(nobody.switches).toEqual([]);
  });

  test('decisions that name an actor that cannot move are refused', () => {
    const { trials, run } = randomRun(racy[0]!, 1);
    expect(() => trials.run(decisionsWish([99].values()))).toThrow('actor 99 cannot move');
    expect(() => trials.run(decisionsWish([...decisionsOf(parseSchedule(run.schedule))].slice(0, 3).values()))).toThrow(
      'it ends too early',
    );
  });
});

test('a step is one number, whatever its parts', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.nat(2 ** 31 - 1), (member, nth) => {
      const step = stepOf(member, nth);
      expect([memberOf(step), nthOf(step)]).toEqual([member, nth]);
    }),
  );
});
