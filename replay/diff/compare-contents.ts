import type { Content, Stretch } from './contents.ts';
import type { Sides } from './result.ts';

/** Pages' worth kept at once, waiting for the other session or differing: what is beyond is not compared, and counted. */
const stretchesMax = 4_096;

/** Holds what memory held in one session against what it held in the other, as soon as both are known. */
export class Contents {
  readonly differing: Sides<Content>[] = [];
  /** Pages that there was no room for. */
  uncompared = 0;
  private readonly waiting: Sides<Map<string, Content>> = { a: new Map(), b: new Map() };
  private stretches = 0;

  add(side: 'a' | 'b', content: Content): void {
    const others = this.waiting[side === 'a' ? 'b' : 'a'];
    const other = others.get(content.name);
    const size = content.stretches.size;
    if (other === undefined) {
      if (this.stretches + size > stretchesMax) this.uncompared += size;
      else {
        this.waiting[side].set(content.name, content);
        this.stretches += size;
      }
      return;
    }
    others.delete(content.name);
    this.stretches -= other.stretches.size;
    const pair = side === 'a' ? { a: content, b: other } : { a: other, b: content };
    if (equal(pair)) return;
    this.differing.push(pair);
    this.stretches += size + other.stretches.size;
  }
}

/** Where the stretches of either begin. */
export function beginsOf({ a, b }: Sides<Content>): number[] {
  return [...new Set([...a.stretches.keys(), ...b.stretches.keys()])].toSorted((x, y) => x - y);
}

function equal(pair: Sides<Content>): boolean {
  return beginsOf(pair).every((at) => sameBytes(pair.a.stretches.get(at), pair.b.stretches.get(at)));
}

/** What nobody has touched is zero. */
function sameBytes(a: Stretch | undefined, b: Stretch | undefined): boolean {
  if (a === undefined || b === undefined) return (a ?? b)!.bytes.every((byte) => byte === 0);
  return Buffer.compare(a.bytes, b.bytes) === 0;
}
