/** Bytes in a kibibyte. */
export const KiB = 1024;
/** Bytes in a mebibyte. */
export const MiB = 1024 * KiB;
/** Bytes in a gibibyte. */
export const GiB = 1024 * MiB;

/** Nanoseconds (ticks) in a microsecond. */
export const microsecond = 1_000;
/** Nanoseconds (ticks) in a millisecond. */
export const millisecond = 1_000_000;

/** `0x`-prefixed lower-case hexadecimal, the way every address is printed. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** The largest multiple of `unit` that is not above `value`. Both are safe integers. */
export function alignDown(value: number, unit: number): number {
  return value - (value % unit);
}

/** The smallest multiple of `unit` that is not below `value`. Both are safe integers. */
export function alignUp(value: number, unit: number): number {
  return alignDown(value + unit - 1, unit);
}

/** Bytes as hexadecimal pairs, shortened in the middle when there are more than `limit`. */
export function hexBytes(bytes: Uint8Array, limit = 16): string {
  const pairs = (part: Uint8Array): string => Array.from(part, (b) => b.toString(16).padStart(2, '0')).join('');
  if (bytes.length <= limit) return pairs(bytes);
  return `${pairs(bytes.subarray(0, limit))}… (${bytes.length} bytes)`;
}

/** A little-endian view of the bytes, as both x86 and arm64 Macs see memory. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
