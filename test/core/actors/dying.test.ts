/** facts §1.5, §3.6: how a process ends, from within and from without, and what its threads still do. */
import { describe, expect, test } from 'vitest';
import { kIOReturnSuccess, KiB, sleep, store, type App, type Program } from '../../../index.ts';
import { runAnyhow, runs, type Setup } from '../../support/run.ts';

function* forEver(app: App): Program {
  for (;;) yield* app.note('here');
}

describe('a process ends, with all its threads,', () => {
  test.each<[string, (app: App) => Iterable<never> | Program<unknown>, string]>([
    ['when main returns', function* () {}, 'returned'],
    ['by exit', (app) => app.exit(3) as Iterable<never>, 'exit'],
    ['by kill', (app) => app.kill() as Iterable<never>, 'kill'],
  ])('%s', (_, end, death) => {
    for (const ran of runs(() => ({
      *app(app) {
        yield* app.pthread_create('other', () => forEver(app));
        yield* end(app);
      },
    }))) {
      expect(ran.of('task.kill').map((event) => event.death)).toEqual([death]);
      expect(ran.of('task.exit')).toHaveLength(1);
      const dead = ran.events.findIndex(({ kind }) => kind === 'task.kill');
      const threads = ran.log.slice(dead + 1).filter(({ event, actor }) => {
        const who = ran.world.actors.get(actor)!;
        return who.role === 'app' && event.kind !== 'actor.exit' && event.kind !== 'actor.create';
      });
      expect(threads).toEqual([]);
    }
  });

  test('when another thread crashes', () => {
    const ran = runAnyhow({
      *app(app) {
        yield* app.pthread_create('wild', function* () {
          yield* store(0, Uint8Array.of(1));
        });
        yield* forEver(app);
      },
    });
    expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
    expect(ran.of('task.exit')).toHaveLength(1);
    expect(ran.of('connection.state').map(({ state }) => state)).toEqual(['closing', 'stopped']);
  });
});

test('a crash of the app closes its connections and lets its memory go', () => {
  const ran = runAnyhow({
    *app(app) {
      yield* app.memset(yield* app.mmap(32 * KiB), 1, 32 * KiB);
      yield* app.load(0, 1);
    },
  });
  expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
  expect(ran.world.frames.size).toBe(0);
  expect(ran.of('connection.state').map(({ state }) => state)).toEqual(['closing', 'stopped']);
});

describe('a thread in a call', () => {
  /** One thread is in a call that takes long, the other kills the process meanwhile. */
  const lingering = (answers: boolean): Setup<void> => ({
    *method(_, client) {
      yield* sleep(1_000_000);
      if (!answers) yield* client.CopyDispatchQueue('Default').DispatchSync(function* () {});
      return kIOReturnSuccess;
    },
    *app(app, connect) {
      yield* app.pthread_create('caller', function* () {
        yield* app.IOConnectCallScalarMethod(connect, 0, []);
        yield* app.note('back in user space');
      });
      yield* app.sleep(100_000);
      yield* app.kill();
    },
  });

  test('lingers until the dext answers, and so does the process; it never returns to user space', () => {
    for (const ran of runs(() => lingering(true))) {
      const after = ran.events.slice(ran.events.findIndex(({ kind }) => kind === 'task.kill'));
      const watched = ['task.kill', 'queue.done', 'connection.unlock', 'task.stopped'];
      expect(
        after
          .map(({ kind }) => kind)
          .filter((kind) => watched.includes(kind))
          .slice(0, 4),
      ).toEqual(watched);
      expect(ran.of('task.exit')).toHaveLength(1);
      expect(ran.of('note')).toEqual([]);
      const ends = ran.log.filter(({ event }) => event.kind === 'actor.exit' && event.reason === 'killed');
      expect(ends).toHaveLength(2);
    }
  });

  test('that never returns keeps the process, and the dext never hears Stop', () => {
    const ran = runAnyhow(lingering(false));
    expect(ran.of('task.exit')).toEqual([]);
    expect(ran.of('connection.state')).toEqual([]);
    expect(ran.findings[0]!.message).toContain(
      'kernel:exit-app is in last thread and waits for app:caller to leave the kernel',
    );
  });
});
