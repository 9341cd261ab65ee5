/** Bytes of the widest cell: a beat. */
const widest = 64;

/**
 * Who last used the bytes of a frame or a device. Events are known by their sequence number plus one, 0 is none. What is
 * kept is kept by cells of as many bytes as begin and end all accesses so far.
 */
export class Users {
  /** Bytes of a cell: a power of two. */
  grain: number = widest;
  /** By cell: the last write, and its actor. */
  written: Uint32Array;
  writers: Uint32Array;
  /** When each actor last read each cell since it was written. */
  readonly read = new Map<number, Uint32Array>();

  /** In bytes. */
  readonly size: number;

  constructor(size: number) {
    this.size = size;
    while (size % this.grain !== 0) this.grain /= 2;
    this.written = new Uint32Array(size / this.grain);
    this.writers = new Uint32Array(size / this.grain);
  }

  /** Makes cells that an access of `[from, to)` does not cut. */
  fit(from: number, to: number): void {
    let { grain } = this;
    while (((from | to) & (grain - 1)) !== 0) grain /= 2;
    this.refine(grain);
  }

  /** A frame gets other bytes: those of another frame, with whoever wrote them, or zeros. */
  renew(copied: Users | undefined): void {
    this.read.clear();
    if (copied === undefined) {
      this.written.fill(0);
      return;
    }
    this.refine(copied.grain);
    copied.refine(this.grain);
    this.written.set(copied.written);
    this.writers.set(copied.writers);
  }

  private refine(grain: number): void {
    const parts = this.grain / grain;
    if (parts <= 1) return;
    const finer = (cells: Uint32Array): Uint32Array =>
      new Uint32Array(cells.length * parts).map((_, at) => cells[Math.floor(at / parts)]!);
    this.grain = grain;
    this.written = finer(this.written);
    this.writers = finer(this.writers);
    for (const [reader, times] of this.read) this.read.set(reader, finer(times));
  }
}
