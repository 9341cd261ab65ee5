/** Random events of every kind in the catalogue, whether or not a run would make them. */
import fc from 'fast-check';
import { kindNames, kinds, type AnyEvent, type KindName } from '../../index.ts';
import type { FieldType, Kind } from '../../core/catalogue.ts';

/** The largest number that a field may hold. */
const number = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(),
  fc.nat(300),
  fc.constant(Number.MAX_SAFE_INTEGER),
  fc.constant(2 ** 32),
);

/** A value of a field. */
export function valueOf(type: FieldType): fc.Arbitrary<unknown> {
  if (typeof type !== 'string') return fc.constantFrom(...type);
  switch (type) {
    case 'flag':
      return fc.boolean();
    case 'data':
      return fc.uint8Array({ maxLength: 300 });
    case 'text':
      return fc.string({ unit: 'binary', maxLength: 40 });
    case 'u64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'code':
      return fc.nat(2 ** 32 - 1);
    default:
      return number;
  }
}

/** The fields of a kind, with their types. */
export const fieldsOf = (kind: KindName): [name: string, type: FieldType][] =>
  Object.entries((kinds[kind] as Kind).fields);

/** An event of a kind. */
export function eventOf(kind: KindName): fc.Arbitrary<AnyEvent> {
  const values = Object.fromEntries(fieldsOf(kind).map(([name, type]) => [name, valueOf(type)]));
  return fc.record(values).map((fields) => ({ kind, ...fields }) as AnyEvent);
}

/** An event of any kind. */
export const anyEvent: fc.Arbitrary<AnyEvent> = fc.constantFrom(...kindNames).chain(eventOf);

/** An event with who did it and how long after the one before. */
export const anyStep: fc.Arbitrary<{ event: AnyEvent; actor: number; pause: number }> = fc.record({
  event: anyEvent,
  actor: fc.nat(300),
  pause: fc.oneof(fc.constant(0), fc.nat(2 ** 31)),
});
