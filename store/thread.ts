/**
 * A thread that inserts batches while the simulation goes on. Both sides are synchronous:
 * messages carry the batches, and a shared counter says how many of them are in the file.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { InputError } from '../core/errors.ts';
import type { BatchData } from './batch.ts';
import type { Progress } from './inserter.ts';

/** What the thread is started with. */
export interface ThreadStart {
  readonly file: string;
  readonly session: number;
  readonly events: number;
  readonly decisions: number;
  /** Slots: batches done; whether one has failed. */
  readonly shared: Int32Array<SharedArrayBuffer>;
  readonly port: MessagePort;
}

export const doneSlot = 0;
export const failedSlot = 1;

/** What is sent to the thread; without a batch it ends. */
export interface ThreadMessage {
  readonly batch?: BatchData;
  readonly progress?: Progress;
}

/** Batches on their way at most: more only take memory. */
const ahead = 4;

const entry = new URL('./thread-main.js', import.meta.url);

/** Whether there is a compiled entry to start; running from the sources, everything is written inline. */
export function threadsAvailable(): boolean {
  return existsSync(fileURLToPath(entry));
}

export class InsertThread {
  private readonly shared = new Int32Array(new SharedArrayBuffer(8));
  private readonly port: MessagePort;
  private readonly worker: Worker;
  private sent = 0;
  private failure: Error | undefined;

  constructor(file: string, session: number, events: number, decisions: number) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const start: ThreadStart = { file, session, events, decisions, shared: this.shared, port: port2 };
    this.worker = new Worker(entry, { workerData: start, transferList: [port2] });
    this.worker.unref();
    this.port.unref();
  }

  /** Hands a batch over, waiting while the thread is too far behind. @throws {InputError} when an earlier one has failed */
  insert(batch: BatchData, progress: Progress): void {
    this.waitFor(this.sent - ahead);
    this.sent += 1;
    const message: ThreadMessage = { batch, progress };
    this.port.postMessage(message, [batch.numbers.buffer, batch.bytes.buffer]);
  }

  /** Waits until all is in the file and the thread has closed it. @throws {InputError} when a batch has failed */
  close(): void {
    this.sent += 1;
    this.port.postMessage({} satisfies ThreadMessage, []);
    this.waitFor(this.sent);
  }

  private waitFor(batches: number): void {
    for (;;) {
      const done = Atomics.load(this.shared, doneSlot);
      if (Atomics.load(this.shared, failedSlot) !== 0) this.fail();
      if (done >= batches) return;
      Atomics.wait(this.shared, doneSlot, done);
    }
  }

  private fail(): never {
    if (this.failure === undefined) {
      const received = receiveMessageOnPort(this.port);
      const { message, input } = received?.message ?? { message: 'the writing thread has failed', input: false };
      this.failure = input ? new InputError(message) : new Error(message);
    }
    throw this.failure;
  }
}
