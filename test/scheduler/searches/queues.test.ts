/** The reduction where queues are let go and taken back: every trace that sampling comes upon is one of its executions. */
import { expect, test } from 'vitest';
import { IODispatchQueue, kIODispatchQueueReentrant, OSAction, type Program } from '../../../index.ts';
import { Reduction } from '../../../scheduler/searches/reduction.ts';
import { Sampling } from '../../../scheduler/searches/sampling.ts';
import { random } from '../../../scheduler/strategies/random.ts';
import { cover } from '../../support/all-schedules.ts';
import { scenarioOf } from '../../support/run.ts';

type Body = (queue: IODispatchQueue) => Program;

const bodies: Record<string, Body> = {
  *'Sleep and Wakeup'(queue) {
    yield* queue.DispatchAsync(function* () {
      yield* queue.Sleep(1);
    });
    yield* queue.DispatchSync(function* () {
      yield* queue.Wakeup(1);
    });
  },
  *'two concurrent blocks'(queue) {
    for (const event of [1, 2]) {
      yield* queue.DispatchConcurrent(function* () {
        yield* queue.Wakeup(event);
      });
    }
  },
  *'Wait and Cancel of an action'(queue) {
    const [, action] = yield* OSAction.Create(function* () {});
    const [, token] = yield* action.WillWait();
    yield* queue.DispatchAsync(function* () {
      yield* action.Cancel();
    });
    yield* action.Wait(token, 0, 5);
  },
};

test.each(Object.entries(bodies))('%s', (_, body) => {
  const scenario = scenarioOf({
    *method() {
      const [, queue] = yield* IODispatchQueue.Create('work', kIODispatchQueueReentrant);
      yield* body(queue);
      yield* queue.DispatchSync(function* () {});
      return 0;
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, []);
    },
  });
  const { executions, blocked, complete, traces } = cover(scenario, new Reduction('1'), 5_000);
  expect({ executions, blocked, complete }).toEqual({ executions: traces.size, blocked: 0, complete: true });
  const sampled = cover(scenario, new Sampling(random, '2', { decisions: 1 }), 150);
  expect([...sampled.traces.keys()].filter((trace) => !traces.has(trace))).toEqual([]);
});
