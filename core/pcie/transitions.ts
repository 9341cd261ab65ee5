import type { Transitions } from '../catalogue.ts';
import { bytesOf } from '../memory/atomics.ts';
import { copyBytes, ownBytes, writableBytes } from '../memory/frames.ts';
import {
  frameAt,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand as command,
} from './bus.ts';
import { deviceOf, freeTag } from './flow.ts';
import { beatStatuses, type BeatStatus, type pcieKinds } from './kinds.ts';
import type { DispatchSource } from '../iokit/state.ts';
import type { World } from '../world.ts';
import type { Device, WritePacket } from './state.ts';

/** What `device.create` carries as JSON. */
export interface Layout {
  readonly name: string;
  readonly bars: readonly number[];
  readonly vendorID: number;
  readonly deviceID: number;
}

/** What read requests under way bring nobody takes any more. */
function dropRequests({ tags }: Device): void {
  for (const { read } of tags) if (read !== null) read.fails = 'completion-timeout';
}

function worse(a: BeatStatus = 'ok', b: BeatStatus): BeatStatus {
  return beatStatuses.indexOf(a) < beatStatuses.indexOf(b) ? b : a;
}

function addSource(world: World, id: number, queue: number, device: number, vector: number): void {
  world.sources.set(id, {
    id,
    device,
    vector,
    queue,
    action: 0,
    timer: 0,
    enabled: false,
    cancelled: false,
    count: 0,
    time: 0,
    masked: false,
    queued: false,
  });
  world.references.set(id, 1);
  world.nextId = id + 1;
}

/** A source takes notice of its line, unless that is masked. */
function sense(world: World, source: DispatchSource): void {
  const asserted = world.devices.get(source.device)?.lines.includes(source.vector);
  if (asserted !== true || source.masked || source.cancelled) return;
  source.count += 1;
  source.time = world.time;
  source.masked = true;
}

export const pcieTransitions: Transitions<typeof pcieKinds> = {
  'device.create': (world, e) => {
    const { name, bars, vendorID, deviceID } = JSON.parse(e.layout) as Layout;
    const config = new Uint8Array(256);
    config.set([...bytesOf(BigInt(vendorID), 2), ...bytesOf(BigInt(deviceID), 2)]);
    world.devices.set(e.device, {
      id: e.device,
      name,
      present: true,
      config,
      bars: bars.map((size) => ({ bytes: new Uint8Array(size) })),
      memory: new Uint8Array(e.memory),
      openedBy: 0,
      vectors: 0,
      lines: [],
      writes: [],
      fifos: [],
      postedCount: 0,
      posted: [],
      tags: [],
      failures: new Map(),
    });
    world.nextId = e.device + 1;
  },
  'device.unplug': (world, e) => {
    const device = world.devices.get(e.device)!;
    device.present = false;
    device.writes.length = 0;
    device.lines = [];
    dropRequests(device);
  },
  'pci.open': (world, e) => {
    world.devices.get(e.device)!.openedBy = e.service;
  },
  'pci.close': (world, e) => {
    const device = world.devices.get(e.device)!;
    device.openedBy = 0;
    ownBytes(device, 'config')[command]! &= ~(kIOPCICommandBusLead | kIOPCICommandMemorySpace);
  },
  'pci.interrupts': (world, e) => {
    world.devices.get(e.device)!.vectors = e.vectors;
  },
  'pci.quiesce': (world, e) => {
    ownBytes(world.devices.get(e.device)!, 'config')[command]! &= ~(kIOPCICommandBusLead | kIOPCICommandMemorySpace);
  },
  'pci.settled': () => {},
  'device.reset': (world, e) => {
    const device = world.devices.get(e.device)!;
    const ids = device.config.slice(0, 4);
    device.config = new Uint8Array(device.config.length);
    device.config.set(ids);
    for (const bar of device.bars) bar.bytes = new Uint8Array(bar.bytes.length);
    device.writes.length = 0;
    device.lines = [];
    device.fifos.fill(0);
    dropRequests(device);
    device.failures.clear();
  },
  'config.read': () => {},
  'config.write': (world, e) => {
    ownBytes(world.devices.get(e.device)!, 'config').set(bytesOf(BigInt(e.value), e.width), e.offset);
  },
  'mmio.read': () => {},
  'mmio.write': (world, e) => {
    const device = world.devices.get(e.device)!;
    if (e.stored) ownBytes(device.bars[e.bar]!, 'bytes').set(bytesOf(e.value, e.width), e.offset);
    device.writes.push({ bar: e.bar, offset: e.offset, width: e.width, value: e.value });
  },
  'device.take': (world, e) => {
    world.devices.get(e.device)!.writes.shift();
  },
  'device.register': (world, e) => {
    ownBytes(world.devices.get(e.device)!.bars[e.bar]!, 'bytes').set(bytesOf(e.value, e.width), e.offset);
  },
  'device.store': (world, e) => {
    ownBytes(world.devices.get(e.device)!, 'memory').set(e.bytes, e.local);
  },
  'device.fill': (world, e) => {
    ownBytes(world.devices.get(e.device)!, 'memory').fill(e.value, e.local, e.local + e.length);
  },
  'fifo.push': (world, e) => {
    const { fifos } = world.devices.get(e.device)!;
    while (fifos.length <= e.fifo) fifos.push(0);
    fifos[e.fifo]! += 1;
  },
  'fifo.pop': (world, e) => {
    world.devices.get(e.device)!.fifos[e.fifo]! -= 1;
  },
  'dma.read': (world, e, actor) => {
    if (e.status !== 'ok') return;
    const offset = e.address % world.machine.pageSize;
    const { bytes } = world.frames.get(frameAt(world, e.address)!)!;
    const device = deviceOf(world, actor);
    copyBytes(bytes, offset, ownBytes(device, 'memory'), e.local, e.length);
  },
  'dma.write': (world, e, actor) => {
    if (e.status !== 'ok') return;
    const packet = deviceOf(world, actor).posted[0] as WritePacket;
    const frame = world.frames.get(frameAt(world, e.address)!)!;
    copyBytes(packet.bytes, e.local - packet.local, writableBytes(frame), e.address % world.machine.pageSize, e.length);
  },
  'tlp.tag': (world, e) => {
    world.devices.get(e.device)!.tags.push({ completer: e.completer, read: null });
  },
  'tlp.write': (world, e, actor) => {
    const device = deviceOf(world, actor);
    const { request, segment, address, local } = e;
    const bytes = device.memory.slice(local, local + e.length);
    device.postedCount += 1;
    device.posted.push({ kind: 'write', engine: actor, request, segment, address, local, bytes });
  },
  'tlp.msi': (world, e) => {
    const device = world.devices.get(e.device)!;
    device.postedCount += 1;
    device.posted.push({ kind: 'msi', vector: e.vector });
  },
  'tlp.landed': (world, e) => {
    world.devices.get(e.device)!.posted.shift();
  },
  'tlp.return': () => {},
  'tlp.read': (world, e, actor) => {
    const device = deviceOf(world, actor);
    const { request, segment, address, length, local } = e;
    const behind = device.postedCount;
    device.tags[freeTag(device)]!.read = {
      engine: actor,
      request,
      segment,
      address,
      length,
      local,
      behind,
      fails: 'ok',
    };
  },
  'tlp.complete': (world, e) => {
    const { tags, failures } = world.devices.get(e.device)!;
    const tag = tags[e.tag]!;
    // An engine that has ended asks no more.
    if (e.status !== 'ok' && world.actors.get(tag.read!.engine)!.alive)
      failures.set(tag.read!.engine, worse(failures.get(tag.read!.engine), e.status));
    tag.read = null;
  },
  'tlp.fail': (world, e) => {
    world.devices.get(e.device)!.tags[e.tag]!.read!.fails = e.status;
  },
  'tlp.finish': (world, e, actor) => {
    world.devices.get(e.device)!.failures.delete(actor);
  },
  'tlp.line': (world, e) => {
    const device = world.devices.get(e.device)!;
    device.postedCount += 1;
    device.posted.push({ kind: 'line', vector: e.vector, asserted: e.asserted });
  },
  line: (world, e) => {
    const device = world.devices.get(e.device)!;
    device.lines = device.lines.filter((vector) => vector !== e.vector);
    if (!e.asserted) return;
    device.lines.push(e.vector);
    for (const source of world.sources.values()) if (source.device === e.device) sense(world, source);
  },
  msi: (world, e) => {
    if (e.status !== 'ok') return;
    for (const source of world.sources.values()) {
      if (source.device !== e.device || source.vector !== e.vector || source.cancelled) continue;
      source.count += 1;
      source.time = world.time;
    }
  },
  'source.create': (world, e) => {
    addSource(world, e.source, e.queue, e.device, e.vector);
    sense(world, world.sources.get(e.source)!);
  },
  'source.rearm': (world, e) => {
    const source = world.sources.get(e.source)!;
    source.masked = false;
    sense(world, source);
  },
  'timer.create': (world, e) => addSource(world, e.source, e.queue, 0, 0),
  'timer.set': (world, e) => {
    world.sources.get(e.source)!.timer = e.timer;
  },
  'timer.fire': (world, e) => {
    const source = world.sources.get(e.source)!;
    source.timer = 0;
    source.count = 1;
    source.time = world.time;
  },
  'source.handler': (world, e) => {
    world.sources.get(e.source)!.action = e.action;
  },
  'source.enable': (world, e) => {
    world.sources.get(e.source)!.enabled = e.enabled;
  },
  'source.cancel': (world, e) => {
    const source = world.sources.get(e.source)!;
    source.cancelled = true;
    source.enabled = false;
    source.timer = 0;
  },
  'source.queue': (world, e) => {
    world.sources.get(e.source)!.queued = true;
  },
  'source.deliver': (world, e) => {
    const source = world.sources.get(e.source)!;
    source.count = 0;
    source.queued = false;
  },
};
