/** Where bytes come from: for every byte of memory the event that put it there, and from where that took it. */
import type { Resource } from '../core/catalogue.ts';
import type { AnyEvent } from '../core/events.ts';
import { deviceOf } from '../core/pcie/flow.ts';
import type { World } from '../core/world.ts';
import { Column, type Pool } from './diff/column.ts';
import { sizeOf, type Touched, type Touches } from './diff/touches.ts';

const nothing = new Uint32Array(0);

/**
 * A tree of steps that bytes took. A step is an event and the step before it, in the place that the event
 * took the bytes from: a store has none; a page copy, a beat or a posted packet has the step of its source.
 */
export class Provenance {
  private readonly seqs: Column;
  private readonly sources: Column;
  /** The step of each byte, by frame and by device. */
  private readonly frames = new Map<number, Uint32Array>();
  private readonly devices = new Map<number, Uint32Array>();
  /** The step of what a call answers. */
  private readonly outputs = new Map<number, number>();
  /** The steps of pages that are swapped out, by object and page. */
  private readonly swapped = new Map<string, Uint32Array>();
  /** The steps of the payloads that a device has posted, the oldest first; an interrupt has none. */
  private readonly posted = new Map<number, { readonly local: number; readonly steps: Uint32Array }[]>();

  constructor(pool: Pool) {
    this.seqs = new Column(pool);
    this.sources = new Column(pool);
    this.step(0, 0); // 0 stands for nothing
  }

  /** The event of a step. */
  seqOf(step: number): number {
    return this.seqs.get(step);
  }

  /** The step before; 0 for none. */
  sourceOf(step: number): number {
    return this.sources.get(step);
  }

  /** The events that brought bytes to where they are, the last first. */
  chain(step: number): number[] {
    const seqs: number[] = [];
    for (let at = step; at !== 0; at = this.sourceOf(at)) seqs.push(this.seqOf(at));
    return seqs;
  }

  /** The steps of the bytes of a frame or a device; nothing when none was ever written. */
  stepsAt(resource: Resource, id: number): Uint32Array | undefined {
    return (resource === 'frame' ? this.frames : this.devices).get(id);
  }

  /** The steps of the bytes of a page that is swapped out. */
  stepsOfSwapped(object: number, page: number): Uint32Array | undefined {
    return this.swapped.get(`${object} ${page}`);
  }

  /** Takes in what an event does to bytes; to be called before the event changes the world. */
  event(seq: number, event: AnyEvent, touches: Touches, world: World, actor: number): void {
    switch (event.kind) {
      case 'vm.terminate':
      case 'page.drop':
        return; // frames keep their bytes until somebody takes them
      case 'page.swap-out':
        this.swapped.set(`${event.object} ${event.page}`, this.stepsAt('frame', event.frame)?.slice() ?? nothing);
        return;
      case 'page.swap-in':
        this.restore(seq, this.stepsOfSwapped(event.object, event.page), event.frame, world);
        return;
      case 'call.output':
        this.outputs.set(event.call, this.step(seq, 0));
        break;
      case 'tlp.write':
        this.post(deviceOf(world, actor).id, event.local, this.taken(seq, touches));
        break;
      case 'tlp.msi':
      case 'tlp.line':
        this.post(event.device, 0, nothing);
        break;
      case 'tlp.landed':
        this.posted.get(event.device)?.shift();
        break;
      default:
    }
    if (touches.written === 0) return;
    if (event.kind === 'dma.write') {
      this.land(seq, event.local, deviceOf(world, actor).id, touches, world);
      return;
    }
    if (touches.written === touches.read) {
      this.move(seq, touches, world);
      return;
    }
    const step = this.step(seq, event.kind === 'call.copyout' ? (this.outputs.get(event.call) ?? 0) : 0);
    for (let i = 0; i < touches.count; i += 1) {
      const touched = touches.list[i]!;
      if (touched.bytes && touched.access !== 'read') this.place(touched, world).fill(step, touched.from, touched.to);
    }
  }

  /** The event takes bytes from one place to another, in pieces on either side. */
  private move(seq: number, { list, count }: Touches, world: World): void {
    let reading = -1;
    let from: Uint32Array | undefined;
    let at = 0;
    let end = 0;
    let source = -1;
    let step = 0;
    for (let i = 0; i < count; i += 1) {
      const touched = list[i]!;
      if (!touched.bytes || touched.access === 'read') continue;
      const to = this.place(touched, world);
      for (let put = touched.from; put < touched.to; put += 1) {
        while (at === end) {
          reading += 1;
          const next = list[reading]!;
          if (!next.bytes || next.access !== 'read') continue;
          from = this.stepsAt(next.resource, next.id);
          at = next.from;
          end = next.to;
        }
        const taken = from === undefined ? 0 : from[at]!;
        at += 1;
        if (taken !== source) {
          source = taken;
          step = this.step(seq, source);
        }
        to[put] = step;
      }
    }
  }

  /** A page comes back into a frame. */
  private restore(seq: number, steps: Uint32Array | undefined, frame: number, world: World): void {
    const place = new Uint32Array(sizeOf(world, 'frame', frame));
    let source = -1;
    let step = 0;
    for (let at = 0; at < place.length; at += 1) {
      const before = steps?.[at] ?? 0;
      if (before !== source) {
        source = before;
        step = this.step(seq, source);
      }
      place[at] = step;
    }
    this.frames.set(frame, place);
  }

  private post(device: number, local: number, steps: Uint32Array): void {
    const queue = this.posted.get(device);
    if (queue === undefined) this.posted.set(device, [{ local, steps }]);
    else queue.push({ local, steps });
  }

  /** The steps of the bytes that an event reads, each with one for the event before it. */
  private taken(seq: number, { list, count, read }: Touches): Uint32Array {
    const steps = new Uint32Array(read);
    let done = 0;
    for (let i = 0; i < count; i += 1) {
      const { bytes, access, resource, id, from, to } = list[i]!;
      if (!bytes || access !== 'read') continue;
      const place = this.stepsAt(resource, id);
      let source = -1;
      let step = 0;
      for (let at = from; at < to; at += 1) {
        const before = place?.[at] ?? 0;
        if (before !== source) {
          source = before;
          step = this.step(seq, source);
        }
        steps[done] = step;
        done += 1;
      }
    }
    return steps;
  }

  /** A beat of the oldest posted payload lands. */
  private land(seq: number, local: number, device: number, { list, count }: Touches, world: World): void {
    const packet = this.posted.get(device)?.[0];
    for (let i = 0; i < count; i += 1) {
      const touched = list[i]!;
      if (!touched.bytes || touched.access === 'read') continue;
      const steps = this.place(touched, world);
      let source = -1;
      let step = 0;
      for (let at = touched.from; at < touched.to; at += 1) {
        const before = packet?.steps[local - packet.local + at - touched.from] ?? 0;
        if (before !== source) {
          source = before;
          step = this.step(seq, source);
        }
        steps[at] = step;
      }
    }
  }

  private place({ resource, id }: Touched, world: World): Uint32Array {
    const places = resource === 'frame' ? this.frames : this.devices;
    let steps = places.get(id);
    if (steps === undefined) {
      steps = new Uint32Array(sizeOf(world, resource, id));
      places.set(id, steps);
    }
    return steps;
  }

  private step(seq: number, source: number): number {
    this.seqs.push(seq);
    this.sources.push(source);
    return this.seqs.length - 1;
  }
}
