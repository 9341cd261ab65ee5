/** From a device's MSI to the handler on a queue (facts §7.2). */
import { enqueue } from '../iokit/queue.ts';
import { asProgram, now, type Program, type Step } from '../operation.ts';

/** Puts the source's handler on its queue, unless it is there already or nothing has come. */
export function queueInterrupt(step: Step, id: number): void {
  const source = step.world.sources.get(id)!;
  if (!source.enabled || source.queued || source.count === 0 || !step.live.has(id)) return;
  enqueue(step, source.queue, 'InterruptOccurred', false, () => deliver(id));
  step.emit({ kind: 'source.queue', source: id });
}

/** Calls the handler once for everything that has come until now. */
function* deliver(id: number): Program<number> {
  const { handler, count, time } = yield* now((step) => {
    const source = step.world.sources.get(id);
    // It may have been freed while this waited on the queue.
    if (source === undefined) return { handler: undefined, count: 0, time: 0 };
    const came = { count: source.count, time: source.time };
    step.emit({ kind: 'source.deliver', source: id, count: source.count });
    return { handler: step.live.get(id) as (count: number, time: number) => Program, ...came };
  });
  if (handler !== undefined) yield* asProgram('an interrupt handler', handler(count, time));
  return 0;
}

/** An MSI arrives: it wakes the sources of its vector. */
export function raise(step: Step, device: number, vector: number): void {
  step.emit({ kind: 'msi', device, vector, status: 'ok' });
  for (const source of step.world.sources.values()) {
    if (source.device === device && source.vector === vector) queueInterrupt(step, source.id);
  }
}
