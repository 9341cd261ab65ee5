/** Mappings that are used again (facts §2.3; xnu IOMemoryDescriptor.cpp makeMapping, 5615 copyCompatible). */
import type { Step } from '../operation.ts';
import type { World } from '../world.ts';
import type { Descriptor, MapOptions, Mapping } from './state.ts';

/** What of a descriptor is mapped, and how. */
export interface MapRequest extends MapOptions {
  readonly offset: number;
  /** 0 for the full length. */
  readonly length: number;
  /** Exactly where; absent for anywhere. */
  readonly address?: number | undefined;
}

/** What who asked for a mapping gets. */
export interface Mapped {
  readonly mapping: number;
  readonly address: number;
  readonly length: number;
}

/** What the kernel itself asks for: only `CreateMapping` of a dext has guards and a cache mode. */
export const plain = { guard: 0, cacheMode: 0 } as const;

/** Follows Sub descriptors to what they stand on: mappings and their bounds are those of that (facts §5.1, SUB:191-215). */
export function underneath(
  world: World,
  descriptor: Descriptor,
  offset: number,
): { readonly root: Descriptor; readonly from: number } {
  if (descriptor.type !== 'sub') return { root: descriptor, from: offset };
  return underneath(world, world.descriptors.get(descriptor.children[0]!)!, descriptor.start + offset);
}

/** The oldest mapping of the same memory in the task that shows what is asked for, in the same way, and how far into it. */
export function fittingMapping(
  step: Step,
  descriptor: number,
  task: number,
  request: MapRequest,
): { readonly mapping: Mapping; readonly into: number } | undefined {
  const { world } = step;
  const { root, from } = underneath(world, world.descriptors.get(descriptor)!, request.offset);
  for (const mapping of world.mappings.values()) {
    if (mapping.task !== task || !sameOptions(mapping, request)) continue;
    const own = underneath(world, world.descriptors.get(mapping.descriptor)!, mapping.offset);
    const into = from - own.from;
    if (own.root.id !== root.id || into < 0 || into + request.length > mapping.length) continue;
    step.look('object', mapping.id);
    // One that has lost its last reference is about to go.
    if (world.references.get(mapping.id)! > 0) return { mapping, into };
  }
  return undefined;
}

function sameOptions(mapping: Mapping, { readOnly, guard, cacheMode, address }: MapRequest): boolean {
  return (
    mapping.readOnly === readOnly &&
    mapping.guard === guard &&
    (cacheMode === 0 || mapping.cacheMode === cacheMode) &&
    (address === undefined || mapping.address === address)
  );
}

/** Gives out a mapping that fits, or a part of it; nothing when there is none. */
export function shareMapping(step: Step, descriptor: number, task: number, request: MapRequest): Mapped | undefined {
  const found = fittingMapping(step, descriptor, task, request);
  if (found === undefined) return undefined;
  const { mapping: fitting, into } = found;
  const address = fitting.address + into;
  step.emit({ kind: 'object.retain', object: fitting.id });
  if (request.length !== fitting.length) return makeMapping(step, descriptor, task, address, request, fitting.id);
  step.emit({ kind: 'mapping.again', mapping: fitting.id, descriptor });
  return { mapping: fitting.id, address, length: request.length };
}

/** Makes the object of a mapping, which keeps its descriptor. */
export function makeMapping(
  step: Step,
  descriptor: number,
  task: number,
  address: number,
  { offset, length, readOnly, guard, cacheMode }: MapRequest,
  within: number,
): Mapped {
  const mapping = step.world.nextId;
  step.emit({ kind: 'mapping.create', mapping, descriptor, task, address, length });
  step.emit({ kind: 'mapping.options', mapping, offset, readOnly, guard, cacheMode, within });
  step.emit({ kind: 'object.retain', object: descriptor });
  return { mapping, address, length };
}
