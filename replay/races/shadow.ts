import type { Access } from './access.ts';

/** Bytes in a cell: accesses are looked up by the cells they touch. */
const cellSize = 64;

/** Who last touched which bytes of a page of a VM object. */
export class PageShadow {
  readonly object: number;
  /** Its index in the object. */
  readonly page: number;
  /** By cell; one access, which is the usual case, is not worth a list. */
  private readonly cells: (Access | Access[] | undefined)[] = [];

  constructor(object: number, page: number) {
    this.object = object;
    this.page = page;
  }

  /**
   * Calls `visit` with each remembered access that shares bytes with this one, then remembers it in
   * their place: an access of the same actor to the same bytes says nothing that the new one does not,
   * and a write hides what it covers from later accesses.
   */
  add(access: Access, visit: (old: Access, access: Access) => void): void {
    const { cells } = this;
    const last = Math.floor((access.to - 1) / cellSize);
    for (let cell = Math.floor(access.from / cellSize); cell <= last; cell += 1) {
      const known = cells[cell];
      if (known === undefined) {
        cells[cell] = access;
      } else if (Array.isArray(known)) {
        let kept = 0;
        for (const old of known) {
          if (old.from < access.to && old.to > access.from) visit(old, access);
          if (!hides(access, old, cell)) known[kept++] = old;
        }
        known.length = kept;
        known.push(access);
      } else {
        if (known.from < access.to && known.to > access.from) visit(known, access);
        cells[cell] = hides(access, known, cell) ? access : [known, access];
      }
    }
  }

  /** Calls `visit` once with each remembered access to bytes of the range. */
  look(from: number, to: number, visit: (access: Access) => void): void {
    const last = Math.floor((to - 1) / cellSize);
    const seen = new Set<Access>();
    for (let cell = Math.floor(from / cellSize); cell <= last; cell += 1) {
      const known = this.cells[cell];
      if (known === undefined) continue;
      for (const access of Array.isArray(known) ? known : [known]) {
        if (access.from >= to || access.to <= from || seen.has(access)) continue;
        seen.add(access);
        visit(access);
      }
    }
  }
}

/** Whether, in the cell, the new access makes the old one superfluous. */
function hides(access: Access, old: Access, cell: number): boolean {
  const begin = cell * cellSize;
  if (access.from > Math.max(old.from, begin) || access.to < Math.min(old.to, begin + cellSize)) return false;
  if (access.kind.write) return true;
  return (
    old.origin.actor === access.origin.actor &&
    !old.kind.write &&
    old.kind.snapshot === access.kind.snapshot &&
    (old.kind.atomic || !access.kind.atomic)
  );
}
