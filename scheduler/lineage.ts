/**
 * Who is who in different runs of a scenario. The numbers of actors depend on the order in which they are created, and
 * which of several workers gets a piece of work depends on who is free. Where an actor or a piece of work comes from does
 * not: it is the nth that its creator has created. A lineage gives the same number to what comes from the same place in
 * several runs: its members. Number 0 is the scheduler itself, which creates the first actors.
 */
export class Lineage {
  private readonly known = new Map<string, number>();
  private readonly names: string[] = ['boot'];

  /** The nth actor, or the nth piece of work, of its creator; or the fault of a name. */
  member(creator: number, what: 'actor' | 'work' | 'fault', which: number | string): number {
    const path = `${creator} ${what} ${which}`;
    const found = this.known.get(path);
    if (found !== undefined) return found;
    const made = this.names.push('') - 1;
    this.known.set(path, made);
    return made;
  }

  /** Remembers how people call a member: an actor's own name, or that of the first actor which does the work. */
  call(member: number, name: string): void {
    if (this.names[member] === '') this.names[member] = name;
  }

  /** How people call it. */
  name(member: number): string {
    return this.names[member]!;
  }
}
