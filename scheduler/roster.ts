import type { Epilogue, Operation, Program } from '../core/operation.ts';
import type { World } from '../core/world.ts';
import type { Candidate } from './strategy.ts';

/** An actor's program, and what it is about to do. */
export interface Runner extends Candidate {
  readonly name: string;
  /** Whether the run may end while it still waits for work. */
  readonly daemon: boolean;
  program: Program<unknown>;
  epilogue: Epilogue | undefined;
  pending: Operation<unknown>;
  /** When its operation is due; 0 without time. */
  readyAt: number;
  /** How long its operation takes once it can be done. */
  latency: number;
  /** When it gives up waiting. */
  deadline: number;
  /** Whether its operation must be ready. */
  guarded: boolean;
  /** Whether it has been seen able to move since it asked. */
  seen: boolean;
  /** Whether it is among the candidates. */
  listed: boolean;
  /** How many procedures of the kernel it is inside of. */
  depth: number;
  /** Whether it has ended. */
  over: boolean;
}

export const never = Infinity;

/**
 * The actors of a run, and who of them can move. It is kept up to date rather than made anew for every step: only those
 * whose operation must be ready are asked again, and only when something has happened that may have changed the answer.
 */
export class Roster {
  /** Those who can move, in the order of their numbers. */
  readonly candidates: Runner[] = [];
  /** Whether who can move may have changed. */
  stale = true;
  private readonly timed: boolean;
  /** By actor number; undefined for who has ended. */
  private readonly runners: (Runner | undefined)[] = [];
  /** Those whose operation must be ready. */
  private readonly guarded: Runner[] = [];
  /** Of those who must come to an end, how many have not. */
  private unfinished = 0;

  /** @param timed whether operations take time */
  constructor(timed: boolean) {
    this.timed = timed;
  }

  add(runner: Runner): void {
    this.runners[runner.id] = runner;
    if (!runner.daemon) this.unfinished += 1;
  }

  of(actor: number): Runner | undefined {
    return this.runners[actor];
  }

  /** Those who have not ended. */
  living(): Runner[] {
    return this.runners.filter((runner) => runner !== undefined);
  }

  /** The runner has a new operation. */
  asks(runner: Runner): void {
    const guarded = runner.pending.blocks;
    if (guarded) this.stale = true;
    else if (!runner.listed) this.list(runner);
    if (guarded === runner.guarded) return;
    runner.guarded = guarded;
    if (guarded) this.guarded.push(runner);
    else this.guarded.splice(this.guarded.indexOf(runner), 1);
  }

  /** The actor has ended. */
  remove(actor: number): void {
    const runner = this.runners[actor]!;
    this.runners[actor] = undefined;
    runner.over = true;
    if (!runner.daemon) this.unfinished -= 1;
    if (runner.guarded) this.guarded.splice(this.guarded.indexOf(runner), 1);
    if (runner.listed) this.unlist(runner);
  }

  /**
   * Brings the candidates up to date; evaluates to the time, which passes only when nobody can move. Sleepers can when their
   * time has come. For those who wait for work, as a timer does, it passes only while somebody is left who has to come to an end.
   */
  refresh(world: World, now: number): number {
    const { guarded, timed } = this;
    let earliest = never;
    for (let i = 0; i < guarded.length; i += 1) {
      const runner = guarded[i]!;
      const { pending } = runner;
      const able = pending.ready(world, runner.id);
      if (able && !runner.seen) {
        runner.seen = true;
        if (timed) runner.readyAt = now + runner.latency;
      }
      const deadline = this.unfinished > 0 || !pending.idle ? runner.deadline : never;
      const can = able || deadline <= now || (timed && deadline < never);
      if (!can && deadline < earliest) earliest = deadline;
      if (can === runner.listed) continue;
      if (can) this.list(runner);
      else this.unlist(runner);
    }
    this.stale = false;
    if (this.candidates.length > 0 || earliest === never) return now;
    return this.refresh(world, earliest);
  }

  private list(runner: Runner): void {
    const { candidates } = this;
    runner.listed = true;
    let at = candidates.push(runner) - 1;
    for (; at > 0 && candidates[at - 1]!.id > runner.id; at -= 1) candidates[at] = candidates[at - 1]!;
    candidates[at] = runner;
  }

  private unlist(runner: Runner): void {
    const { candidates } = this;
    runner.listed = false;
    let at = candidates.indexOf(runner);
    for (; at + 1 < candidates.length; at += 1) candidates[at] = candidates[at + 1]!;
    candidates.pop();
  }
}
