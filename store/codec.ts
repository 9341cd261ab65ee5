/**
 * Events as rows and as canonical bytes, both derived from the catalogue.
 *
 * A row has up to six integers (the kind's number fields, in order) and one blob (its
 * data, text or u64 field). The canonical bytes of an event, which the digest covers, are
 * LEB128 numbers: kind, actor, ticks since the event before, the integers in order, and,
 * for a kind with a blob, its length and its bytes.
 */
import type { FieldType } from '../core/catalogue.ts';
import { kindNames, kindOf, type AnyEvent, type KindName } from '../core/events.ts';
import { bytesOf, wordOf } from '../core/memory/atomics.ts';

/** Integer columns of the events table. */
export const integerColumns = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

const empty = new Uint8Array(0);
const utf8 = new TextEncoder();
const text = new TextDecoder();

interface IntegerField {
  readonly name: string;
  /** An enumeration's names; positions are stored. */
  readonly names: readonly string[] | undefined;
  readonly flag: boolean;
}

interface BlobField {
  readonly name: string;
  readonly type: 'data' | 'text' | 'u64';
}

/** How one kind is laid out. */
export interface Layout {
  readonly kind: KindName;
  readonly number: number;
  readonly integers: readonly IntegerField[];
  readonly blob: BlobField | undefined;
}

const isBlob = (type: FieldType): type is BlobField['type'] => type === 'data' || type === 'text' || type === 'u64';

function layoutOf(kind: KindName, number: number): Layout {
  const fields = Object.entries(kindOf(kind).fields);
  const integers = fields
    .filter(([, type]) => !isBlob(type))
    .map(([name, type]) => ({ name, names: typeof type === 'string' ? undefined : type, flag: type === 'flag' }));
  const blobs = fields.flatMap(([name, type]) => (isBlob(type) ? [{ name, type }] : []));
  if (integers.length > integerColumns.length || blobs.length > 1) {
    throw new Error(`kind ${kind} has more fields than a row: at most six numbers and one data, text or u64`);
  }
  return { kind, number, integers, blob: blobs[0] };
}

/** Every kind's layout, by number. */
export const layouts: readonly Layout[] = kindNames.map(layoutOf);
/** Writes an event's integers to `numbers` from `at` on and evaluates to its blob, or null when its kind has none. */
export type Encoder = (event: AnyEvent, numbers: Float64Array, at: number) => Uint8Array | null;

/**
 * Compiles a kind's encoder from the catalogue. Straight-line code with the fields' names
 * in it is several times as fast as a loop over them, and this runs once for every event.
 */
function encoderOf({ integers, blob }: Layout): Encoder {
  const lines = integers.map(({ name, names, flag }, i) => {
    const value = `event[${JSON.stringify(name)}]`;
    if (names !== undefined) return `numbers[at + ${i}] = names[${i}].indexOf(${value});`;
    return `numbers[at + ${i}] = ${flag ? `${value} ? 1 : 0` : value};`;
  });
  const bytes = blob === undefined ? 'null' : `encodeBlob(blob, event[${JSON.stringify(blob.name)}])`;
  const body = `return (event, numbers, at) => { ${lines.join(' ')} return ${bytes}; };`;
  // oxlint-disable-next-line typescript/no-implied-eval -- the text comes from the catalogue alone, never from a file
  const compile = new Function('names', 'blob', 'encodeBlob', body);
  return compile(
    integers.map((field) => field.names),
    blob,
    encodeBlob,
  ) as Encoder;
}

function encodeBlob({ type }: BlobField, value: unknown): Uint8Array {
  if (type === 'text') return utf8.encode(value as string);
  return type === 'u64' ? bytesOf(value as bigint, 8) : (value as Uint8Array);
}

/** Every kind's encoder, by number. */
export const encoders: readonly Encoder[] = layouts.map(encoderOf);

/** The event behind a row: its kind's number, six integers and a blob. */
export function decode(kind: number, integers: readonly (number | null)[], blob: Uint8Array | null): AnyEvent {
  const layout = layouts[kind];
  if (layout === undefined) throw new RangeError(`there is no event kind ${kind}`);
  const event: Record<string, unknown> = { kind: layout.kind };
  layout.integers.forEach(({ name, names, flag }, i) => {
    const value = integers[i]!;
    if (names !== undefined) event[name] = names[value];
    else event[name] = flag ? value === 1 : value;
  });
  if (layout.blob !== undefined) event[layout.blob.name] = decodeBlob(layout.blob, blob ?? empty);
  return event as AnyEvent;
}

function decodeBlob({ type }: BlobField, bytes: Uint8Array): unknown {
  if (type === 'text') return text.decode(bytes);
  return type === 'u64' ? wordOf(bytes) : new Uint8Array(bytes);
}
