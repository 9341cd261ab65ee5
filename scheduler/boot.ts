import type { Nub } from '../core/devices/device.ts';
import { IOPCIDevice } from '../core/driverkit/IOPCIDevice.ts';
import { kIOServiceDefaultQueueName, publish, type IOService } from '../core/driverkit/IOService.ts';
import { kIOReturnSuccess } from '../core/codes.ts';
import { plan } from '../core/faults.ts';
import { enqueue } from '../core/iokit/queue.ts';
import { textOf } from '../core/machine.ts';
import { kernelTask } from '../core/memory/state.ts';
import { asProgram, type Program, type Step } from '../core/operation.ts';
import { startEngines } from '../core/pcie/engines.ts';
import { completer, link } from '../core/pcie/link.ts';
import type { Layout } from '../core/pcie/transitions.ts';
import type { Parts } from '../core/scenario.ts';

/**
 * The machine, the device and the dext that the scenario may have, and the app come into being, before anybody moves.
 * `mainEnds` is what the app's main thread does after its program.
 */
export function boot(step: Step, parts: Parts, mainEnds: (result: unknown) => Program): void {
  step.emit({ kind: 'machine.start', options: textOf(parts.machine) });
  if (parts.device !== undefined) {
    const { device, driver, inKernel } = parts;
    const number = step.world.nextId;
    const nub: Nub = {
      model: device,
      started: false,
      match: (at) => {
        nub.started = false;
        if (driver !== undefined) startDriver(at, driver(), nub, number, inKernel);
      },
    };
    plugIn(step, nub);
    nub.match(step);
  }
  const task = createTask(step, 'app');
  for (const fault of parts.faults) plan(step, fault);
  step.spawn({ name: 'app:main', role: 'app', task, program: asProgram('app', parts.main()), epilogue: mainEnds });
}

/** Puts the device into its slot and starts its engines. */
function plugIn(step: Step, nub: Nub): void {
  const device = step.world.nextId;
  const { name, bars, memory, vendorID = 0, deviceID = 0 } = nub.model;
  const layout = JSON.stringify({ name, bars, vendorID, deviceID } satisfies Layout);
  step.emit({ kind: 'device.create', device, memory, layout });
  step.live.set(device, nub);
  startEngines(step, device);
  const part = { role: 'link', task: 0, device, daemon: true, waits: true } as const;
  step.spawn({ ...part, name: 'link:posted', program: link(device) });
  for (let tag = 0; tag < step.world.machine.tags; tag += 1) {
    const actor = step.spawn({ ...part, name: `link:tag${tag}`, program: completer(device) });
    step.emit({ kind: 'tlp.tag', device, completer: actor });
  }
}

/** Makes the driver's address space, a dext's process or the kernel's, and has it started on the device. */
function startDriver(step: Step, driver: IOService, nub: Nub, device: number, inKernel: boolean): void {
  const pci = new IOPCIDevice(device);
  driver.provider = pci;
  publish(step, driver, createTask(step, inKernel ? kernelTask : 'dext'));
  const queue = driver.CopyDispatchQueue(kIOServiceDefaultQueueName).id;
  const start = function* (): Program<number> {
    const code = yield* asProgram(`${driver.constructor.name}.Start`, driver.Start(pci));
    nub.started = code === kIOReturnSuccess;
    return code;
  };
  enqueue(step, queue, 'Start', false, start);
}

function createTask(step: Step, name: string): number {
  const task = step.world.nextId;
  step.emit({ kind: 'task.create', task, name });
  return task;
}
