/** What is wrong with a scenario itself is one clear line, and no finding of the run. */
import { describe, expect, test } from 'vitest';
import { InputError, record, scenario, type App, type Program, type Scenario } from '../../index.ts';
import { ScenarioError } from '../../core/errors.ts';
import { probe } from '../support/probe.ts';
import { runAnyhow, scenarioOf, TestDriver } from '../support/run.ts';

/** The error of a run; it must be one line. */
function errorOf(made: Scenario): Error {
  try {
    record(made, { maxSteps: 10_000 });
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).not.toContain('\n');
    return error as Error;
  }
  throw new Error('there was no error');
}

/** A scenario whose app is anything at all. */
const withApp = (app: unknown): Scenario => scenarioOf({ app: app as (app: App) => Program });
/** A scenario whose app, unwrapped, is anything at all. */
const bare = (app: unknown): Scenario =>
  scenario({
    title: 'bare',
    device: probe(),
    dext: () => new TestDriver({ *app() {} }),
    app: app as (app: App) => Program,
  });

const advice = 'write a generator method (*name() { … }), without async or promises';

describe('programs that are none', () => {
  test.each([
    ['an async function', async () => {}, 'asynchronous'],
    [
      'an async generator',
      async function* () {
        yield 1;
      },
      'asynchronous',
    ],
    ['a plain function', () => {}, 'no program'],
    ['a function that returns a number', () => 5, 'no program'],
    ['a function that returns a list', () => [], 'no program'],
  ])('%s as the app', (_name, app, what) => {
    const error = errorOf(bare(app));
    expect(error).toBeInstanceOf(ScenarioError);
    expect(error.message).toBe(`app is ${what}: ${advice}`);
  });

  test('a plain function as a thread, an external method, a block on a queue', () => {
    const plain = (() => 7) as unknown as () => Program;
    const threads = withApp(function* (app: App) {
      yield* app.pthread_create('worker', plain);
    });
    const blocks = scenarioOf({
      *app(app, connect) {
        yield* app.IOConnectCallScalarMethod(connect, 0, []);
      },
      *method(_, client) {
        yield* client.CopyDispatchQueue('Default').DispatchAsync(plain);
        return 0;
      },
    });
    expect(errorOf(threads).message).toBe(`app:worker is no program: ${advice}`);
    expect(errorOf(blocks).message).toBe(`a block is no program: ${advice}`);
  });
});

describe('yields of what is no operation', () => {
  test.each([
    [
      'a promise',
      Promise.resolve(1),
      'a promise: programs are synchronous, use generators (function*, yield*) throughout',
    ],
    ['a number', 42, '42, which is no operation: yield* what the app, the dext or the device offers'],
    ['nothing', undefined, 'undefined, which is no operation: yield* what the app, the dext or the device offers'],
    ['null', null, 'null, which is no operation: yield* what the app, the dext or the device offers'],
    ['an object', { a: 1 }, 'an object, which is no operation: yield* what the app, the dext or the device offers'],
  ])('%s', (_name, value, text) => {
    const error = errorOf(
      withApp(function* () {
        yield value;
      }),
    );
    expect(error).toBeInstanceOf(ScenarioError);
    expect(error.message).toBe(`app:main yielded ${text}`);
  });

  test('a program: the star is missing', () => {
    const error = errorOf(
      withApp(function* (app: App) {
        yield app.memset(0, 0, 1);
      }),
    );
    expect(error.message).toBe('app:main yielded a program: write yield* instead of yield');
  });

  test('in the dext, the queue is named', () => {
    const error = errorOf(
      scenarioOf({
        *app(app, connect) {
          yield* app.IOConnectCallScalarMethod(connect, 0, []);
        },
        *method(): Program<number> {
          yield 'oops' as never;
          return 0;
        },
      }),
    );
    expect(error.message).toMatch(/^dext:TestClient yielded oops, which is no operation/);
  });
});

test('throwing what is no error', () => {
  const error = errorOf(
    withApp(function* () {
      throw 'oops'; // eslint-disable-line typescript/only-throw-error -- what this is about
    }),
  );
  expect(error.message).toBe('app:main threw oops');
});

test('a dext that cannot be built', () => {
  const error = errorOf(
    scenario({
      title: 'broken',
      device: probe(),
      dext: () => {
        throw new TypeError('no driver today');
      },
      *app() {},
    }),
  );
  expect(error.message).toBe('the scenario "broken" cannot be built: TypeError: no driver today');
});

test('a machine option that is not allowed', () => {
  const error = errorOf(scenarioOf({ *app() {}, machine: { pageSize: 8192 } }));
  expect(error.message).toContain('machine.pageSize is 8192; allowed: 4096, 16384');
});

describe('what is wrong with the program that is run, is a finding', () => {
  test('an error that it throws', () => {
    const { findings } = runAnyhow({
      *app() {
        throw new Error('my mistake');
      },
    });
    expect(findings.map(({ rule }) => rule)).toEqual(['program-error']);
    expect(findings[0]!.message).toMatch(/^app:main threw: Error: my mistake \(.*scenario-errors\.test\.ts:\d+:\d+\)$/);
  });

  test('an argument that is no address', () => {
    const { findings } = runAnyhow({
      *app(app) {
        yield* app.load(-1, 4);
      },
    });
    expect(findings[0]!.message).toMatch(/^app:main threw: RangeError: load: -1 is no address/);
  });

  test('a check that fails, or throws', () => {
    const checked = (check: () => string | undefined): Scenario =>
      scenario({ title: 'checked', device: probe(), dext: () => new TestDriver({ *app() {} }), *app() {}, check });
    const messages = (made: Scenario): string[] =>
      record(made).findings.map(({ rule, message }) => `${rule}: ${message}`);
    expect(messages(checked(() => undefined))).toEqual([]);
    expect(messages(checked(() => 'it is not so'))).toEqual(['check: it is not so']);
    const thrown = messages(
      checked(() => {
        throw new Error('thrown');
      }),
    );
    expect(thrown).toHaveLength(1);
    expect(thrown[0]).toMatch(/^check: thrown/);
  });
});
