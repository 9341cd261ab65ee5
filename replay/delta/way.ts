/**
 * The way from one order of steps to another order of the same steps, move by move. In the order of the target, each
 * step in turn moves forward to just before the first step that must come after it. With the first moves made, the mix
 * begins as the target and goes on as the base; so binary search finds the place where they part company.
 */
export class Way {
  /** How many moves lead from the base to the target: the deltas between the two. */
  readonly length: number;
  private readonly target: readonly number[];
  /** By place in the base: the place in the target. */
  private readonly places: Int32Array;
  /** Places in the target of the steps that must move, in order. */
  private readonly moves: Int32Array;

  constructor(base: readonly number[], target: readonly number[]) {
    const inTarget = new Map(target.map((step, place) => [step, place]));
    this.target = target;
    this.places = Int32Array.from(base, (step) => inTarget.get(step)!);
    this.moves = movesOf(this.places);
    this.length = this.moves.length;
  }

  /** The step that moves in the nth move. */
  step(move: number): number {
    return this.target[this.moves[move]!]!;
  }

  /** The base with some of the moves made; they are numbers from 0, in order. */
  mix(moves: readonly number[]): number[] {
    const { places, target } = this;
    const mixed: number[] = [];
    const placed = new Uint8Array(places.length);
    const add = (place: number): void => {
      if (placed[place] !== 0) return;
      placed[place] = 1;
      mixed.push(target[place]!);
    };
    let next = 0;
    for (const place of places) {
      if (placed[place] !== 0) continue;
      // Whatever moves and is before this step in the target moves to before it.
      for (; next < moves.length && this.moves[moves[next]!]! <= place; next += 1) add(this.moves[moves[next]!]!);
      add(place);
    }
    return mixed;
  }
}

/** A step moves when something that comes after it in the target comes before it in the base. */
function movesOf(places: Int32Array): Int32Array {
  let furthest = -1;
  const moving = places.filter((place) => {
    if (place < furthest) return true;
    furthest = place;
    return false;
  });
  return moving.toSorted();
}
