/** What no lock keeps apart (facts §4.3, §4.5, §10 (22)): the reduction makes whatever any schedule can do with it. */
import { expect, test } from 'vitest';
import { completeDMA, createCommand, getPreparation, prepareForDMA } from '../../../core/iokit/command.ts';
import { createDescriptor, lengthOf } from '../../../core/iokit/descriptor.ts';
import { performOperation } from '../../../core/iokit/perform.ts';
import { complete, prepare } from '../../../core/iokit/wire.ts';
import { act, inKernel, now } from '../../../core/operation.ts';
import type { Mapper } from '../../../core/machine.ts';
import { scenario, type Program, type Scenario } from '../../../index.ts';
import { DepthFirst } from '../../../scheduler/searches/depth-first.ts';
import { Reduction } from '../../../scheduler/searches/reduction.ts';
import { cover } from '../../support/all-schedules.ts';

/** A procedure of the kernel for a descriptor, and a command for it. */
type Procedure = (memory: number, command: number) => Program<unknown>;

const pageSize = 4_096;

/** Two threads in the kernel with one descriptor of one page, before commands had locks. */
function together(first: Procedure, second: Procedure, mapper: Mapper = 'none'): Scenario {
  return scenario({
    title: 'no lock',
    machine: { pageSize, era: 'before-13.3', mapper },
    *app(app) {
      const address = yield* app.mmap(pageSize);
      const memory = yield* act('describe', 'kernel', (step) =>
        createDescriptor(step, {
          type: 'general',
          task: step.world.actors.get(step.actor)!.task,
          ranges: [{ address, length: pageSize }],
          direction: 'out',
          copyOnWrite: false,
          threadSafe: false,
        }),
      );
      const [, command] = yield* createCommand(0, 0, 64);
      let theirs: unknown;
      const other = yield* app.pthread_create('other', function* () {
        theirs = yield* inKernel(second(memory, command));
      });
      const mine = yield* inKernel(first(memory, command));
      yield* app.pthread_join(other);
      return JSON.stringify([mine, theirs]);
    },
    check({ world }) {
      const counted = [...world.descriptors.values()].map(({ wireCount }) => wireCount);
      const wires = [...world.frames.values()].map((frame) => frame.wires);
      return `${counted.join()} counted, ${wires.join()} in frames`;
    },
  });
}

function* prepareAndComplete(memory: number): Program {
  yield* prepare(memory);
  yield* complete(memory);
}

const prepareCommand: Procedure = (memory, command) =>
  prepareForDMA(command, { options: 0, memory, offset: 0, length: 0, capacity: 1 });

const zero: Procedure = function* (_, command) {
  yield* act('a step', 'cpu', (step) => step.emit({ kind: 'note', text: 'before' }));
  return yield* performOperation(command, { operation: 'zero', dmaOffset: 0, length: 16, dataOffset: 0, data: 0 });
};

const ask: Procedure = function* (_, command) {
  yield* act('a step', 'cpu', (step) => step.emit({ kind: 'note', text: 'before' }));
  return (yield* now((step) => getPreparation(step, command))).code;
};

const prepareAndZero: Procedure = function* (memory, command) {
  yield* prepareCommand(memory, command);
  return yield* zero(memory, command);
};

/** As `SetLength` of a buffer does. */
const shorten: Procedure = function* (descriptor) {
  yield* act('shorten', 'kernel', (step) => step.emit({ kind: 'descriptor.length', descriptor, length: 8 }));
};

const measure: Procedure = function* (memory) {
  yield* act('a step', 'cpu', (step) => step.emit({ kind: 'note', text: 'before' }));
  return yield* lengthOf(memory);
};

const end: Procedure = (_, command) => completeDMA(command);

test.for<[name: string, program: Scenario, outcomes: number]>([
  [
    'two prepare',
    together(
      (memory) => prepare(memory),
      (memory) => prepare(memory),
    ),
    2,
  ],
  ['two prepare, one completes', together((memory) => prepare(memory), prepareAndComplete), 2],
  ['one prepares, one asks what is prepared', together(prepareCommand, ask), 2],
  ['one prepares, one zeroes what is prepared', together(prepareCommand, zero), 2],
  ['one prepares and zeroes, one completes', together(prepareAndZero, end), 4],
  ['one prepares a command, one the memory, and completes', together(prepareCommand, prepareAndComplete), 3],
  ['one zeroes what is prepared, one shortens it', together(prepareAndZero, shorten), 2],
  ['one asks for the length, one changes it', together(measure, shorten), 2],
  ['one maps for the device, one completes', together(prepareCommand, end, 'vtd'), 2],
  ['one maps for the device, one prepares and completes', together(prepareCommand, prepareAndComplete, 'vtd'), 3],
])('%s', ([, program, outcomes]) => {
  const all = cover(program, new DepthFirst('1'), 10_000);
  const reduced = cover(program, new Reduction('1'), 10_000);
  expect([all.complete, reduced.complete, reduced.blocked]).toEqual([true, true, 0]);
  expect(reduced.executions).toBe(all.traces.size);
  expect(reduced.traces).toEqual(all.traces);
  expect(new Set(all.traces.values())).toHaveLength(outcomes);
});
