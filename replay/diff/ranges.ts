/** Which name the addresses of one space go by. Ranges that no longer exist keep theirs until another takes the place. */
export class Ranges {
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private readonly names: number[] = [];
  /** What the range's first address stands for in what it is named after. */
  private readonly bases: number[] = [];
  private last = 0;

  /** Names a range, in the place of what was there. */
  set(start: number, end: number, name: number, base = 0): void {
    let from = this.after(start);
    if (from > 0 && this.ends[from - 1]! > start) from -= 1;
    let to = from;
    while (to < this.starts.length && this.starts[to]! < end) to += 1;
    const kept: [start: number, end: number, name: number, base: number][] = [];
    if (to > from) {
      const first = from;
      const final = to - 1;
      if (this.starts[first]! < start) kept.push([this.starts[first]!, start, this.names[first]!, this.bases[first]!]);
      kept.push([start, end, name, base]);
      if (this.ends[final]! > end)
        kept.push([end, this.ends[final]!, this.names[final]!, this.bases[final]! + end - this.starts[final]!]);
    } else kept.push([start, end, name, base]);
    const put = (row: number[], at: number): void => {
      row.splice(from, to - from, ...kept.map((range) => range[at]!));
    };
    put(this.starts, 0);
    put(this.ends, 1);
    put(this.names, 2);
    put(this.bases, 3);
  }

  /** The index of the range that holds the address; -1 for none. */
  find(address: number): number {
    const { last } = this;
    if (this.starts[last]! <= address && address < this.ends[last]!) return last;
    const index = this.after(address) - 1;
    if (index < 0 || this.ends[index]! <= address) return -1;
    this.last = index;
    return index;
  }

  nameOf(index: number): number {
    return this.names[index]!;
  }

  /** Where the range ends. */
  endOf(index: number): number {
    return this.ends[index]!;
  }

  /** How far into what the range is named after the address lies. */
  offsetOf(index: number, address: number): number {
    return this.bases[index]! + address - this.starts[index]!;
  }

  /** The first range that starts behind the address. */
  private after(address: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
