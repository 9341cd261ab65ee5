/** Rules about interrupts and shared memory: what each finds, and the nearest thing that is right. */
import { expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  IODispatchQueue,
  IOInterruptDispatchSource,
  kIOMemoryDirectionInOut,
  kIOReturnSuccess,
  KiB,
  type IOMemoryDescriptor,
  type OSAction,
} from '../../../index.ts';
import { found } from '../../support/found.ts';
import { order } from '../../support/probe.ts';
import type { Setup, TestClient } from '../../support/run.ts';

test('interrupt-coalesced: one of two requests is answered; all of them is right', () => {
  /** The device interrupts twice for two requests; the handler answers one for each call of it, or all there are. */
  const answers = (all: boolean): Setup<void> => {
    const waiting: OSAction[] = [];
    let client: TestClient;
    return {
      *start(driver) {
        waiting.length = 0;
        const [, queue] = yield* IODispatchQueue.Create('interrupts');
        const [, source] = yield* IOInterruptDispatchSource.Create(driver.pci, 0, queue);
        yield* source.SetHandler(function* () {
          for (const action of waiting.splice(0, all ? waiting.length : 1)) {
            yield* client.AsyncCompletion(action, 0);
            yield* action.release();
          }
        });
        yield* source.SetEnable(true);
      },
      *method(args, caller) {
        client = caller;
        yield* args.completion!.retain();
        waiting.push(args.completion!);
        if (waiting.length === 2) yield* order(caller.pci, { command: 'interrupt', count: 2 });
        return kIOReturnSuccess;
      },
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        for (let i = 0; i < 2; i += 1) yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        for (let i = 0; i < 2; i += 1) yield* app.mach_msg_receive(port);
      },
    };
  };
  const seeds = (all: boolean): string[][] => Array.from({ length: 16 }, (_, seed) => found(answers(all), { seed }));
  const wrong = seeds(false);
  expect(wrong).toContainEqual(['completion-lost', 'interrupt-coalesced', 'unanswered']);
  // Where the interrupts come one by one, all is well.
  expect(wrong).toContainEqual([]);
  expect(new Set(seeds(true).flat())).toEqual(new Set());
});

test('unmap-mismatch: a new buffer for each question; the same one is right', () => {
  const buffers = (anew: boolean): Setup<void> => {
    let kept: IOMemoryDescriptor | null = null;
    return {
      *clientMemory() {
        if (kept === null || anew) kept = (yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 4 * KiB))[1];
        if (!anew) yield* kept!.retain();
        return [kIOReturnSuccess, 0, kept];
      },
      *app(app, connect) {
        const [, address] = yield* app.IOConnectMapMemory64(connect, 0);
        yield* app.IOConnectUnmapMemory64(connect, 0, address);
      },
      *stop() {
        if (!anew) yield* kept!.release();
      },
    };
  };
  expect(found(buffers(true))).toEqual(['unmap-mismatch']);
  expect(found(buffers(false))).toEqual([]);
});
