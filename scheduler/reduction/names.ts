/**
 * Names that do not depend on the schedule.
 *
 * Actors and kernel objects are numbered in the order in which they come into being, and a step that creates one gets
 * another number when an independent step goes before it. So an actor is named by its descent (whose how-manieth child it is),
 * and an object or a frame by the step that made it and its place in that step.
 */
import type { Resource } from '../../core/catalogue.ts';
import type { World } from '../../core/world.ts';
import { resourceNumber } from '../footprint.ts';

/** Most objects of one step, and most steps of one actor: names must be whole numbers. */
const perStep = 2 ** 10;
const stepsPerActor = 2 ** 20;
/** More than there are resources. */
const resourceRoom = 2 ** 6;
const actorResource = resourceNumber('actor');

/** Gives actors of all executions of a search their numbers, by descent. */
export class Family {
  private readonly numbers = new Map<number, number>();

  /** The number of a parent's nth child. */
  child(parent: number, nth: number): number {
    const descent = parent * stepsPerActor + nth;
    let number = this.numbers.get(descent);
    if (number === undefined) {
      number = this.numbers.size + 1;
      this.numbers.set(descent, number);
    }
    return number;
  }
}

/** How far names had been given at some point of an execution. */
export interface Mark {
  readonly objects: number;
  readonly actors: number;
  readonly frames: number;
}

/** The names of one execution. Those of a beginning that it shares with the next one can be kept. */
export class Names {
  private readonly family: Family;
  /** By number of the object in this execution. */
  private readonly objects: number[];
  /** By number of the actor in this execution; actor 0 is what comes before anybody moves. */
  private readonly actors: number[];
  private readonly parents: number[];
  private readonly frames: Map<number, number>;
  /** What each naming of a frame replaced, to be taken back. */
  private readonly replaced: { readonly frame: number; readonly name: number | undefined }[];
  private step = 0;
  private made = 0;

  constructor(family: Family, of?: Names) {
    this.family = family;
    this.objects = of === undefined ? [0] : of.objects.slice();
    this.actors = of === undefined ? [0] : of.actors.slice();
    this.parents = of === undefined ? [0] : of.parents.slice();
    this.frames = new Map(of?.frames);
    this.replaced = of === undefined ? [] : of.replaced.slice();
  }

  /** A copy, as far as names had been given at the mark. */
  fork(mark: Mark): Names {
    const names = new Names(this.family, this);
    names.forget(mark);
    return names;
  }

  mark(): Mark {
    return { objects: this.objects.length, actors: this.actors.length, frames: this.replaced.length };
  }

  /** Takes back what was named after the mark. */
  forget(mark: Mark): void {
    shorten(this.objects, mark.objects);
    shorten(this.actors, mark.actors);
    shorten(this.parents, mark.actors);
    while (this.replaced.length > mark.frames) {
      const { frame, name } = this.replaced.pop()!;
      if (name === undefined) this.frames.delete(frame);
      else this.frames.set(frame, name);
    }
  }

  /** A step of the actor begins, its nth: what comes into being from now on is its doing. */
  begin(actor: number, nth: number): void {
    this.step = (actor * stepsPerActor + nth) * perStep;
    this.made = 0;
  }

  /** Objects below that number exist: those without a name were made by the current step. */
  catchUp(next: number): void {
    while (this.objects.length < next) this.objects.push(this.step + this.made++);
  }

  /** An actor comes into being; evaluates to its name. */
  born(actor: number, parent: number): number {
    let nth = 1;
    for (const other of this.parents) if (other === parent) nth += 1;
    const name = this.family.child(parent, nth);
    this.actors[actor] = name;
    this.parents[actor] = parent;
    return name;
  }

  actorOf(actor: number): number {
    return this.actors[actor]!;
  }

  /** One number for what is touched. */
  keyOf(resource: Resource, id: number, world: World): number {
    // Every step touches its actor.
    if (resource === 'actor') return this.actors[id]! * resourceRoom + actorResource;
    return this.nameOf(resource, id, world) * resourceRoom + resourceNumber(resource);
  }

  private nameOf(resource: Resource, id: number, world: World): number {
    switch (resource) {
      case 'actor':
      case 'tag':
        return this.actors[id]!;
      case 'frame':
        return this.frameOf(id, world);
      case 'allocator':
      case 'iommu':
      case 'fifo':
      case 'packet':
      case 'fault':
        return id;
      default:
        // A number that a scenario has made up stands for nothing.
        if (!(id >= 0 && id <= world.nextId + perStep)) return id;
        this.catchUp(id + 1);
        return this.objects[id]!;
    }
  }

  /** A frame that is not there yet is what the current step is about to take. */
  private frameOf(frame: number, world: World): number {
    const known = this.frames.get(frame);
    if (known !== undefined && world.frames.has(frame)) return known;
    const name = this.step + this.made++;
    this.replaced.push({ frame, name: known });
    this.frames.set(frame, name);
    return name;
  }
}

/** Takes away what is beyond a length. For a few numbers quicker than to set the length. */
function shorten(numbers: number[], length: number): void {
  while (numbers.length > length) numbers.pop();
}
