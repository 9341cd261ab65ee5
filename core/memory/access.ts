/**
 * CPU accesses: single loads, stores and atomics, and the loops over them that
 * `memset` and `memcpy` are. Every piece of a loop is a step of its own.
 */
import type { Touch } from '../catalogue.ts';
import { now, Operation, traits, type Program, type Step } from '../operation.ts';
import { hex } from '../units.ts';
import type { World } from '../world.ts';
import { bytesOf, bytesOf32, word32Of, wordOf, type AtomicOperation } from './atomics.ts';
import { touchPages } from './fault.ts';
import { touchBytes } from './kinds.ts';
import { eachPiece } from './translate.ts';

/** The bytes that the task sees, which must have been faulted in. */
export function peek(step: Step, task: number, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  eachPiece(step.world, task, address, length, (frame, offset, piece, done) => {
    bytes.set(step.world.frames.get(frame)!.bytes.subarray(offset, offset + piece), done);
  });
  return bytes;
}

/** @throws {RangeError} when a scenario passes something that is no address or length */
function checkRange(what: string, address: number, length: number): void {
  if (!Number.isSafeInteger(address) || address < 0) throw new RangeError(`${what}: ${String(address)} is no address`);
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new RangeError(`${what} at ${hex(address)}: ${String(length)} is no length in bytes`);
  }
}

const taskOf = (step: Step): number => step.world.actors.get(step.actor)!.task;

/** One load; evaluates to what `as` makes of its bytes. */
class Load<R> extends Operation<R> {
  static {
    traits(Load, { name: 'load' });
  }
  readonly address: number;
  readonly length: number;
  private readonly as: (bytes: Uint8Array) => R;
  constructor(address: number, length: number, as: (bytes: Uint8Array) => R) {
    super();
    this.address = address;
    this.length = length;
    this.as = as;
    checkRange('load', address, length);
  }
  override intent(touch: Touch, world: World, actor: number): void {
    touchBytes(this, 'read', touch, world, actor);
  }
  override perform(step: Step): R {
    const task = taskOf(step);
    touchPages(step, task, this.address, this.length, false);
    step.emit({ kind: 'memory.load', address: this.address, length: this.length });
    return this.as(peek(step, task, this.address, this.length));
  }
}

class Store extends Operation<void> {
  static {
    traits(Store, { name: 'store' });
  }
  private readonly address: number;
  private readonly bytes: Uint8Array;
  /** `bytes` must not change any more. */
  constructor(address: number, bytes: Uint8Array) {
    super();
    this.address = address;
    this.bytes = bytes;
    checkRange('store', address, bytes.length);
  }
  override intent(touch: Touch, world: World, actor: number): void {
    touchBytes({ address: this.address, length: this.bytes.length }, 'write', touch, world, actor);
  }
  override perform(step: Step): void {
    const { length } = this.bytes;
    touchPages(step, taskOf(step), this.address, length, true);
    step.emit({ kind: 'memory.store', address: this.address, length, bytes: this.bytes });
  }
}

class Fill extends Operation<void> {
  static {
    traits(Fill, { name: 'memset', cost: 'copy' });
  }
  readonly address: number;
  readonly length: number;
  private readonly value: number;
  constructor(address: number, value: number, length: number) {
    super();
    this.address = address;
    this.length = length;
    this.value = value;
  }
  override intent(touch: Touch, world: World, actor: number): void {
    touchBytes(this, 'write', touch, world, actor);
  }
  override perform(step: Step): void {
    touchPages(step, taskOf(step), this.address, this.length, true);
    step.emit({ kind: 'memory.fill', address: this.address, length: this.length, value: this.value });
  }
}

class Atomic extends Operation<bigint> {
  static {
    traits(Atomic, { name: 'atomic' });
  }
  private readonly operation: AtomicOperation;
  private readonly address: number;
  private readonly width: number;
  private readonly operands: Uint8Array;
  constructor(operation: AtomicOperation, address: number, width: number, operands: Uint8Array) {
    super();
    this.operation = operation;
    this.address = address;
    this.width = width;
    this.operands = operands;
    checkRange(`atomic ${operation}`, address, width);
    if (![1, 2, 4, 8].includes(width) || address % width !== 0) {
      throw new RangeError(
        `atomic ${operation} at ${hex(address)}: ${width} bytes are no aligned word of 1, 2, 4 or 8`,
      );
    }
  }
  override intent(touch: Touch, world: World, actor: number): void {
    const access = this.operation === 'load' ? 'read' : 'sync';
    touchBytes({ address: this.address, length: this.width }, access, touch, world, actor);
  }
  override perform(step: Step): bigint {
    const task = taskOf(step);
    const { address, operation, operands, width: length } = this;
    touchPages(step, task, address, length, operation !== 'load');
    const old = wordOf(peek(step, task, address, length));
    step.emit({ kind: 'memory.atomic', address, length, operation, operands });
    return old;
  }
}

const asTheyAre = (bytes: Uint8Array): Uint8Array => bytes;
const asWord32 = (bytes: Uint8Array): number => word32Of(bytes);

/** Loads `length` bytes in one access; evaluates to a copy of them. */
export function load(address: number, length: number): Operation<Uint8Array> {
  return new Load(address, length, asTheyAre);
}

/** Stores the bytes in one access. */
export function store(address: number, bytes: Uint8Array): Operation<void> {
  return new Store(address, bytes.slice()); // the program may reuse its array
}

/** Loads an unsigned little-endian 32-bit word. */
export function load32(address: number): Operation<number> {
  return new Load(address, 4, asWord32);
}

/** Stores an unsigned little-endian 32-bit word. */
export function store32(address: number, value: number): Operation<void> {
  if (!Number.isInteger(value)) throw new RangeError(`store at ${hex(address)}: ${String(value)} is no whole number`);
  return new Store(address, bytesOf32(value));
}

/** Loads an unsigned little-endian 64-bit word. */
export function load64(address: number): Operation<bigint> {
  return new Load(address, 8, wordOf);
}

/** Stores an unsigned little-endian 64-bit word. */
export function store64(address: number, value: bigint): Operation<void> {
  return new Store(address, bytesOf(value, 8));
}

/** The widest single access, in bytes: an option of the machine. */
const storeWidth = (): Operation<number> => now((step) => step.world.machine.storeWidth);

/** Bytes until the next multiple of `width`, at most `rest`: bulk accesses are aligned but for their ends. */
const pieceAt = (address: number, rest: number, width: number): number => Math.min(rest, width - (address % width));

/** Fills memory with a byte, one aligned store of at most `machine.storeWidth` bytes after the other. */
export function* memset(address: number, value: number, length: number): Program {
  checkRange('memset', address, length);
  const width = yield* storeWidth();
  for (let done = 0; done < length;) {
    const piece = pieceAt(address + done, length - done, width);
    yield new Fill(address + done, value & 0xff, piece);
    done += piece;
  }
}

/** Loads a range piece by piece, as a reading loop does; other actors can write in between. */
export function* read(address: number, length: number): Program<Uint8Array> {
  checkRange('read', address, length);
  const width = yield* storeWidth();
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const piece = pieceAt(address + done, length - done, width);
    bytes.set(yield* load(address + done, piece), done);
    done += piece;
  }
  return bytes;
}

/** Stores bytes piece by piece, as a writing loop does. */
export function* write(address: number, bytes: Uint8Array): Program {
  checkRange('write', address, bytes.length);
  const width = yield* storeWidth();
  for (let done = 0; done < bytes.length;) {
    const piece = pieceAt(address + done, bytes.length - done, width);
    yield new Store(address + done, bytes.slice(done, done + piece));
    done += piece;
  }
}

/** Copies memory, a load and a store at a time. */
export function* memcpy(to: number, from: number, length: number): Program {
  checkRange('memcpy', to, length);
  checkRange('memcpy', from, length);
  const width = yield* storeWidth();
  for (let done = 0; done < length;) {
    const piece = pieceAt(to + done, length - done, width);
    yield new Store(to + done, yield* load(from + done, piece));
    done += piece;
  }
}

/** `atomic_load`: evaluates to the value. */
export function atomic_load(address: number, width = 4): Operation<bigint> {
  return new Atomic('load', address, width, new Uint8Array(0));
}

/** `atomic_store`. */
export function* atomic_store(address: number, value: bigint, width = 4): Program {
  yield* new Atomic('store', address, width, bytesOf(value, width));
}

/** `atomic_exchange`: evaluates to the old value. */
export function atomic_exchange(address: number, value: bigint, width = 4): Operation<bigint> {
  return new Atomic('exchange', address, width, bytesOf(value, width));
}

/** `atomic_compare_exchange_strong`: evaluates to whether it stored, and the old value. */
export function* atomic_compare_exchange_strong(
  address: number,
  expected: bigint,
  desired: bigint,
  width = 4,
): Program<[stored: boolean, old: bigint]> {
  const operands = new Uint8Array(2 * width);
  operands.set(bytesOf(expected, width));
  operands.set(bytesOf(desired, width), width);
  const old = yield* new Atomic('compare-exchange', address, width, operands);
  return [old === BigInt.asUintN(8 * width, expected), old];
}

/** `atomic_fetch_add`: evaluates to the old value. */
export function atomic_fetch_add(address: number, value: bigint, width = 4): Operation<bigint> {
  return new Atomic('fetch-add', address, width, bytesOf(value, width));
}
