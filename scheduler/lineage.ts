/**
 * Who is who in different runs of a scenario. The numbers of actors depend on the order in which they are created; where
 * an actor comes from does not: it is the nth child of its creator. A lineage gives the same number to actors of several
 * runs that come from the same place. Number 0 is the scheduler itself, which creates the first ones.
 */
export class Lineage {
  private readonly known = new Map<string, number>();
  private readonly names: string[] = ['boot'];

  /** The number of the `nth` child of `creator`. */
  child(creator: number, nth: number, name: string): number {
    const path = `${creator}.${nth}`;
    const found = this.known.get(path);
    if (found !== undefined) return found;
    const made = this.names.push(name) - 1;
    this.known.set(path, made);
    return made;
  }

  /** How people call it. */
  name(member: number): string {
    return this.names[member]!;
  }
}

/** The actors of one run as members of a lineage. */
export class Family {
  private readonly lineage: Lineage;
  /** By actor number. */
  private readonly members: number[] = [0];
  private readonly children: number[] = [];

  constructor(lineage: Lineage) {
    this.lineage = lineage;
  }

  /** To be called when `creator` creates an actor. */
  born(actor: number, creator: number, name: string): void {
    const parent = this.members[creator]!;
    const nth = this.children[parent] ?? 0;
    this.children[parent] = nth + 1;
    this.members[actor] = this.lineage.child(parent, nth, name);
  }

  /** The actor's number in the lineage. */
  member(actor: number): number {
    return this.members[actor]!;
  }
}
