/** Rules about what a device does with memory: what each finds, and the nearest thing that is right. */
import { describe, expect, test } from 'vitest';
import { KiB, kIOPCICommandMemorySpace, kIOPCIConfigurationOffsetCommand, type Program } from '../../../index.ts';
import { commandFor, prepared, type Inside } from '../../support/dext.ts';
import { found } from '../../support/found.ts';
import { once, type Once } from '../../support/once.ts';
import { obey, order, done } from '../../support/probe.ts';

const rulesOf = (dext: Once['dext'], rest: Omit<Once, 'dext'> = {}): string[] => found(once({ dext, ...rest }));
const mappers = ['none', 'vtd', 'dart'] as const;

/** Prepares the input or the output, lets the device move some of it, completes. */
function moves(
  which: 'input' | 'output',
  command: 'read' | 'write',
  at: (segment: { address: number; length: number }) => { address: number; length: number },
): Once['dext'] {
  return function* (inside) {
    const [dma, segments] = yield* prepared(inside, inside[which]);
    yield* obey(inside.client.pci, { command, ...at(segments[0]!) });
    yield* dma.CompleteDMA(0);
  };
}

describe.each(mappers)('mapper %s', (mapper) => {
  const machine = { mapper } as const;

  test('wrong-direction: writing an Out, reading an In; the right way round is right', () => {
    const some = ({ address }: { address: number }) => ({ address, length: 128 });
    expect(rulesOf(moves('input', 'write', some), { machine })).toEqual(['wrong-direction']);
    expect(rulesOf(moves('output', 'read', some), { machine })).toEqual(['wrong-direction']);
    expect(rulesOf(moves('input', 'read', some), { machine })).toEqual([]);
    expect(rulesOf(moves('output', 'write', some), { machine })).toEqual([]);
  });

  test('dma-outside-mapping: addresses that were never prepared', () => {
    const elsewhere = ({ address }: { address: number }) => ({ address: address + 256 * KiB, length: 64 });
    // What a DART does at a fault is not established.
    const more = mapper === 'dart' ? ['unspecified'] : [];
    expect(rulesOf(moves('input', 'read', elsewhere), { machine })).toEqual(['dma-outside-mapping', ...more]);
    const last = ({ address, length }: { address: number; length: number }) => ({
      address: address + length - 64,
      length: 64,
    });
    expect(rulesOf(moves('input', 'read', last), { machine })).toEqual([]);
  });

  test('complete-while-running: beats after CompleteDMA; after the status is right', () => {
    const completes = (first: boolean): string[] =>
      rulesOf(
        function* (inside) {
          const { pci } = inside.client;
          const [dma, segments] = yield* prepared(inside, inside.input);
          yield* order(pci, { command: 'read', address: segments[0]!.address, length: 16 * KiB });
          if (first) yield* dma.CompleteDMA(0);
          yield* done(pci);
          if (!first) yield* dma.CompleteDMA(0);
        },
        { machine },
      );
    expect(completes(true)).toContain('complete-while-running');
    expect(completes(false)).toEqual([]);
  });
});

test('complete-while-running: a register write since may be what told the device', () => {
  const stale = rulesOf(function* (inside) {
    const { pci } = inside.client;
    const [dma, segments] = yield* prepared(inside, inside.input);
    yield* dma.CompleteDMA(0);
    yield* obey(pci, { command: 'read', address: segments[0]!.address, length: 64 });
  });
  expect(stale).toEqual(['unspecified', 'use-after-complete']);
});

test('neighbour-overwritten: past the last segment in the same page; the last byte is right', () => {
  const size = 20 * KiB;
  const end = ({ address, length }: { address: number; length: number }, over: number) => ({
    address: address + length - 64,
    length: 64 + over,
  });
  const writes = (over: number): string[] =>
    rulesOf(
      moves('output', 'write', (segment) => end(segment, over)),
      { size },
    );
  expect(writes(1)).toEqual(['neighbour-overwritten']);
  expect(writes(0)).toEqual([]);
});

test('neighbour-exposed: another block in the page; pages of its own are right', () => {
  const exposes = (alignment: number, size: number): string[] =>
    rulesOf(
      function* (inside) {
        const [dma] = yield* prepared(inside, inside.output);
        yield* dma.CompleteDMA(0);
      },
      { size, allocate: (app, bytes) => aligned(app.posix_memalign(alignment, bytes)) },
    );
  function* aligned(allocation: Program<[number, number]>): Program<number> {
    return (yield* allocation)[1];
  }
  expect(exposes(16, 5 * KiB)).toEqual(['neighbour-exposed']);
  // What is left of the last page is nobody's.
  expect(exposes(16 * KiB, 5 * KiB)).toEqual([]);
});

/** Turns command register bits off, then tells the device something. */
const without = (bits: number, what: (inside: Inside) => Program): string[] =>
  rulesOf(function* (inside) {
    yield* inside.client.pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, bits);
    yield* what(inside);
  });

test('dma-without-bus-lead: beats, interrupts and register writes that go nowhere', () => {
  function* reads(inside: Inside): Program {
    const [dma, segments] = yield* prepared(inside, inside.input);
    yield* order(inside.client.pci, { command: 'read', address: segments[0]!.address, length: 64 });
    yield* dma.CompleteDMA(0);
  }
  expect(without(kIOPCICommandMemorySpace, reads)).toContain('dma-without-bus-lead');
  expect(
    without(kIOPCICommandMemorySpace, function* ({ client }) {
      yield* obey(client.pci, { command: 'interrupt', count: 1 });
    }),
  ).toEqual(['dma-without-bus-lead']);
  expect(
    without(0, function* ({ client }) {
      yield* order(client.pci, { command: 'interrupt', count: 1 });
    }),
  ).toEqual(['dma-without-bus-lead']);
  expect(
    without(kIOPCICommandMemorySpace, function* ({ client }) {
      yield* obey(client.pci, { command: 'fill', length: 64, count: 1 });
    }),
  ).toEqual([]);
});

test('register-after-close: configuration space reads all ones; reading before Close is right', () => {
  const reads = (first: 'read' | 'close'): string[] =>
    rulesOf(function* ({ client: { pci, driver } }) {
      if (first === 'close') yield* pci.Close(driver);
      yield* pci.ConfigurationRead16(kIOPCIConfigurationOffsetCommand);
      yield* pci.Close(driver);
    });
  expect(reads('close')).toEqual(['register-after-close']);
  expect(reads('read')).toEqual([]);
});

test('unspecified is a warning', () => {
  const setup = once({
    *dext(inside) {
      yield* (yield* commandFor(inside)).PrepareForDMA(0, inside.input, 0, 64 * KiB);
    },
  });
  expect(found(setup, { rules: ['unspecified'] })).toEqual(['unspecified']);
});
