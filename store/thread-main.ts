/** The inserting thread: see thread.ts. */
import { workerData } from 'node:worker_threads';
import { InputError } from '../core/errors.ts';
import { openForRecording } from './database.ts';
import { Inserter } from './inserter.ts';
import { doneSlot, failedSlot, type ThreadMessage, type ThreadStart } from './thread.ts';

const { file, session, events, decisions, shared, port } = workerData as ThreadStart;

function report(error: unknown): void {
  port.postMessage({ message: (error as Error).message, input: error instanceof InputError });
  Atomics.store(shared, failedSlot, 1);
}

function done(): void {
  Atomics.add(shared, doneSlot, 1);
  Atomics.notify(shared, doneSlot);
}

try {
  const db = openForRecording(file);
  const inserter = new Inserter(file, db, session, events, decisions);
  port.on('message', ({ batch, progress }: ThreadMessage) => {
    try {
      if (batch !== undefined && progress !== undefined) inserter.insert(batch, progress);
      else {
        db.close();
        port.close();
      }
    } catch (error) {
      report(error);
    }
    done();
  });
} catch (error) {
  report(error);
  done();
}
