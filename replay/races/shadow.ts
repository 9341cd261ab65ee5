/** Who last touched which bytes, so that a new access can be held against the old ones. */

/** An access to a range of one page. */
export interface Access {
  readonly seq: number;
  readonly actor: number;
  readonly epoch: number;
  readonly write: boolean;
  /** Whether it is atomic: two atomic accesses never race. */
  readonly atomic: boolean;
  /** Byte bounds in the page, `to` exclusive. */
  readonly from: number;
  readonly to: number;
}

/** Bytes in a cell: accesses are looked up by the cells they touch. */
const cellSize = 64;

/** One page's accesses. */
export class PageShadow {
  private readonly cells = new Map<number, Access[]>();

  /**
   * Calls `visit` with each remembered access that shares bytes with this one, then remembers it in
   * their place: an access of the same actor to the same bytes says nothing that the new one does not,
   * and a write hides what it covers from later accesses.
   */
  add(access: Access, visit: (old: Access) => void): void {
    for (let cell = Math.floor(access.from / cellSize); cell * cellSize < access.to; cell += 1) {
      const accesses = this.cells.get(cell);
      if (accesses === undefined) {
        this.cells.set(cell, [access]);
        continue;
      }
      let kept = 0;
      for (const old of accesses) {
        if (old.from < access.to && old.to > access.from) visit(old);
        if (!hides(access, old)) accesses[kept++] = old;
      }
      accesses.length = kept;
      accesses.push(access);
    }
  }
}

function hides(access: Access, old: Access): boolean {
  if (access.from > old.from || access.to < old.to) return false;
  return access.write || (old.actor === access.actor && !old.write);
}
