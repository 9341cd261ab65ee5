/** facts §7.4: Sleep and Wakeup on a dispatch queue. */
import { describe, expect, test } from 'vitest';
import {
  IODispatchQueue,
  kIODispatchQueueReentrant,
  kIODispatchQueueWakeupAll,
  kIOReturnSuccess,
  kIOReturnTimeout,
  type Program,
} from '../../../index.ts';
import { runAnyhow, runs, type Setup } from '../../support/run.ts';

const event = 0x10;

/** An external method that makes a queue and hands it on; the result is what was said, in order. */
function on(options: number, body: (queue: IODispatchQueue, say: (what: string) => void) => Program): Setup<string[]> {
  const said: string[] = [];
  return {
    *method() {
      const [, queue] = yield* IODispatchQueue.Create('work', options);
      yield* body(queue, (what) => said.push(what));
      return 0;
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, []);
      return said;
    },
  };
}

/** Sleeps in one block, wakes it in the next. */
function* sleepAndWake(queue: IODispatchQueue, say: (what: string) => void): Program {
  yield* queue.DispatchAsync(function* () {
    say('sleeps');
    say(`woken with ${yield* queue.Sleep(event)}`);
  });
  yield* queue.DispatchSync(function* () {
    yield* queue.Wakeup(event);
    say('has woken it');
  });
  yield* queue.DispatchSync(function* () {});
}

describe('a reentrant queue', () => {
  test('runs its next item while one sleeps, and one at a time: who wakes goes on when it is free', () => {
    for (const ran of runs(() => on(kIODispatchQueueReentrant, sleepAndWake))) {
      expect(ran.result.slice(0, 2)).toEqual(['sleeps', 'has woken it']);
      // The sleeper may come in before or after the last block, but both have run.
      expect(ran.events.findLast(({ kind }) => kind === 'queue.resume')).toBeDefined();
      let running = 0;
      const { queue } = ran.of('queue.sleep')[0]!;
      for (const one of ran.events) {
        if (!('queue' in one) || one.queue !== queue) continue;
        if (one.kind === 'queue.dispatch' || one.kind === 'queue.resume') running += 1;
        if (one.kind === 'queue.done' || one.kind === 'queue.sleep') running -= 1;
        expect(running).toBeLessThanOrEqual(1);
      }
    }
  });

  test('one wakes, the one that has slept longest; all with WakeupAll', () => {
    const wakes = (options: number): string[] =>
      runs(
        () =>
          on(kIODispatchQueueReentrant, function* (queue, say) {
            for (const name of ['a', 'b']) {
              yield* queue.DispatchAsync(function* () {
                if ((yield* queue.Sleep(event, 1_000_000_000)) === kIOReturnSuccess) say(name);
              });
            }
            yield* queue.DispatchSync(function* () {
              yield* queue.WakeupWithOptions(event, options);
            });
          }),
        2,
      ).map(({ result }) => result.toSorted().join());
    expect(new Set(wakes(0))).toEqual(new Set(['a']));
    expect(new Set(wakes(kIODispatchQueueWakeupAll))).toEqual(new Set(['a,b']));
  });

  test('the number of actors that serve it comes back to one', () => {
    for (const { world } of runs(() => on(kIODispatchQueueReentrant, sleepAndWake), 2)) {
      const servers = [...world.actors.values()].filter(({ name, alive }) => alive && name.startsWith('dext:work'));
      expect(servers.map(({ name }) => name)).toEqual(['dext:work-2']);
    }
  });
});

test('a wake-up for another event, or before anybody sleeps, is nothing; at the deadline Sleep times out', () => {
  for (const options of [0, kIODispatchQueueReentrant]) {
    for (const ran of runs(
      () =>
        on(options, function* (queue, say) {
          yield* queue.DispatchSync(function* () {
            yield* queue.Wakeup(event);
            say(`${yield* queue.Sleep(event, 1_000_000_000)}`);
          });
        }),
      2,
    )) {
      expect(ran.result).toEqual([`${kIOReturnTimeout}`]);
      expect(ran.world.time).toBeGreaterThanOrEqual(1_000_000_000);
    }
  }
});

describe('any other queue', () => {
  test('stays taken, so that a wake-up from the queue itself never comes', () => {
    const { findings } = runAnyhow(on(0, sleepAndWake));
    expect(findings.map(({ rule }) => rule)).toEqual(['queue-deadlock']);
    expect(findings[0]!.message).toContain('nobody can move: dext:work waits for dext:work:');
    expect(findings[0]!.message).toContain(
      'event 0x10 of queue "work", while block on queue "work" waits for the end of block',
    );
  });

  test('is woken from elsewhere, which is not established', () => {
    for (const ran of runs(
      () =>
        on(0, function* (queue, say) {
          yield* queue.DispatchAsync(function* () {
            say(`${yield* queue.Sleep(event, 1_000_000_000)}`);
          });
          const [, other] = yield* IODispatchQueue.Create('other');
          yield* other.DispatchSync(function* () {
            yield* queue.Wakeup(event);
          });
          yield* queue.DispatchSync(function* () {});
        }),
      6,
    )) {
      expect([['0'], [`${kIOReturnTimeout}`]]).toContainEqual(ran.result);
      expect(ran.of('unspecified')).toHaveLength(1);
    }
  });
});
