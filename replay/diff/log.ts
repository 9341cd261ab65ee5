import { Column, type Pool } from './column.ts';

/** Stands where an event is nobody's operation: a page fault falls to whoever comes first. */
export const nobodys = 0xffff_ffff;

/** What is kept of a session's events to hold them against another's: by sequence number, and by actor. */
export class Log {
  readonly actor: Column;
  /** The event's place among its actor's. */
  readonly ordinal: Column;
  readonly token: Column;
  readonly detail: Column;
  /** The bytes that it read. */
  readonly seen: Column;
  /** The sequence numbers of each actor's operations. */
  readonly byActor: Column[] = [];
  private readonly pool: Pool;

  constructor(pool: Pool) {
    this.pool = pool;
    this.actor = new Column(pool);
    this.ordinal = new Column(pool);
    this.token = new Column(pool);
    this.detail = new Column(pool);
    this.seen = new Column(pool);
  }

  /** Adds the next event. */
  add(actor: number, token: number, detail: number, seen: number, consequence: boolean): void {
    const operations = this.of(actor);
    this.actor.push(actor);
    this.ordinal.push(consequence ? nobodys : operations.length);
    if (!consequence) operations.push(this.token.length);
    this.token.push(token);
    this.detail.push(detail);
    this.seen.push(seen);
  }

  /** The actor's operations, as sequence numbers. */
  of(actor: number): Column {
    return (this.byActor[actor] ??= new Column(this.pool));
  }
}
