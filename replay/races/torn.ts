import type { Access } from './access.ts';

/** What a CPU has seen of one request: bytes that it had already written, and bytes that it had not yet. */
interface Seen {
  fresh?: Access;
  stale?: Access;
}

/** Tells when a CPU has read bytes of one device request both before and after the device wrote them. */
export class TornReads {
  private readonly seen = new Map<string, Seen>();

  /**
   * A CPU read and a device write race; evaluates to the two reads that make a torn one, in their order.
   * Reading the same bytes again once they are there is polling, and mends the earlier read.
   */
  race(first: Access, second: Access): readonly [Access, Access] | undefined {
    const [read, write] = second.kind.write ? [first, second] : [second, first];
    const request = 'request' in write.event ? write.event.request : 0;
    const key = `${read.origin.actor} ${write.origin.actor} ${request}`;
    let seen = this.seen.get(key);
    if (seen === undefined) this.seen.set(key, (seen = {}));
    if (read === second) {
      seen.fresh = read;
      if (seen.stale !== undefined && covers(read, seen.stale)) delete seen.stale;
    } else if (seen.fresh === undefined || !covers(read, seen.fresh)) seen.stale = read;
    const { fresh, stale } = seen;
    if (fresh === undefined || stale === undefined) return undefined;
    return fresh.seq < stale.seq ? [fresh, stale] : [stale, fresh];
  }
}

/** Whether a read has all the bytes of another one, by the address that the CPU used. */
function covers(read: Access, other: Access): boolean {
  const end = read.address + read.to - read.from;
  return read.address <= other.address && end >= other.address + other.to - other.from;
}
