/** Atomic read-modify-write on one aligned word of 1, 2, 4 or 8 bytes, little-endian. */

export const atomicOperations = ['load', 'store', 'exchange', 'compare-exchange', 'fetch-add'] as const;
export type AtomicOperation = (typeof atomicOperations)[number];

/** A word's value as an unsigned integer. */
export function wordOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

/** The low `length` bytes of a value, two's complement. */
export function bytesOf(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = BigInt.asUintN(length * 8, value);
  for (let i = 0; i < length; i += 1) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
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
