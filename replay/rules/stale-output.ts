import { kIOReturnSuccess } from '../../core/codes.ts';
import { eachPiece } from '../../core/memory/translate.ts';
import { frameAt } from '../../core/pcie/bus.ts';
import { hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';
import type { Moment, Rule, Watch } from '../rule.ts';
import { Calls, type KnownCall } from './shared/calls.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** The struct output of a call, as the app may look at it. */
interface Output {
  readonly call: KnownCall;
  readonly descriptor: number;
  readonly task: number;
  readonly from: number;
  readonly to: number;
  /** The event that told the app that it is complete; 0 before. */
  complete: number;
}

/**
 * The app reads bytes of its output that neither device nor dext has written. For outputs above 4096 bytes the count
 * comes back as it was, and says nothing about what is valid (facts §3.3 (6), §10 (41)).
 */
export const staleOutput: Rule = {
  name: 'stale-output',
  severity: 'error',
  advice: 'Let the dext tell the length of what is valid, by a scalar or a value of the completion, and read no more.',
  watch(report) {
    const calls = new Calls();
    let outputs: Output[] = [];
    /** By frame: which of its bytes were written since the output was passed. */
    const written = new Map<number, Uint8Array>();
    /** The same of pages that are swapped out, by page of their VM object. */
    const out = new Map<string, Uint8Array | undefined>();
    const ports = new Map<number, { readonly action: number; readonly code: number }[]>();
    const mark = (frame: number, offset: number, length: number, pageSize: number): void => {
      let page = written.get(frame);
      if (page === undefined) {
        page = new Uint8Array(pageSize);
        written.set(frame, page);
      }
      page.fill(1, offset, offset + length);
    };
    const forget = (frame: number): void => void written.delete(frame);
    const complete = (call: KnownCall, seq: number): void => {
      for (const output of outputs) if (output.call === call) output.complete = seq;
    };
    const drop = (task: number, address: number, length: number): void => {
      if (outputs.length === 0) return;
      outputs = outputs.filter(
        (output) => output.task !== task || output.to <= address || output.from >= address + length,
      );
    };
    const stored = (event: { readonly address: number; readonly length: number }, { actor, world }: Moment): void => {
      if (outputs.length === 0) return;
      const { address, length } = event;
      const { task } = world.actors.get(actor)!;
      eachPiece(world, task, address, length, (frame, offset, piece) =>
        mark(frame, offset, piece, world.machine.pageSize),
      );
    };
    const loaded = ({ address, length }: { address: number; length: number }, { seq, actor, world }: Moment): void => {
      if (outputs.length === 0) return;
      const { task } = world.actors.get(actor)!;
      const output = outputs.find(
        (o) => o.complete !== 0 && o.task === task && o.from < address + length && o.to > address,
      );
      if (output === undefined) return;
      const from = Math.max(address, output.from);
      const stale = firstUnwritten(world, written, task, from, Math.min(address + length, output.to));
      if (stale === undefined) return;
      const { call, complete: told } = output;
      report({
        message: `${who(world, actor)} reads ${hex(stale)}, byte ${stale - output.from} of the output of call #${call.call}, which nobody has written:
  event ${told}: the call was complete, and its count of ${call.outputSize} bytes unchanged
  neither the device nor the dext has written that byte since the call began`,
        seq,
        actors: [actor, call.actor],
        key: String(call.call),
      });
      outputs = outputs.filter((other) => other !== output);
    };
    const own: Watch['on'] = {
      'descriptor.range': ({ descriptor, address, length }, { world }) => {
        const call = calls.of(descriptor);
        const { direction, task } = world.descriptors.get(descriptor)!;
        if (call === undefined || direction !== 'in') return;
        drop(task, address, length);
        eachPiece(world, task, address, length, (frame, offset, piece) =>
          written.get(frame)?.fill(0, offset, offset + piece),
        );
        outputs.push({ call, descriptor, task, from: address, to: address + length, complete: 0 });
      },
      'call.return': ({ code }, { actor, seq }) => {
        const call = calls.latest(actor);
        if (call?.returned !== seq) return;
        if (code !== kIOReturnSuccess) outputs = outputs.filter((output) => output.call !== call);
        else if (!call.asynchronous) complete(call, seq);
      },
      'port.send': ({ port, action, code }) => {
        const queue = ports.get(port);
        if (queue === undefined) ports.set(port, [{ action, code }]);
        else queue.push({ action, code });
      },
      'port.receive': ({ port }, { seq }) => {
        const message = ports.get(port)?.shift();
        const call = message && calls.of(message.action);
        if (call !== undefined && message?.code === kIOReturnSuccess) complete(call, seq);
      },
      'page.zero': ({ frame }) => forget(frame),
      'page.take': ({ frame }) => forget(frame),
      'page.copy': ({ frame, from, reason }) => {
        const bytes = reason === 'eager' ? undefined : written.get(from);
        if (bytes === undefined) forget(frame);
        else written.set(frame, bytes.slice());
      },
      'page.swap-out': ({ object, page, frame }) => {
        out.set(`${object}.${page}`, written.get(frame));
        forget(frame);
      },
      'page.drop': ({ object, page, frame }) => {
        out.delete(`${object}.${page}`);
        forget(frame);
      },
      'page.swap-in': ({ object, page, frame }) => {
        const bytes = out.get(`${object}.${page}`);
        if (bytes === undefined) forget(frame);
        else written.set(frame, bytes);
      },
      'vm.remove': ({ task, address, length }) => drop(task, address, length),
      'heap.free': ({ address }, { actor, world }) => {
        const { task } = world.actors.get(actor)!;
        drop(task, address, world.tasks.get(task)!.heap.blocks.get(address)!.size);
      },
      'dma.write': ({ address, length, status }, { world }) => {
        if (outputs.length === 0 || status !== 'ok') return;
        const { pageSize } = world.machine;
        mark(frameAt(world, address)!, address % pageSize, length, pageSize);
      },
      'command.copy': ({ operation, memory, data, length }, { world }) => {
        if (outputs.length === 0) return;
        const { pageSize } = world.machine;
        const to = operation === 'read' ? data : memory;
        mark(Math.floor(to / pageSize), to % pageSize, length, pageSize);
      },
      // A bounce page brings what it has: also bytes that nobody has written.
      'command.sync': ({ direction, memory, bounce, length }, { world }) => {
        if (outputs.length === 0) return;
        const { pageSize } = world.machine;
        const [from, to] = direction === 'out' ? [memory, bounce] : [bounce, memory];
        const source = written.get(Math.floor(from / pageSize));
        mark(Math.floor(to / pageSize), to % pageSize, length, pageSize);
        const target = written.get(Math.floor(to / pageSize))!.subarray(to % pageSize, (to % pageSize) + length);
        if (source === undefined) target.fill(0);
        else target.set(source.subarray(from % pageSize, (from % pageSize) + length));
      },
      'memory.store': stored,
      'memory.fill': stored,
      'memory.atomic': (event, at) => {
        if (event.operation === 'load') loaded(event, at);
        else stored(event, at);
      },
      'call.copyout': stored,
      'call.copyin': loaded,
      'memory.load': loaded,
    };
    return { on: together(calls.on, own) };
  },
};

/** The first address of `[from, to)` that nobody has written. */
function firstUnwritten(
  world: World,
  written: ReadonlyMap<number, Uint8Array>,
  task: number,
  from: number,
  to: number,
): number | undefined {
  let found: number | undefined;
  let seen = from;
  eachPiece(world, task, from, to - from, (frame, offset, length, done) => {
    if (found !== undefined) return;
    if (from + done > seen) found = seen;
    const page = written.get(frame)?.subarray(offset, offset + length);
    const at = page === undefined ? 0 : page.indexOf(0);
    if (at !== -1) found ??= from + done + at;
    seen = from + done + length;
  });
  return found ?? (seen < to ? seen : undefined);
}
