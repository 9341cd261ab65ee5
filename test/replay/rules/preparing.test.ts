/** Rules about PrepareForDMA and CompleteDMA: what each finds, and the nearest thing that is right. */
import { expect, test } from 'vitest';
import {
  IODMACommand,
  kIOMemoryDirectionInOut,
  kIOMemoryDisableCopyOnWrite,
  KiB,
  type IOMemoryDescriptor,
  type Program,
} from '../../../index.ts';
import { commandFor, type Inside } from '../../support/dext.ts';
import { found } from '../../support/found.ts';
import { once, type Once } from '../../support/once.ts';
import { obey } from '../../support/probe.ts';
import { runAnyhow } from '../../support/run.ts';

const rulesOf = (dext: Once['dext'], rest: Omit<Once, 'dext'> = {}): string[] => found(once({ dext, ...rest }));

/** Prepares all of it; evaluates to the code. */
function* prepare(command: IODMACommand, memory: IOMemoryDescriptor): Program<number> {
  return (yield* command.PrepareForDMA(0, memory, 0, 0))[0];
}

test('prepared-twice: the same memory again; after CompleteDMA it is right', () => {
  function twice(between: (command: IODMACommand) => Program): Once['dext'] {
    return function* (inside) {
      const command = yield* commandFor(inside);
      yield* prepare(command, inside.input);
      yield* between(command);
      yield* prepare(command, inside.input);
      yield* command.CompleteDMA(0);
    };
  }
  const wrong = twice(function* () {});
  expect(rulesOf(wrong)).toEqual(['prepared-twice']);
  const { message } = runAnyhow(once({ dext: wrong }), { rules: ['prepared-twice'] }).findings[0]!;
  expect(message).toMatch(
    /^command #\d+ is prepared again by dext:TestClient, and nothing has completed it since:\n {2}event \d+: dext:TestClient prepared it with descriptor #\d+ \(0x\w+\+49152 of app, direction out\)\n {2}its bus addresses 0x\w+\+49152 are no longer its own/,
  );
  const right = twice(function* (command) {
    yield* command.CompleteDMA(0);
  });
  expect(rulesOf(right)).toEqual([]);
});

test('prepared-busy: other memory while prepared; a second command is right', () => {
  expect(
    rulesOf(function* (inside) {
      const command = yield* commandFor(inside);
      yield* prepare(command, inside.input);
      yield* prepare(command, inside.output);
      yield* command.CompleteDMA(0);
    }),
  ).toEqual(['prepared-busy']);
  expect(
    rulesOf(function* (inside) {
      for (const memory of [inside.input, inside.output]) {
        const command = yield* commandFor(inside);
        yield* prepare(command, memory);
        yield* command.CompleteDMA(0);
      }
    }),
  ).toEqual([]);
});

/** A command whose prepare ran past the end. */
function* halfDead(inside: Inside): Program<IODMACommand> {
  const command = yield* commandFor(inside);
  yield* command.PrepareForDMA(0, inside.input, 16 * KiB, 48 * KiB);
  return command;
}
const pastEnd = ['prepare-past-end', 'unspecified'];

test('half-dead-command: used after a prepare that failed late; preparing the same memory again is right', () => {
  expect(
    rulesOf(function* (inside) {
      yield* (yield* halfDead(inside)).CompleteDMA(0);
    }),
  ).toEqual(['half-dead-command', ...pastEnd]);
  expect(
    rulesOf(function* (inside) {
      yield* prepare(yield* halfDead(inside), inside.output);
    }),
  ).toEqual(['half-dead-command', ...pastEnd]);
  expect(
    rulesOf(function* (inside) {
      const command = yield* halfDead(inside);
      yield* prepare(command, inside.input);
      yield* command.CompleteDMA(0);
    }),
  ).toEqual(pastEnd);
});

test('prepare-past-end: length 0 is the full length from any offset; up to the end is right', () => {
  const prepareAt = (offset: number, length: number): Once['dext'] =>
    function* (inside) {
      const command = yield* commandFor(inside);
      const [code] = yield* command.PrepareForDMA(0, inside.input, offset, length);
      if (code === 0) yield* command.CompleteDMA(0);
    };
  expect(rulesOf(prepareAt(16, 0))).toEqual(pastEnd);
  expect(rulesOf(prepareAt(16, 48 * KiB - 15))).toEqual(pastEnd);
  expect(rulesOf(prepareAt(16, 48 * KiB - 16))).toEqual([]);
});

test('no-segment-room: segmentsCount 0; options that are wrong are something else', () => {
  const withRoom = (options: number, count: number): Once['dext'] =>
    function* (inside) {
      const command = yield* commandFor(inside);
      const [code] = yield* command.PrepareForDMA(options, inside.input, 0, 0, count);
      if (code === 0) yield* command.CompleteDMA(0);
    };
  expect(rulesOf(withRoom(0, 0))).toEqual(['no-segment-room']);
  expect(rulesOf(withRoom(0, 1))).toEqual([]);
  expect(rulesOf(withRoom(1, 0))).toEqual([]);
});

test('address-too-high: above the address bits without a mapper; below them is right', () => {
  const withBits = (bits: number): Once['dext'] =>
    function* (inside) {
      const command = yield* commandFor(inside, bits);
      if ((yield* prepare(command, inside.input)) === 0) yield* command.CompleteDMA(0);
    };
  expect(rulesOf(withBits(32), { machine: { mapper: 'none' } })).toEqual(['address-too-high']);
  expect(rulesOf(withBits(64), { machine: { mapper: 'none' } })).toEqual([]);
  expect(rulesOf(withBits(32))).toEqual([]);
  expect(rulesOf(withBits(20))).toEqual(['address-too-high']);
});

/** Prepares with room for two segments of three and lets the device read the first; then what `rest` does. */
function truncated(work: boolean, rest: (command: IODMACommand, inside: Inside, done: number) => Program): string[] {
  return rulesOf(
    function* (inside) {
      const command = yield* commandFor(inside);
      const [, , , segments] = yield* command.PrepareForDMA(0, inside.input, 0, 0, 2);
      const { address, length } = segments[0]!;
      if (work) yield* obey(inside.client.pci, { command: 'read', address, length });
      yield* command.CompleteDMA(0);
      yield* rest(
        command,
        inside,
        segments.reduce((sum, segment) => sum + segment.length, 0),
      );
    },
    { machine: { mapper: 'none' } },
  );
}

test('segments-truncated: the device works on a part and nobody does the rest; whoever goes on has noticed', () => {
  expect(truncated(true, function* () {})).toEqual(['segments-truncated']);
  expect(truncated(false, function* () {})).toEqual([]);
  const goesOn = truncated(true, function* (command, { input }, done) {
    yield* command.PrepareForDMA(0, input, done, 48 * KiB - done);
    yield* command.CompleteDMA(0);
  });
  expect(goesOn).toEqual([]);
});

test('overlapping-mappings: the same bytes twice and the device may write; reading them twice is right', () => {
  const both = (second: (inside: Inside) => Program<IOMemoryDescriptor>, first: 'input' | 'output'): string[] =>
    rulesOf(function* (inside) {
      const commands = [yield* commandFor(inside), yield* commandFor(inside)];
      yield* prepare(commands[0]!, inside[first]);
      yield* prepare(commands[1]!, yield* second(inside));
      for (const command of commands) yield* command.CompleteDMA(0);
    });
  function* input({ input: memory }: Inside): Program<IOMemoryDescriptor> {
    return memory;
  }
  function* described({ client, address }: Inside, offset: number): Program<IOMemoryDescriptor> {
    const options = kIOMemoryDirectionInOut | kIOMemoryDisableCopyOnWrite;
    const range = { address: address + offset, length: 16 * KiB };
    return (yield* client.CreateMemoryDescriptorFromClient(options, [range]))[1]!;
  }
  expect(both(input, 'input')).toEqual([]);
  expect(both((inside) => described(inside, 16), 'input')).toContain('overlapping-mappings');
  // The output lies behind the input in an object of its own.
  expect(both((inside) => described(inside, 0), 'output')).toEqual([]);
});

test('wrong-service: a command for the driver itself; for the nub it is right', () => {
  const createdFor = (which: 'driver' | 'pci'): string[] =>
    rulesOf(function* ({ client }) {
      yield* IODMACommand.Create(client[which], 0, { maxAddressBits: 64 });
    });
  expect(createdFor('driver')).toEqual(['wrong-service']);
  expect(createdFor('pci')).toEqual([]);
});
