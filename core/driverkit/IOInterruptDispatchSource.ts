import { kIOReturnNoInterrupt, kIOReturnSuccess } from '../codes.ts';
import { act, type Program } from '../operation.ts';
import type { IODispatchQueue } from './IODispatchQueue.ts';
import { IODispatchSource } from './IODispatchSource.ts';
import type { IOPCIDevice } from './IOPCIDevice.ts';
import { OSAction } from './OSAction.ts';

/** What an interrupt handler is called with: how many interrupts, and when the last one came, in nanoseconds. */
type InterruptArguments = readonly [count: number, time: number];
export type InterruptOccurred = (...args: InterruptArguments) => Program;

/** Delivers a device's interrupts to a queue. */
export class IOInterruptDispatchSource extends IODispatchSource {
  /**
   * Interrupts of vector `index` of the device are counted from now on. Errors: `kIOReturnNoInterrupt` for a vector
   * that `ConfigureInterrupts` has not set up; without it all are there.
   */
  static *Create(
    provider: IOPCIDevice,
    index: number,
    queue: IODispatchQueue,
  ): Program<[code: number, source: IOInterruptDispatchSource]> {
    const id = yield* act('IOInterruptDispatchSource::Create', 'kernel', (step) => {
      const { vectors } = step.world.devices.get(provider.id)!;
      if (vectors !== 0 && index >= vectors) {
        step.look('register', provider.id);
        step.emit({ kind: 'refuse', code: kIOReturnNoInterrupt, call: 'IOInterruptDispatchSource::Create' });
        return 0;
      }
      const source = step.world.nextId;
      step.emit({ kind: 'source.create', source, device: provider.id, vector: index, queue: queue.id });
      return source;
    });
    return [id === 0 ? kIOReturnNoInterrupt : kIOReturnSuccess, new IOInterruptDispatchSource(id)];
  }

  /** Sets what runs on the queue, by itself or as an action's callback. Interrupts that came before are not lost (facts §7.2). */
  SetHandler(handler: InterruptOccurred | OSAction<InterruptArguments>): Program<number> {
    return handler instanceof OSAction
      ? this.handle((count, time) => handler.invoke(count, time), handler)
      : this.handle(handler, undefined);
  }
}
