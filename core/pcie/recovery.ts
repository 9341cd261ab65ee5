/** What the kernel does with a device whose driver has crashed (facts §7.3). */
import { sleep } from '../actors/threads.ts';
import { act, type Program } from '../operation.ts';
import { millisecond } from '../units.ts';
import { resetDevice } from './reset.ts';

/** How long the kernel waits for transactions, and then before it resets the device (facts §7.3). */
const patience = 1_000 * millisecond;
const settle = 100 * millisecond;

/** Bus lead and memory space go off, what is under way ends, the device is reset, and the session closed. */
export function* recoverDevice(device: number): Program {
  yield* act('ClientCrashed', 'kernel', (step) => {
    for (const { id, device: of, cancelled } of step.world.sources.values())
      if (of === device && !cancelled) step.emit({ kind: 'source.cancel', source: id });
    step.emit({ kind: 'pci.quiesce', device });
  });
  yield* act('transactions pending', 'kernel', (step) => step.emit({ kind: 'pci.settled', device }), {
    on: ['register', device],
    ready: (world) => {
      const { posted, tags } = world.devices.get(device)!;
      return posted.length === 0 && tags.every(({ read }) => read === null);
    },
    waitsFor: () => `the packets of device #${device} to land`,
    timeout: patience,
  });
  yield* sleep(settle);
  yield* act('reset', 'kernel', (step) => {
    resetDevice(step, device);
    step.emit({ kind: 'pci.close', device, service: step.world.devices.get(device)!.openedBy });
  });
}
