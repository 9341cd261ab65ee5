/** What `bisect --time` can ask of a world. */
import { compileFunction } from 'node:vm';
import { InputError } from '../../core/errors.ts';
import { eachPiece } from '../../core/memory/translate.ts';
import type { Parts } from '../../core/scenario.ts';
import type { World } from '../../core/world.ts';
import type { Session } from '../session.ts';
import type { Predicate } from './turn.ts';

/** The scenario's check fails; `result` is what the app's main program returned in the end. */
export function checkFails(parts: Parts, result: unknown): Predicate {
  return (world) => {
    const { value: device } = world.devices.values().next();
    try {
      return parts.check({ world, result, deviceMemory: device?.memory ?? new Uint8Array(0) }) !== undefined;
    } catch {
      return true;
    }
  };
}

/** Bytes in a task's memory. */
export interface Bytes {
  /** A task's name or number. */
  readonly task: string;
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Reads `app:0x104000000=55aa`. @throws {InputError} when the text is not of that form */
export function parseBytes(text: string): Bytes {
  const match = /^(.+):(0x[\da-f]+|\d+)=((?:[\da-f]{2})+)$/i.exec(text);
  if (match === null)
    throw new InputError(`"${text}" names no bytes: write TASK:ADDRESS=BYTES, such as app:0x104000000=55`);
  return { task: match[1]!, address: Number(match[2]), bytes: Buffer.from(match[3]!, 'hex') };
}

/** Memory has those bytes; what no fault has mapped has none. */
export function bytesAre({ task: name, address, bytes: wanted }: Bytes): Predicate {
  return (world) => {
    const task = [...world.tasks.values()].find((one) => isCalled(one, name));
    if (task === undefined) return false;
    let same = 0;
    eachPiece(world, task.id, address, wanted.length, (frame, offset, length, done) => {
      const bytes = world.frames.get(frame)!.bytes.subarray(offset, offset + length);
      if (Buffer.compare(bytes, wanted.subarray(done, done + length)) === 0) same += length;
    });
    return same === wanted.length;
  };
}

/** How many events there are before the memory is unmapped for the last time, as it is when its task ends. */
export function eventsWhileMapped(session: Session, { task, address }: Bytes): number {
  const named = new Set<number>();
  for (const { event } of session.events({ kind: 'task.create' }))
    if (event.kind === 'task.create' && isCalled({ id: event.task, name: event.name }, task)) named.add(event.task);
  let count = session.row.events;
  for (const { seq, event } of session.events({ kind: 'vm.remove' })) {
    if (event.kind !== 'vm.remove' || !named.has(event.task)) continue;
    if (event.address <= address && address < event.address + event.length) count = seq;
  }
  return count;
}

const isCalled = (task: { readonly id: number; readonly name: string }, name: string): boolean =>
  task.name === name || String(task.id) === name;

/**
 * A JavaScript expression over `world`, such as `world.descriptors.size > 1`.
 * @throws {InputError} when it does not compile; in the predicate, when it throws
 */
export function expressionHolds(text: string): Predicate {
  const explain = (error: unknown): InputError =>
    new InputError(`the expression "${text}": ${error instanceof Error ? error.message : String(error)}`);
  let evaluate: (world: World) => unknown;
  try {
    evaluate = compileFunction(`return (${text}\n);`, ['world']) as (world: World) => unknown;
  } catch (error) {
    throw explain(error);
  }
  return (world) => {
    try {
      return Boolean(evaluate(world));
    } catch (error) {
      throw explain(error);
    }
  };
}
