import seedrandom from 'seedrandom';

/** A source of numbers in [0, 1), the same for the same seed on every machine. */
export type Random = () => number;

/**
 * One of a seed's independent streams. Each use has its own, so that drawing more
 * in one place changes nothing in another. xor128 (Marsaglia, "Xorshift RNGs", 2003):
 * 32 bits a draw, which is plenty for picks among a few actors.
 */
export function stream(seed: string, use: 'schedule' | 'latency' | 'rehearsal' | 'options'): Random {
  return seedrandom.xor128(`${seed}/${use}`);
}
