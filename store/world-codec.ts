/** Worlds as bytes, for checkpoints: JSON in which maps, bytes and 64-bit integers are marked, deflated. */
import { deflateSync, inflateSync } from 'node:zlib';
import type { World } from '../core/world.ts';

function mark(_key: string, value: unknown): unknown {
  if (value instanceof Map) return { $map: [...(value as Map<unknown, unknown>)] };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  return typeof value === 'bigint' ? { $u64: value.toString(16) } : value;
}

function unmark(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const marked = value as { $map?: [unknown, unknown][]; $bytes?: string; $u64?: string };
  if (marked.$map !== undefined) return new Map(marked.$map);
  if (marked.$bytes !== undefined) return new Uint8Array(Buffer.from(marked.$bytes, 'base64'));
  return marked.$u64 === undefined ? value : BigInt(`0x${marked.$u64}`);
}

/** A world as a checkpoint's bytes. */
export function encodeWorld(world: World): Uint8Array {
  return deflateSync(JSON.stringify(world, mark), { level: 1 });
}

/** The world behind a checkpoint's bytes. */
export function decodeWorld(bytes: Uint8Array): World {
  return JSON.parse(inflateSync(bytes).toString('utf8'), unmark) as World;
}
