/** Hashes of 32 bits, for comparing: not for identity, which is the digest's. */

/** Takes one number in: any safe integer that is not negative. */
export function mix(hash: number, value: number): number {
  if (value > 0xffff_ffff) return mix(mix(hash, Math.floor(value / 0x1_0000_0000)), value >>> 0);
  const mixed = Math.imul(hash ^ value, 0x9e37_79b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** Takes bytes in, from one index up to another. */
export function mixBytes(hash: number, bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  let mixed = mix(hash, to - from);
  for (let i = from; i < to; i += 1) mixed = Math.imul(mixed ^ bytes[i]!, 0x0100_0193);
  return mix(mixed, 0);
}

/** Takes a text in. */
export function mixText(hash: number, text: string): number {
  let mixed = mix(hash, text.length);
  for (let i = 0; i < text.length; i += 1) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x0100_0193);
  return mix(mixed, 0);
}
