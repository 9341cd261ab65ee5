/** What somebody asks about in a session, written as `WHERE:WHICH`: bytes of a process or a device, a page, an object. */
import type { Resource } from '../../core/catalogue.ts';
import { InputError } from '../../core/errors.ts';
import { eachPiece } from '../../core/memory/translate.ts';
import { hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';

/** Bytes that a process sees at an address. */
interface TaskBytes {
  readonly kind: 'task';
  readonly name: string;
  readonly address: number;
  readonly length: number;
}

/** Bytes of a physical page frame. */
interface FrameBytes {
  readonly kind: 'frame';
  readonly frame: number;
  readonly offset: number;
  readonly length: number;
}

/** Bytes of a device's own memory. */
interface DeviceBytes {
  readonly kind: 'device';
  readonly name: string;
  readonly local: number;
  readonly length: number;
}

/** A page of a VM object. */
interface ObjectPage {
  readonly kind: 'page';
  readonly object: number;
  readonly page: number;
}

/** A kernel object of some kind. */
interface KernelObject {
  readonly kind: 'object';
  readonly resource: Resource;
  readonly id: number;
}

export type Target = TaskBytes | FrameBytes | DeviceBytes | ObjectPage | KernelObject;

/** Kinds of objects that a target can be. */
const resources = [
  'descriptor',
  'command',
  'action',
  'connection',
  'call',
  'queue',
  'port',
  'source',
  'mutex',
  'object',
  'service',
  'register',
] as const satisfies readonly Resource[];

const targetForms = 'app:0x104000000+64, device:0x1000+64, frame:2097152+0x40+64, page:#7/0, descriptor:#9';

const number = (text: string): number => Number(text);
const numeral = '(0x[\\da-f]+|\\d+)';
const forms = {
  page: /^page:#(\d+)\/(\d+)$/,
  object: /^([a-z]+):#(\d+)$/,
  frame: new RegExp(`^frame:(\\d+)(?:\\+${numeral}\\+${numeral})?$`, 'i'),
  bytes: new RegExp(`^([\\w-]+):${numeral}(?:\\+${numeral})?$`, 'i'),
} as const;

/** Reads a target. @throws {InputError} when the text is none */
export function parseTarget(text: string): Target {
  const page = forms.page.exec(text);
  if (page !== null) return { kind: 'page', object: number(page[1]!), page: number(page[2]!) };
  const object = forms.object.exec(text);
  const resource = resources.find((name) => name === object?.[1]);
  if (object !== null && resource !== undefined) return { kind: 'object', resource, id: number(object[2]!) };
  const frame = forms.frame.exec(text);
  if (frame !== null) {
    const [offset, length] = frame[2] === undefined ? [0, 2 ** 30] : [number(frame[2]), number(frame[3]!)];
    return { kind: 'frame', frame: number(frame[1]!), offset, length };
  }
  const bytes = forms.bytes.exec(text);
  if (bytes === null) throw new InputError(`"${text}" is no target; write one like ${targetForms}`);
  const [name, at, length] = [bytes[1]!, number(bytes[2]!), bytes[3] === undefined ? 1 : number(bytes[3])];
  return name === 'device' || name.startsWith('device-')
    ? { kind: 'device', name: name.slice('device-'.length), local: at, length }
    : { kind: 'task', name, address: at, length };
}

/** A stretch of bytes as the world has it. */
export interface Stretch {
  readonly resource: 'frame' | 'device';
  readonly id: number;
  /** Byte bounds, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** What the target calls the first of them: an address or an offset. */
  readonly address: number;
}

/** The bytes of a target as they lie in this world; none for what is not there now. */
export function stretchesOf(world: World, target: Target): Stretch[] {
  const { pageSize } = world.machine;
  switch (target.kind) {
    case 'task': {
      const task = taskNamed(world, target.name);
      const found: Stretch[] = [];
      if (task === undefined) return found;
      eachPiece(world, task, target.address, target.length, (frame, offset, length, done) => {
        found.push({ resource: 'frame', id: frame, from: offset, to: offset + length, address: target.address + done });
      });
      return found;
    }
    case 'frame': {
      const to = Math.min(target.offset + target.length, pageSize);
      return [{ resource: 'frame', id: target.frame, from: target.offset, to, address: target.offset }];
    }
    case 'device': {
      const device = [...world.devices.values()].find(({ name }) => target.name === '' || name === target.name);
      if (device === undefined) return [];
      const to = target.local + target.length;
      return [{ resource: 'device', id: device.id, from: target.local, to, address: target.local }];
    }
    case 'page': {
      const frame = world.objects.get(target.object)?.pages.get(target.page);
      return frame === undefined ? [] : [{ resource: 'frame', id: frame, from: 0, to: pageSize, address: 0 }];
    }
    case 'object':
      return [];
  }
}

/** The number of a process by its name. */
export function taskNamed(world: World, name: string): number | undefined {
  for (const task of world.tasks.values()) if (task.name === name) return task.id;
  return undefined;
}

/** A target in words. */
export function targetName(target: Target): string {
  switch (target.kind) {
    case 'task':
      return `${target.name} ${hex(target.address)} (+${target.length})`;
    case 'frame':
      return `frame ${target.frame}`;
    case 'device':
      return `device ${hex(target.local)} (+${target.length})`;
    case 'page':
      return `page ${target.page} of object #${target.object}`;
    case 'object':
      return `${target.resource} #${target.id}`;
  }
}
