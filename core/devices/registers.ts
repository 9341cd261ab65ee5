import { wordOf } from '../memory/atomics.ts';
import type { Step } from '../operation.ts';

/** A device's registers for who is in the middle of a step: what it changes is part of that step. */
export class Registers {
  private readonly step: Step;
  private readonly device: number;
  private readonly bar: number;

  constructor(step: Step, device: number, bar = 0) {
    this.step = step;
    this.device = device;
    this.bar = bar;
  }

  /** What a register of `width` bytes holds. */
  get(offset: number, width = 4): bigint {
    const { bytes } = this.step.world.devices.get(this.device)!.bars[this.bar]!;
    return wordOf(bytes.subarray(offset, offset + width));
  }

  /** Changes it; the value is cut to the width. */
  set(offset: number, value: bigint, width = 4): void {
    const { device, bar } = this;
    this.step.emit({ kind: 'device.register', device, bar, offset, width, value: BigInt.asUintN(8 * width, value) });
  }
}
