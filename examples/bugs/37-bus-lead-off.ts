/**
 * Bus lead enabled late (facts §10 (37)). The driver rings the doorbell before it has turned on bus lead. A device
 * without it moves no data and sends no interrupt; if it is fast enough, the app waits for ever.
 * Fixed: bus lead is on before the first doorbell.
 */
import {
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  scenario,
  type IOMemoryDescriptor,
  type OSAction,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 37, rule: 'dma-without-bus-lead' } as const;

class Client extends MoverClient {
  protected override *transfer(action: OSAction, memory: IOMemoryDescriptor, toDevice: boolean): Program<number> {
    const code = yield* super.transfer(action, memory, toDevice);
    yield* this.driver.enable();
    return code;
  }
}

/** Its Start turns on memory space alone, unless it is fixed. */
class Driver extends MoverDriver {
  private readonly late: boolean;
  private started = false;

  constructor(late: boolean) {
    super((driver) => new Client(driver));
    this.late = late;
  }

  override *enable(): Program {
    if (this.late && !this.started) {
      yield* this.pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, kIOPCICommandMemorySpace);
    } else yield* super.enable();
    this.started = true;
  }
}

export default scenario({
  title: 'Bus lead off: the device is started before it may reach memory',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new Driver(!fixed),

  *app(app) {
    const { connect, port } = yield* connectTo(app, 'Driver');
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },
});
