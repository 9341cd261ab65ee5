/**
 * Exit during DMA (facts §10 (9)). The app ends while its transfer is under way. Its pages stay wired until the dext
 * completes the command, and this dext forgets its transfers in Stop: they stay for ever.
 * Fixed: Stop waits for the last transfer, and completes it.
 */
import { scenario, type IOPCIDevice, type IOService, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 9, rule: 'leaked-preparation' } as const;

class Client extends MoverClient {
  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    if (!this.fixed) this.underWay.length = 0;
    return yield* super.Stop(provider);
  }
}

export default scenario({
  title: 'Leaked preparation: the app has ended, its pages stay wired',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    // The process ends here: nobody waits for the completion.
  },

  check({ world }) {
    const wired = [...world.frames.values()].filter((frame) => frame.wires > 0).length;
    if (wired > 0) return `${wired} pages are wired for nobody`;
  },
});
