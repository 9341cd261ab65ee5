/**
 * Wrong service in Create (facts §10 (45)). The dext makes its command for its own service instead of the PCI device.
 * That succeeds, and so does PrepareForDMA; but the service has no IOMMU, and the bus addresses mean nothing to the
 * device's own: every access faults.
 * Fixed: the command is made for the device.
 */
import {
  IODMACommand,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceReads, machine, mover, MoverClient, MoverDriver } from './mover.ts';

export const bug = { number: 45, rule: 'wrong-service' } as const;

const size = 4097;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const service = this.fixed ? this.driver.pci : this.driver;
    const [, command] = yield* IODMACommand.Create(service, 0, { maxAddressBits: 64 });
    const [code, , , segments] = yield* command!.PrepareForDMA(0, memory, 0, 0);
    if (code !== kIOReturnSuccess) {
      yield* command!.release();
      return code;
    }
    return yield* this.begin({ action, memory, command: command! }, kDeviceReads, segments);
  }
}

export default scenario({
  title: 'Wrong service: success everywhere, but the addresses are of no IOMMU of the device',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.memset(buffer, 0xaa, size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },

  check({ deviceMemory }) {
    if (deviceMemory[0] !== 0xaa) return 'success, but the device has read nothing';
  },
});
