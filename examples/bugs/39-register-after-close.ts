/**
 * MMIO after Close (facts §10 (39)). The client's Stop closes the device to save power, and the interrupt of the last
 * transfer comes afterwards: the handler reads a register through a mapping that is gone, and the dext crashes.
 * Fixed: the device is closed after the last transfer.
 */
import { scenario, type IOPCIDevice, type IOService, type Program } from 'dextrace';
import { connectTo, kFinished, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 39, rule: 'register-after-close' } as const;

class Client extends MoverClient {
  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    if (!this.fixed) {
      // "That should be long enough for the device."
      for (let reads = 0; reads < 60; reads += 1) yield* this.driver.pci.MemoryRead32(0, kFinished);
      yield* this.driver.pci.Close(this.driver);
    }
    return yield* super.Stop(provider);
  }

  protected override *interruptOccurred(count: number): Program {
    yield* this.driver.pci.MemoryRead32(0, kFinished);
    yield* super.interruptOccurred(count);
  }
}

export default scenario({
  title: 'Register after close: the handler reads a device that Stop has closed',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    yield* app.IOServiceClose(connect); // without waiting
  },
});
