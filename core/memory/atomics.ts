/** Atomic read-modify-write on one aligned word of 1, 2, 4 or 8 bytes, little-endian. */

export const atomicOperations = ['load', 'store', 'exchange', 'compare-exchange', 'fetch-add'] as const;
export type AtomicOperation = (typeof atomicOperations)[number];

/** The value of up to four bytes, little-endian. */
export function word32Of(bytes: Uint8Array, from = 0): number {
  let value = 0;
  for (let i = Math.min(bytes.length, from + 4) - 1; i >= from; i -= 1) value = value * 256 + bytes[i]!;
  return value;
}

/** A word's value as an unsigned integer. */
export function wordOf(bytes: Uint8Array): bigint {
  const low = BigInt(word32Of(bytes));
  return bytes.length <= 4 ? low : (BigInt(word32Of(bytes, 4)) << 32n) | low;
}

/** The low four bytes of a whole number, two's complement. */
export function bytesOf32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i += 1) bytes[i] = value >>> (8 * i);
  return bytes;
}

/** The low `length` bytes of a value, two's complement. */
export function bytesOf(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const low = Number(BigInt.asUintN(32, value));
  const high = length <= 4 ? 0 : Number(BigInt.asUintN(32, value >> 32n));
  for (let i = 0; i < length; i += 1) bytes[i] = (i < 4 ? low : high) >>> (8 * (i % 4));
  return bytes;
}

/** Whether the operation stores, given the word as it is: a load does not, nor does a compare-exchange that fails. */
export function atomicStores(operation: AtomicOperation, operands: Uint8Array, word: Uint8Array): boolean {
  if (operation !== 'compare-exchange') return operation !== 'load';
  return word.every((byte, i) => byte === operands[i]);
}

/**
 * Performs the operation on the word that `writable` hands out.
 * `operands` are words of the same width: none for load; the value for store,
 * exchange and fetch-add; expected, then desired for compare-exchange.
 */
export function applyAtomic(operation: AtomicOperation, operands: Uint8Array, writable: () => Uint8Array): void {
  switch (operation) {
    case 'load':
      return;
    case 'store':
    case 'exchange':
      writable().set(operands);
      return;
    case 'fetch-add': {
      const word = writable();
      word.set(bytesOf(wordOf(word) + wordOf(operands), word.length));
      return;
    }
    case 'compare-exchange': {
      const word = writable();
      const width = operands.length / 2;
      if (wordOf(word) === wordOf(operands.subarray(0, width))) word.set(operands.subarray(width));
    }
  }
}
