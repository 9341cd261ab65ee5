import type { Access, Touch } from '../../core/catalogue.ts';
import { kindOf, type AnyEvent } from '../../core/events.ts';
import type { World } from '../../core/world.ts';

/** Bytes that are told apart: accesses to different ones commute. */
const cellSize = 64;

/** Who touched something last: the step that wrote, and those that read since. */
interface Touched {
  written: number;
  readonly read: Set<number>;
}

const untouched = (): Touched => ({ written: -1, read: new Set() });

/** A resource as a whole, and by cells where it is touched byte by byte. */
interface Resource {
  readonly whole: Touched;
  readonly cells: Map<number, Touched>;
}

/**
 * Which steps of a run depend on which: those whose events touch the same, and one of them not just to read
 * (Mazurkiewicz, "Trace Theory", 1987). Steps that do not depend on each other, directly or through others, can change
 * places without changing what happens.
 */
export class Dependence {
  /** By step: the earlier ones that it directly depends on. */
  readonly on: Set<number>[] = [];
  private readonly resources = new Map<string, Resource>();
  /** By actor: its last step. */
  private readonly last = new Map<number, number>();

  /** To be called with every event of a run's steps, in order, and the world as it was just before it. */
  event(event: AnyEvent, actor: number, world: World, step: number): void {
    let on = this.on[step];
    if (on === undefined) {
      on = new Set();
      this.on[step] = on;
      const previous = this.last.get(actor);
      if (previous !== undefined) on.add(previous);
      this.last.set(actor, step);
    }
    const dependencies = on;
    const touch: Touch = (resource, id, access, from = 0, to = Infinity) => {
      this.touch(`${resource} ${id}`, access, from, to, step, dependencies);
    };
    kindOf(event.kind).footprint(event, touch, world, actor);
  }

  private touch(name: string, access: Access, from: number, to: number, step: number, on: Set<number>): void {
    let resource = this.resources.get(name);
    if (resource === undefined) {
      resource = { whole: untouched(), cells: new Map() };
      this.resources.set(name, resource);
    }
    const { whole, cells } = resource;
    const reads = access === 'read';
    if (to === Infinity) {
      follow(whole, reads, step, on);
      for (const cell of cells.values()) follow(cell, reads, step, on);
      return;
    }
    depend(whole, reads, step, on);
    for (let cell = Math.floor(from / cellSize); cell * cellSize < to; cell += 1) {
      let touched = cells.get(cell);
      if (touched === undefined) {
        touched = untouched();
        cells.set(cell, touched);
      }
      follow(touched, reads, step, on);
    }
  }
}

/** Adds whom an access comes after. */
function depend({ written, read }: Touched, reads: boolean, step: number, on: Set<number>): void {
  if (written !== -1 && written !== step) on.add(written);
  if (reads) return;
  for (const reader of read) if (reader !== step) on.add(reader);
}

/** The same, and remembers the access. */
function follow(touched: Touched, reads: boolean, step: number, on: Set<number>): void {
  depend(touched, reads, step, on);
  if (reads) touched.read.add(step);
  else {
    touched.written = step;
    touched.read.clear();
  }
}
