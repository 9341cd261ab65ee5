import { describe, expect, test } from 'vitest';
import { scenario, vary, type Options, type Scenario } from '../../../index.ts';
import { probe } from '../../support/probe.ts';
import { TestDriver } from '../../support/run.ts';

/** A scenario that fails by what its options are. */
function failsWhen(options: Options, wrong: (options: Options) => boolean): Scenario {
  return scenario({
    title: 'By its options',
    options,
    device: probe(),
    dext: () => new TestDriver({ *app() {} }),
    *app(app) {
      yield* app.note('a step');
    },
    check: (_end, own) => (wrong(own) ? 'wrong' : undefined),
  });
}

describe('a number', () => {
  test.for([
    [1, 1000],
    [100, 1000],
    [5_000, 1000],
    [999, 1000],
    [1_000, 1000],
  ])('from %i, the threshold %i is found by halving', ([start, limit]) => {
    const { threshold, tried } = vary(
      failsWhen({ size: start! }, ({ size }) => (size as number) >= limit!),
      {},
      'size',
    );
    expect(threshold).toEqual({ passes: limit! - 1, fails: limit! });
    expect(tried.length).toBeLessThan(40);
  });

  test('within a range, nothing outside it is tried', () => {
    const wrong = ({ size }: Options): boolean => (size as number) < 77;
    const { threshold, tried } = vary(failsWhen({ size: 10 }, wrong), {}, 'size', { range: { low: 50, high: 90 } });
    expect(threshold).toEqual({ passes: 77, fails: 76 });
    for (const { value } of tried) expect(value).toSatisfy((size: number) => size >= 50 && size <= 90);
  });

  test('values that are refused are gone around', () => {
    const picky = failsWhen({ size: 64 }, ({ size }) => (size as number) > 300);
    const build = (set: Options): ReturnType<Scenario['build']> => {
      if ((set['size'] as number) % 2 !== 0) throw new RangeError('odd');
      return picky.build(set);
    };
    const { threshold, tried } = vary({ ...picky, build }, {}, 'size');
    expect(threshold).toEqual({ passes: 300, fails: 302 });
    expect(tried.some(({ outcome }) => outcome === 'refused')).toBe(true);
  });

  test('without a flip there is no threshold', () => {
    expect(
      vary(
        failsWhen({ size: 10 }, () => true),
        {},
        'size',
      ).threshold,
    ).toBeUndefined();
  });
});

describe('what has few values', () => {
  test('is tried with all of them', () => {
    const flag = failsWhen({ careful: true }, ({ careful }) => careful === false);
    expect(vary(flag, {}, 'careful').tried).toEqual([
      { value: false, outcome: 'failed', why: 'check' },
      { value: true, outcome: 'passed', why: undefined },
    ]);
    const never = failsWhen({}, () => false);
    expect(vary(never, {}, 'machine.mapper').tried.map(({ value }) => value)).toEqual(['none', 'vtd', 'dart']);
    expect(vary(never, {}, 'machine.pageSize').tried.map(({ value }) => value)).toEqual([4_096, 16_384]);
  });

  test('a text is tried with the values that are given', () => {
    const mode = failsWhen({ mode: 'safe' }, ({ mode: own }) => own === 'fast');
    expect(() => vary(mode, {}, 'mode')).toThrow('say which values to try');
    const { tried } = vary(mode, {}, 'mode', { values: ['safe', 'fast'] });
    expect(tried.map(({ outcome }) => outcome)).toEqual(['passed', 'failed']);
  });
});

test('an option that is not there is refused', () => {
  expect(() =>
    vary(
      failsWhen({ size: 1 }, () => false),
      {},
      'length',
    ),
  ).toThrow('there is no option "length"');
});
