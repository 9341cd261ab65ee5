import type { Range } from '../../core/iokit/state.ts';
import type { Moment, Rule, Watch } from '../rule.ts';
import { Calls, type KnownCall } from './shared/calls.ts';
import { namedBy, type Named } from './shared/leaves.ts';
import { Preparations } from './shared/preparations.ts';
import { tellBeat, tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** Memory of a call that a device may write, while it is prepared. */
interface Output {
  readonly call: KnownCall;
  readonly segments: readonly Range[];
  /** What the app calls it. */
  readonly addresses: readonly Named[];
  /** What the device has written, by offset in the memory, in steps of {@link grain}. */
  readonly written: Set<number>;
  /** What of that the app was told of and has not read. */
  unread: Set<number>;
  /** The completion that told it; 0 for none. */
  announced: number;
}

/** Bytes are remembered in stretches of so many: the smallest beat. */
const grain = 4;

/**
 * The app is told that its output is there, and the device writes the same bytes again before the app has read them:
 * completions have no back-pressure (facts §3.4, §10 (25)).
 */
export const outputOverwritten: Rule = {
  name: 'output-overwritten',
  severity: 'error',
  advice: 'Use several buffers in turn, and let the app give each back before the device may write it again.',
  watch(report) {
    const calls = new Calls();
    /** By command. */
    const outputs = new Map<number, Output>();
    const preparations = new Preparations(({ command }) => void outputs.delete(command));
    const read = ({ address, length }: { address: number; length: number }, { actor, world }: Moment): void => {
      if (outputs.size === 0) return;
      const { task } = world.actors.get(actor)!;
      for (const { addresses, unread } of outputs.values()) {
        if (unread.size === 0 || addresses[0]?.task !== task) continue;
        for (const offset of offsetsIn(addresses, address, length)) unread.delete(offset);
      }
    };
    const own: Watch['on'] = {
      'command.prepared': ({ command }, { world }) => {
        const { descriptor, segments, offset, length } = preparations.live.get(command)!;
        const call = calls.ofMemory(descriptor, world);
        if (call === undefined || call.action === 0 || world.descriptors.get(descriptor)!.direction === 'out') return;
        const addresses = namedBy(world, descriptor, offset, length);
        outputs.set(command, { call, segments, addresses, written: new Set(), unread: new Set(), announced: 0 });
      },
      'port.send': ({ action }, { seq }) => {
        if (outputs.size === 0) return;
        const call = calls.of(action);
        for (const output of outputs.values()) {
          if (output.call !== call) continue;
          output.unread = new Set(output.written);
          output.announced = seq;
        }
      },
      'memory.load': read,
      'memory.atomic': read,
      'call.copyin': read,
      'dma.write': (event, { seq, actor, world }) => {
        if (outputs.size === 0 || event.status !== 'ok') return;
        for (const [command, { segments, written, unread, announced }] of outputs) {
          for (const offset of offsetsIn(segments, event.address, event.length)) {
            written.add(offset);
            if (!unread.delete(offset)) continue;
            const { descriptor, seq: prepared, actor: preparer } = preparations.live.get(command)!;
            report({
              message: `${who(world, actor)} ${tellBeat(event)} again, before the app has read it:
  event ${prepared}: ${who(world, preparer)} prepared command #${command} with ${tellMemory(world, descriptor)}
  event ${announced}: a completion told the app of what the device had written
  event ${seq}: from byte ${offset} on it is overwritten, and the app has not loaded that in between`,
              seq,
              actors: [actor, preparer],
              key: `${command} ${prepared}`,
            });
          }
        }
      },
    };
    return { on: together(calls.on, preparations.on, own) };
  },
};

/** Offsets, in steps of {@link grain}, of the bytes `[address, address + length)` in ranges that follow each other. */
function* offsetsIn(ranges: readonly Range[], address: number, length: number): Iterable<number> {
  let before = 0;
  for (const range of ranges) {
    const from = Math.max(address - range.address, 0);
    const to = Math.min(address + length - range.address, range.length);
    for (let at = before + from; at < before + to; at += grain) yield at - (at % grain);
    before += range.length;
  }
}
