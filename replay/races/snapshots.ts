import type { Descriptor } from '../../core/iokit/state.ts';
import { alignDown, alignUp } from '../../core/units.ts';

/** Bytes of a descriptor in one page of a VM object. */
export interface Piece {
  readonly page: number;
  /** Byte bounds in the page, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** In the descriptor's task. */
  readonly address: number;
}

/** The bytes of a part of the descriptor's memory reference, page by page; the part has whole pages, the descriptor not always. */
export function* piecesOfPart({ ranges, parts }: Descriptor, index: number, pageSize: number): Generator<Piece> {
  let at = 0;
  for (const range of ranges) {
    const stop = range.address + range.length;
    const end = alignUp(stop, pageSize);
    for (let base = alignDown(range.address, pageSize); base < end; at += 1) {
      const part = parts[at];
      if (part === undefined) return;
      const length = at === index ? part.length : 0;
      for (let done = 0; done < length; done += pageSize) {
        const start = base + done;
        const from = Math.max(range.address, start) - start;
        const to = Math.min(stop, start + pageSize) - start;
        yield { page: (part.offset + done) / pageSize, from, to, address: start + from };
      }
      base += part.length;
    }
  }
}
