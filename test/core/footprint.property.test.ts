/** Footprints tell the truth: what an event changes, its footprint has touched for writing (design idea 6). */
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kindNames, type AnyEvent, type World } from '../../index.ts';
import type { Touch } from '../../core/catalogue.ts';
import { kindOf } from '../../core/events.ts';
import { plans } from '../support/plan.ts';
import { setupOf } from '../support/planned.ts';
import { scenarioOf } from '../support/run.ts';
import { begin } from '../support/stepping.ts';

/** Byte ranges by frame or device. */
type Ranges = Map<number, [from: number, to: number][]>;

/** Holds the bytes of frames and devices against what the last event's footprint has touched. */
class Watch {
  private readonly frames = new Map<number, Uint8Array>();
  private readonly devices = new Map<number, Uint8Array>();
  private touched: { frame: Ranges; device: Ranges } = { frame: new Map(), device: new Map() };
  private last = 'nothing';
  readonly wrong: string[] = [];
  /** Events of each kind that changed bytes. */
  readonly changing = new Map<string, number>();

  /** Called before each event, and once at the end. */
  see(world: World, event: AnyEvent | undefined, actor: number): void {
    const now = new Map([...world.frames.values()].map(({ number, bytes }) => [number, bytes]));
    const changed = this.compare(now, this.frames, this.touched.frame, 'frame');
    const local = new Map([...world.devices.values()].map(({ id, memory }) => [id, memory]));
    const moved = this.compare(local, this.devices, this.touched.device, 'device');
    if (changed || moved) this.changing.set(this.last, (this.changing.get(this.last) ?? 0) + 1);
    if (event === undefined) return;
    this.last = event.kind;
    this.touched = { frame: new Map(), device: new Map() };
    const touch: Touch = (resource, id, access, from = 0, to = Infinity) => {
      if (access === 'read' || (resource !== 'frame' && resource !== 'device')) return;
      const ranges = this.touched[resource].get(id);
      if (ranges === undefined) this.touched[resource].set(id, [[from, to]]);
      else ranges.push([from, to]);
    };
    kindOf(event.kind).footprint(event, touch, world, actor);
  }

  private compare(
    now: Map<number, Uint8Array>,
    before: Map<number, Uint8Array>,
    touched: Ranges,
    what: string,
  ): boolean {
    let changed = false;
    for (const id of new Set([...now.keys(), ...before.keys()])) {
      const [old, fresh] = [before.get(id), now.get(id)];
      if (old !== undefined && fresh !== undefined && Buffer.compare(old, fresh) === 0) continue;
      changed = true;
      const ranges = touched.get(id) ?? [];
      const length = (fresh ?? old)!.length;
      for (let at = 0; at < length; at += 1) {
        if (old?.[at] === fresh?.[at] || ranges.some(([from, to]) => from <= at && at < to)) continue;
        this.wrong.push(`${this.last} changed ${what} ${id} at ${at}`);
        break;
      }
      if (fresh === undefined) before.delete(id);
      else before.set(id, fresh.slice());
    }
    return changed;
  }
}

test('every byte of memory that an event changes lies in its footprint', () => {
  const changing = new Map<string, number>();
  fc.assert(
    fc.property(plans, fc.nat(), fc.constantFrom('random', 'timed', 'round-robin'), (plan, seed, strategy) => {
      const watch = new Watch();
      const run = begin(scenarioOf(setupOf(plan)), seed, strategy, {
        event: (event, _kind, actor, _tick, world) => watch.see(world, event, actor),
        decision: () => {},
      });
      while (run.advance(1_000));
      watch.see(run.world, undefined, 0);
      expect(watch.wrong).toEqual([]);
      for (const [kind, count] of watch.changing) changing.set(kind, (changing.get(kind) ?? 0) + count);
    }),
    { seed: 3, numRuns: 60 },
  );
  // All kinds that can change bytes have done so.
  expect([...changing.keys()].toSorted()).toEqual([
    'call.copyout',
    'command.copy',
    'command.sync',
    'device.create',
    'dma.read',
    'dma.write',
    'memory.atomic',
    'memory.copy',
    'memory.fill',
    'memory.store',
    'page.copy',
    'page.drop',
    'page.swap-in',
    'page.swap-out',
    'page.take',
    'page.zero',
    'vm.terminate',
  ]);
  for (const kind of changing.keys()) expect(kindNames).toContain(kind);
});

/** Objects that an event must touch before it may change them, and where they are in the world. */
const objects = {
  mutex: 'mutexes',
  connection: 'connections',
  call: 'calls',
  queue: 'queues',
  port: 'ports',
  action: 'actions',
  descriptor: 'descriptors',
  command: 'commands',
  source: 'sources',
  service: 'services',
  task: 'tasks',
  object: 'objects',
} as const satisfies Partial<Record<Parameters<Touch>[0], keyof World>>;

type Snapshot = ReadonlyMap<string, string>;

/** Every object as text, by resource and number. */
function snapshot(world: World): Snapshot {
  const all = new Map<string, string>();
  for (const [resource, place] of Object.entries(objects)) {
    for (const [id, object] of world[place])
      all.set(`${resource} #${id}`, inspect(object, { depth: 5, maxArrayLength: null }));
  }
  return all;
}

test('every object that an event changes is touched for writing', () => {
  fc.assert(
    fc.property(plans, fc.nat(), fc.constantFrom('random', 'timed', 'round-robin'), (plan, seed, strategy) => {
      const wrong: string[] = [];
      let last = 'nothing';
      let before: Snapshot = new Map();
      let touched = new Set<string>();
      const see = (world: World): void => {
        const now = snapshot(world);
        for (const name of new Set([...now.keys(), ...before.keys()])) {
          if (now.get(name) !== before.get(name) && !touched.has(name)) wrong.push(`${last} changed ${name}`);
        }
        before = now;
      };
      const run = begin(scenarioOf(setupOf(plan)), seed, strategy, {
        event(event, _kind, actor, _tick, world) {
          see(world);
          last = event.kind;
          touched = new Set();
          const touch: Touch = (resource, id, access) => access === 'read' || touched.add(`${resource} #${id}`);
          kindOf(event.kind).footprint(event, touch, world, actor);
        },
        decision() {},
      });
      while (run.advance(1_000));
      see(run.world);
      expect(wrong).toEqual([]);
    }),
    { seed: 4, numRuns: 20 },
  );
});
