/** Faults strike once, whenever the scheduler picks them, or never. */
import { describe, expect, test } from 'vitest';
import asyncDoneRight from '../../../examples/async-done-right.ts';
import {
  IOBufferMemoryDescriptor,
  kIOMemoryDirectionInOut,
  kIOReturnCannotWire,
  kIOReturnNoMemory,
  kIOReturnNoResources,
  kIOReturnNotReady,
  kIOReturnSuccess,
  KiB,
  record,
  type AnyEvent,
  type IOPCIDevice,
  type Program,
} from '../../../index.ts';
import { faultNames } from '../../../core/faults/names.ts';
import { commandFor } from '../../support/dext.ts';
import { order, probeRegisters } from '../../support/probe.ts';
import { runAnyhow, type Ran } from '../../support/run.ts';

/** Runs a body in the dext, again and again under other seeds, with one fault. */
function withFault<T>(fault: string, body: (pci: IOPCIDevice) => Program<T>, seeds = 25): Ran<T[]>[] {
  return Array.from({ length: seeds }, (_, seed) => {
    const results: T[] = [];
    return runAnyhow<T[]>(
      {
        *method(_args, client) {
          results.push(yield* body(client.pci));
          return 0;
        },
        *app(app, connect) {
          for (let i = 0; i < 10; i += 1) yield* app.IOConnectCallStructMethod(connect, 0, 0, 0);
          return results;
        },
      },
      { seed, set: { faults: fault } },
    );
  });
}

describe('calls that fail', () => {
  test.each([
    ['allocation', kIOReturnNoMemory],
    ['cannot-wire', kIOReturnCannotWire],
    ['no-resources', kIOReturnNoResources],
  ])('%s: one call does, the others go through', (fault, code) => {
    const when = new Set<number>();
    const all = withFault(fault, function* (pci) {
      const [made, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 4 * KiB);
      if (buffer === null) return made;
      const command = yield* commandFor({ client: { pci } as never });
      const [prepared] = yield* command.PrepareForDMA(0, buffer, 0, 0);
      yield* command.release();
      yield* buffer.release();
      return prepared;
    });
    for (const { result, findings } of all) {
      expect(findings).toEqual([]);
      const bad = result.filter((value) => value !== kIOReturnSuccess);
      expect(bad.length).toBeLessThanOrEqual(1);
      for (const value of bad) expect(value).toBe(code);
      if (bad.length > 0) when.add(result.indexOf(code));
    }
    // The schedule decides which of the calls it is.
    expect(when.size).toBeGreaterThan(2);
  });
});

test('allocation: PrepareForDMA cannot keep its books, and nothing stays wired (§4.3)', () => {
  const seen = new Set<number>();
  const buffers = new Map<IOPCIDevice, IOBufferMemoryDescriptor>();
  const all = withFault('allocation', function* (pci) {
    const buffer = buffers.get(pci) ?? (yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 4 * KiB))[1];
    if (buffer === null) return kIOReturnSuccess;
    buffers.set(pci, buffer);
    const command = yield* commandFor({ client: { pci } as never });
    const [code] = yield* command.PrepareForDMA(0, buffer, 0, 0);
    const completed = yield* command.CompleteDMA(0);
    expect(completed).toBe(code === kIOReturnSuccess ? kIOReturnSuccess : kIOReturnNotReady);
    yield* command.release();
    return code;
  });
  for (const { result } of all) for (const code of result) seen.add(code);
  expect(seen).toEqual(new Set([kIOReturnSuccess, kIOReturnNoMemory]));
});

/** Runs the example that does everything right, with a fault: what happened from when it struck, if it did. */
function spoilt(
  fault: string,
  seeds = 40,
): { struck: boolean; outcome: string; before: AnyEvent[]; after: Happened[] }[] {
  return Array.from({ length: seeds }, (_, seed) => {
    const log: Happened[] = [];
    const names = new Map<number, string>();
    const { outcome } = record(asyncDoneRight, {
      seed,
      set: { faults: fault, size: 4_200 },
      onEvent(event, actor) {
        if (event.kind === 'actor.create') names.set(event.actor, event.name);
        log.push({ event, by: names.get(actor) ?? 'boot' });
      },
    });
    const at = log.findIndex(({ event }) => event.kind === 'fault.strike');
    const cut = at < 0 ? log.length : at;
    return { struck: at >= 0, outcome, before: log.slice(0, cut).map(({ event }) => event), after: log.slice(cut) };
  });
}
interface Happened {
  readonly event: AnyEvent;
  readonly by: string;
}
const kinds = (of: readonly Happened[]): string[] => of.map(({ event }) => event.kind);

describe('devices that fail', () => {
  test('without a strike nothing happens to the run', () => {
    const unspoilt = spoilt('lost-interrupt').filter(({ struck }) => !struck);
    expect(unspoilt.length).toBeGreaterThan(0);
    for (const { outcome } of unspoilt) expect(outcome).toBe('passed');
  });

  test('lost-interrupt: the completion never comes', () => {
    const all = spoilt('lost-interrupt', 60).filter(({ struck }) => struck);
    expect(all.length).toBeGreaterThan(0);
    for (const { outcome, after } of all) {
      expect(kinds(after).slice(0, 3)).toEqual(['fault.strike', 'msi', 'tlp.landed']);
      expect(after[1]!.event).toMatchObject({ status: 'lost' });
      expect(outcome).toBe('failed');
    }
  });

  test('completion-error: one read request ends with completer abort', () => {
    const all = spoilt('completion-error', 30).filter(({ struck }) => struck);
    expect(all.length).toBeGreaterThan(0);
    for (const { after } of all) {
      const aborted = after.filter(({ event }) => 'status' in event && event.status === 'completer-abort');
      expect(kinds(aborted)).toEqual(['tlp.fail', 'dma.read', 'tlp.complete', 'tlp.finish']);
    }
  });

  test('stall: the engines do nothing any more, what they have sent arrives', () => {
    const all = spoilt('stall').filter(({ struck }) => struck);
    expect(all.length).toBeGreaterThan(0);
    for (const { before, after } of all) {
      expect(after.filter(({ by }) => by.startsWith('device:'))).toEqual([]);
      const count = (kind: string): number =>
        before.filter((event) => event.kind === kind).length + kinds(after).filter((other) => other === kind).length;
      expect(count('tlp.landed')).toBe(count('tlp.write') + count('tlp.msi'));
      expect(count('tlp.complete')).toBe(count('tlp.read'));
    }
  });

  test('unplug: read requests under way time out, and nothing is sent any more', () => {
    const all = spoilt('unplug', 100).filter(({ struck }) => struck);
    expect(all.length).toBeGreaterThan(0);
    let timeouts = 0;
    for (const { after } of all) {
      expect(kinds(after).some((kind) => ['tlp.read', 'tlp.write', 'tlp.msi', 'mmio.write'].includes(kind))).toBe(
        false,
      );
      for (const { event } of after) {
        if (event.kind === 'tlp.complete') {
          expect(event.status).toBe('completion-timeout');
          timeouts += 1;
        }
      }
    }
    expect(timeouts).toBeGreaterThan(0);
  });

  test('unplug: registers and configuration space read all ones, writes are dropped', () => {
    let gone = 0;
    for (const { result } of withFault('unplug', function* (pci) {
      yield* order(pci, { command: 'fill', length: 4, count: 1 });
      yield* pci.MemoryWrite32(0, probeRegisters.local, 5);
      return [yield* pci.MemoryRead32(0, probeRegisters.local), yield* pci.ConfigurationRead16(4)] as const;
    })) {
      // There is no result when the driver went before the app had found it.
      const ones = (result ?? []).filter(([register]) => register !== 5);
      for (const [register, config] of ones) expect([register, config]).toEqual([0xffff_ffff, 0xffff]);
      gone += ones.length;
    }
    expect(gone).toBeGreaterThan(0);
  });
});

describe('processes and memory', () => {
  test('unplug and dext-crash end the driver', () => {
    for (const [fault, kind] of [
      ['unplug', 'device.unplug'],
      ['dext-crash', 'task.kill'],
    ] as const) {
      const all = spoilt(fault).filter(({ struck }) => struck);
      expect(all.length).toBeGreaterThan(0);
      for (const { after } of all) {
        expect(kinds(after)).toContain(kind);
        const ended = after.filter(({ event }) => event.kind === 'service.state' && event.state === 'terminated');
        expect(ended.length).toBeGreaterThan(0);
      }
    }
  });

  test('dext-crash: the device is reset, its engines begin anew, and the link goes on', () => {
    const reset = spoilt('dext-crash').filter(({ after }) => kinds(after).includes('device.reset'));
    expect(reset.length).toBeGreaterThan(0);
    for (const { after } of reset) {
      const names = after.flatMap(({ event }) => (event.kind === 'actor.create' ? [event.name] : []));
      expect(names.filter((name) => name.startsWith('device:'))).toEqual([
        'device:fetch',
        'device:dma0',
        'device:dma1',
      ]);
      const exits = after.filter(({ event }) => event.kind === 'actor.exit' && event.reason === 'reset');
      expect(exits).toHaveLength(3);
    }
  });

  test('app-kill: the app does nothing any more but leave the kernel', () => {
    const all = spoilt('app-kill').filter(({ struck }) => struck);
    expect(all.length).toBeGreaterThan(0);
    for (const { after } of all) {
      expect(after[1]!.event).toMatchObject({ kind: 'task.kill', death: 'kill' });
      expect(kinds(after)).toContain('task.exit');
    }
  });

  test('memory-pressure: pages are swapped out, and the app notices nothing', () => {
    const all = spoilt('memory-pressure');
    expect(all.flatMap(({ after }) => kinds(after))).toContain('page.swap-out');
    for (const { outcome } of all) expect(outcome).toBe('passed');
  });
});

test('a fault that there is not is refused in one line, with those that there are', () => {
  expect(() => record(asyncDoneRight, { set: { faults: 'meteor' } })).toThrow(
    `there is no fault "meteor"; there are: ${faultNames.join(', ')}`,
  );
});

test('a run with a fault is as exact as any other', () => {
  for (const fault of faultNames) {
    const run = (): string => record(asyncDoneRight, { seed: 3, set: { faults: fault } }).digest;
    expect(run()).toBe(run());
  }
});
