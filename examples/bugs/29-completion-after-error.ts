/**
 * Completion after an error return (facts §10 (29)). The dext has started the device and kept the action when it
 * decides to return an error. The app, told that nothing will come, uses the request again; the completion comes.
 * Fixed: what can fail comes before the device is started.
 */
import {
  kIOReturnBusy,
  kIOReturnSuccess,
  millisecond,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 29, rule: 'completion-after-error' } as const;

/** Refuses a second transfer while one is under way. */
class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    const busy = this.underWay.length > 0;
    if (busy && this.fixed) return kIOReturnBusy;
    const code = yield* super.ExternalMethod(selector, args);
    return busy ? kIOReturnBusy : code;
  }
}

export default scenario({
  title: 'Completion after an error: the call has failed, its completion comes all the same',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    let expected = 0;
    for (const [index, bytes] of [4 * size, size].entries()) {
      const buffer = yield* app.mmap(bytes);
      const reference = [0n, BigInt(index)];
      const [code] = yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, reference, buffer, bytes);
      if (code === kIOReturnSuccess) expected += 1;
    }
    for (; expected > 0; expected -= 1) yield* app.mach_msg_receive(port);
    const late = yield* app.mach_msg_receive(port, millisecond);
    yield* app.IOServiceClose(connect);
    return late === undefined;
  },

  check({ result }) {
    if (result === false) return 'a completion came that nobody expects';
  },
});
