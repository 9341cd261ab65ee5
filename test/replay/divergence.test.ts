import { describe, expect } from 'vitest';
import {
  IOService,
  note,
  open,
  record,
  reexecute,
  scenario,
  sgEngine,
  type App,
  type Program,
  type Scenario,
} from '../../index.ts';
import { test, type Folder } from '../support-cli/folder.ts';

class Driver extends IOService {}

function scenarioOf(app: (app: App) => Program<unknown>): Scenario {
  return scenario({ title: 'x', device: sgEngine(), dext: () => new Driver(), app });
}

/** What comes of executing `second` under the schedule of `first`. */
function replayed(
  folder: Folder,
  first: Scenario,
  second: Scenario,
  strategy = 'random',
): ReturnType<typeof reexecute> {
  const session = open(record(first, { db: folder.at('my.db'), strategy }).session!);
  try {
    return reexecute(session, second);
  } finally {
    session.close();
  }
}

const said = (...texts: string[]): Scenario =>
  scenarioOf(function* () {
    for (const text of texts) yield* note(text);
  });

/** Two threads that each say something: who was first is up to the schedule. */
const twoThreads = (texts: readonly [string, string]): Scenario =>
  scenarioOf(function* (app) {
    const thread = yield* app.pthread_create('second', function* () {
      yield* note(texts[0]);
    });
    yield* note(texts[1]);
    yield* app.pthread_join(thread);
  });

describe.for(['random', 'timed', 'round-robin'])('re-execution under %s', (strategy) => {
  test('of the same scenario is identical', ({ folder }) => {
    const replay = replayed(folder, said('a', 'b'), said('a', 'b'), strategy);
    expect(replay).toMatchObject({ result: 'identical', divergence: undefined, changed: false });
  });

  test('another value of a field', ({ folder }) => {
    const { result, divergence, events } = replayed(folder, said('a', 'b', 'c'), said('a', 'x', 'c'), strategy);
    expect(result).toBe('diverged');
    expect(divergence).toMatchObject({
      seq: events,
      expected: { event: { kind: 'note', text: 'b' } },
      actual: { event: { kind: 'note', text: 'x' } },
      expectedText: 'app:main: note: b',
      actualText: 'app:main: note: x',
      actor: 'app:main',
    });
    expect(divergence!.where).toMatch(/test\/replay\/divergence\.test\.ts:\d+:\d+$/);
  });

  test('a step more', ({ folder }) => {
    const { divergence } = replayed(folder, said('a'), said('a', 'b'), strategy);
    expect(divergence).toMatchObject({ actual: { event: { kind: 'note', text: 'b' } }, actor: 'app:main' });
    expect(divergence!.expected!.event.kind).not.toBe('note');
  });

  test('a step less', ({ folder }) => {
    const { divergence } = replayed(folder, said('a', 'b'), said('a'), strategy);
    expect(divergence).toMatchObject({ expected: { event: { kind: 'note', text: 'b' } }, actor: 'app:main' });
  });

  test('another thread', ({ folder }) => {
    expect(replayed(folder, twoThreads(['a', 'b']), twoThreads(['a', 'b']), strategy).result).toBe('identical');
    const { divergence } = replayed(folder, twoThreads(['a', 'b']), twoThreads(['x', 'b']), strategy);
    expect(divergence).toMatchObject({ expected: { event: { text: 'a' } }, actual: { event: { text: 'x' } } });
    expect(divergence!.actor).toBe('app:second');
  });

  test('a thread less', ({ folder }) => {
    const { result, divergence } = replayed(folder, twoThreads(['a', 'b']), said('b'), strategy);
    expect(result).toBe('diverged');
    expect(divergence!.expectedText).toMatch(/^app:main: .* is actor \d+ \(app/);
  });
});

test('the end of the recording, and of the re-execution, are said', ({ folder }) => {
  /** Ends with nobody left to move, where the daemons have nothing to do. */
  const first = said('a');
  const session = open(record(first, { db: folder.at('my.db'), maxSteps: 5 }).session!);
  expect(reexecute(session, first)).toMatchObject({ result: 'identical', events: session.row.events });
  session.close();
});

test('a version tells a changed scenario from one that diverged by itself', ({ folder }) => {
  const source = { file: 'my.ts', version: 'one' };
  const session = open(record(said('a'), { db: folder.at('my.db'), source }).session!);
  expect(reexecute(session, said('b'), { version: 'two' })).toMatchObject({
    result: 'scenario-changed',
    changed: true,
  });
  expect(reexecute(session, said('b'), { version: 'one' })).toMatchObject({ result: 'diverged', changed: false });
  expect(reexecute(session, said('a'), { version: 'two' })).toMatchObject({ result: 'identical', changed: true });
  session.close();
});
