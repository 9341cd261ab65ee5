import { kind, type Payload, type Touch } from '../catalogue.ts';
import type { World } from '../world.ts';
import { frameAt } from './bus.ts';
import { deviceOf, freeTag, landed, tagOf } from './flow.ts';
import type { Device } from './state.ts';

/** What became of a beat (facts §4.6, §7.3). */
export const beatStatuses = [
  'ok',
  'bus-lead-off',
  'iommu-fault',
  'no-memory',
  'completer-abort',
  'completion-timeout',
] as const;
export type BeatStatus = (typeof beatStatuses)[number];

const packet = { request: 'id', segment: 'index', address: 'address', length: 'bytes', local: 'bytes' } as const;
const beat = { ...packet, status: beatStatuses } as const;

type Beat = Payload<typeof beat>;

/** What a beat touches in memory; evaluates to whether it was sent at all. */
function touchMemory(e: Beat, access: 'read' | 'write', touch: Touch, world: World, actor: number): boolean {
  if (e.status === 'bus-lead-off') {
    touch('config', world.actors.get(actor)!.device, 'read');
    return false;
  }
  touch('iommu', 0, 'read', e.address - (e.address % world.machine.pageSize), e.address + 1);
  const offset = e.address % world.machine.pageSize;
  if (e.status === 'ok') touch('frame', frameAt(world, e.address)!, access, offset, offset + e.length);
  return true;
}

/** What posting a packet touches: it takes the next number, and needs the credit of the one that long before it. */
function touchPost(device: Device, touch: Touch, world: World): void {
  const number = device.postedCount + 1;
  touch('config', device.id, 'read');
  touch('posted', device.id, 'sync');
  touch('packet', number, 'sync');
  if (number > world.machine.credits) touch('packet', number - world.machine.credits, 'read');
}

/** What a completion for the CPU touches: it goes behind the packets posted until now. */
function touchReturn({ id, postedCount }: Device, touch: Touch): void {
  touch('posted', id, 'read');
  touch('packet', postedCount, 'read');
}

const configAccess = { device: 'id', offset: 'bytes', width: 'bytes' } as const;
const registerAccess = { device: 'id', bar: 'index', offset: 'bytes', width: 'bytes' } as const;

/** Configuration space, registers, DMA beats, interrupts, and what goes on inside a device. */
export const pcieKinds = {
  'device.create': kind({
    doc: 'A device is in its slot: how large its local memory and its BARs are.',
    source: 'PCIe base spec 7.5',
    fields: { device: 'id', memory: 'bytes', layout: 'text' },
    text: 'device #{device} with {memory} bytes of memory, {layout}',
    footprint: (e, touch) => touch('device', e.device, 'write'),
  }),
  'device.unplug': kind({
    doc: 'Surprise removal: reads give all ones, writes go nowhere, read requests under way time out.',
    source: 'PCIe base spec 2.8, 6.7.3; facts §7.1',
    fields: { device: 'id' },
    text: 'device #{device} is unplugged',
    footprint: (e, touch, world) => {
      touch('config', e.device, 'sync');
      touch('register', e.device, 'sync');
      for (const { completer } of world.devices.get(e.device)!.tags) touch('tag', completer, 'sync');
    },
  }),
  'pci.open': kind({
    doc: 'IOPCIDevice::Open: a service gets the session.',
    source: 'facts §7.1',
    fields: { device: 'id', service: 'id' },
    text: 'service #{service} opens device #{device}',
    footprint: (e, touch) => touch('config', e.device, 'sync'),
  }),
  'pci.close': kind({
    doc: 'IOPCIDevice::Close, or a forced close: bus lead and memory space go off.',
    source: 'facts §7.1, §7.3',
    fields: { device: 'id', service: 'id' },
    text: 'service #{service} closes device #{device}',
    footprint: (e, touch) => touch('config', e.device, 'sync'),
  }),
  'pci.interrupts': kind({
    doc: 'ConfigureInterrupts: how many interrupt vectors the device has from now on.',
    source: 'facts §7.1; IOPCIDevice.cpp 1880-1955',
    fields: { device: 'id', vectors: 'count' },
    text: 'device #{device} has {vectors} interrupt vectors',
    footprint: (e, touch) => touch('register', e.device, 'sync'),
  }),
  'pci.quiesce': kind({
    doc: 'ClientCrashed: the driver has died with the session open; bus lead and memory space go off.',
    source: 'facts §7.3; IOPCIBridge.cpp 7006',
    fields: { device: 'id' },
    text: 'device #{device} is quiesced: its driver has crashed',
    footprint: (e, touch) => touch('config', e.device, 'sync'),
  }),
  'pci.settled': kind({
    doc: 'The kernel sees no transaction of the device pending any more.',
    source: 'facts §7.3',
    fields: { device: 'id' },
    text: 'device #{device} has no transaction pending',
    footprint: (e, touch, world) => {
      const { postedCount, tags } = world.devices.get(e.device)!;
      touch('register', e.device, 'sync');
      touch('packet', postedCount, 'sync');
      for (const { completer } of tags) touch('tag', completer, 'sync');
    },
  }),
  'device.reset': kind({
    doc: 'The device is reset: registers as after power-up, nothing in hand. Local memory keeps its bytes.',
    source: 'facts §7.3; PCIe base spec 6.6.2',
    fields: { device: 'id' },
    text: 'device #{device} is reset',
    footprint: (e, touch, world) => {
      const { fifos, tags } = world.devices.get(e.device)!;
      touch('config', e.device, 'sync');
      touch('register', e.device, 'sync');
      fifos.forEach((_, fifo) => touch('fifo', fifo, 'sync'));
      for (const { completer } of tags) touch('tag', completer, 'sync');
    },
  }),
  'config.read': kind({
    doc: 'A read of configuration space.',
    source: 'facts §7.1',
    fields: configAccess,
    text: 'read {width} bytes of configuration space of device #{device} at {offset}',
    footprint: (e, touch, world) => {
      touch('config', e.device, 'read');
      touchReturn(world.devices.get(e.device)!, touch);
    },
  }),
  'config.write': kind({
    doc: 'A write to configuration space.',
    source: 'facts §7.1',
    fields: { ...configAccess, value: 'hex' },
    text: 'write {value} to configuration space of device #{device} at {offset}',
    footprint: (e, touch) => touch('config', e.device, 'sync'),
  }),
  'mmio.read': kind({
    doc: 'A register read. It comes back behind every write before it.',
    source: 'facts §7.1, §9 (last line)',
    fields: registerAccess,
    text: 'read {width} bytes of BAR {bar} of device #{device} at {offset}',
    footprint: (e, touch, world) => {
      touch('config', e.device, 'read');
      touch('register', e.device, 'sync');
      touchReturn(world.devices.get(e.device)!, touch);
    },
    order: (e, order) => order.acquire(`register ${e.device}`),
  }),
  'mmio.write': kind({
    doc: 'A register write: it wakes the device. Stored: the register holds the value now; else the device changes what it does.',
    source: 'facts §7.1, §9 (last line)',
    fields: { ...registerAccess, stored: 'flag', value: 'u64' },
    text: 'write {value} to BAR {bar} of device #{device} at {offset}',
    footprint: (e, touch) => {
      touch('config', e.device, 'read');
      touch('register', e.device, 'sync');
    },
    order: (e, order) => order.send(`doorbell ${e.device}`),
  }),
  'device.take': kind({
    doc: 'The device looks at the oldest register write it has not seen.',
    source: 'design §5',
    fields: { device: 'id' },
    text: 'device #{device} takes a register write',
    footprint: (e, touch) => touch('register', e.device, 'sync'),
    order: (e, order) => order.receive(`doorbell ${e.device}`),
  }),
  'device.register': kind({
    doc: 'The device changes a register of its own.',
    source: 'design §5',
    fields: { ...registerAccess, value: 'u64' },
    text: 'device #{device} sets BAR {bar} at {offset} to {value}',
    footprint: (e, touch) => touch('register', e.device, 'sync'),
    order: (e, order, world, actor) => {
      // Only what an engine says tells of what it has done; a register can change as part of a write by the driver.
      if (world.actors.get(actor)?.device === e.device) order.release(`register ${e.device}`);
    },
  }),
  'device.store': kind({
    doc: 'The device makes data: bytes appear in its local memory.',
    source: 'design idea 5',
    fields: { device: 'id', local: 'bytes', bytes: 'data' },
    text: 'device #{device} makes {bytes} at {local}',
    footprint: (e, touch) => touch('device', e.device, 'write', e.local, e.local + e.bytes.length),
  }),
  'device.fill': kind({
    doc: 'The device makes data: one repeated byte.',
    source: 'design idea 5',
    fields: { device: 'id', local: 'bytes', length: 'bytes', value: 'hex' },
    text: 'device #{device} makes {length} bytes of {value} at {local}',
    footprint: (e, touch) => touch('device', e.device, 'write', e.local, e.local + e.length),
  }),
  'fifo.push': kind({
    doc: 'Something enters a queue inside the device.',
    source: 'design §5',
    fields: { device: 'id', fifo: 'index' },
    text: 'device #{device} pushes to its fifo {fifo}',
    footprint: (e, touch) => touch('fifo', e.fifo, 'sync'),
    order: (e, order) => order.send(`fifo ${e.device}.${e.fifo}`),
  }),
  'fifo.pop': kind({
    doc: 'Something leaves a queue inside the device.',
    source: 'design §5',
    fields: { device: 'id', fifo: 'index' },
    text: 'device #{device} pops from its fifo {fifo}',
    footprint: (e, touch) => touch('fifo', e.fifo, 'sync'),
    order: (e, order) => order.receive(`fifo ${e.device}.${e.fifo}`),
  }),
  'dma.read': kind({
    doc: 'A DMA beat from memory into the device, of a read request. The bytes follow from the world.',
    source: 'facts §4.6, §7.3; PCIe base spec 2.3.1.1',
    quiet: true,
    fields: beat,
    text: 'DMA read of {length} bytes at {address} to {local}, request {request} segment {segment}: {status}',
    footprint: (e, touch, world, actor) => {
      if (!touchMemory(e, 'read', touch, world, actor)) return;
      const device = deviceOf(world, actor);
      const read = device.tags[tagOf(device, actor)]!.read!;
      touch('tag', actor, 'read');
      if (e.address === read.address) touch('packet', read.behind, 'read');
      if (e.status === 'ok') touch('device', device.id, 'write', e.local, e.local + e.length);
    },
  }),
  'dma.write': kind({
    doc: 'A DMA beat from the device into memory, of a posted packet. The bytes are those of the packet.',
    source: 'facts §4.6, §7.3; PCIe base spec 2.2.7',
    quiet: true,
    fields: beat,
    text: 'DMA write of {length} bytes at {address} from {local}, request {request} segment {segment}: {status}',
    footprint: (e, touch, world, actor) => {
      if (touchMemory(e, 'write', touch, world, actor)) touch('packet', landed(deviceOf(world, actor)) + 1, 'read');
    },
  }),
  'tlp.tag': kind({
    doc: 'A device can have one more read request in flight, which the actor completes.',
    source: 'PCIe base spec 2.2.6.2',
    fields: { device: 'id', completer: 'actor' },
    text: 'actor {completer} completes read requests of device #{device}',
    footprint: (e, touch) => touch('tag', e.completer, 'sync'),
  }),
  'tlp.write': kind({
    doc: 'An engine posts a memory write: its payload is what local memory holds now.',
    source: 'PCIe base spec 2.2.7, 2.4.1',
    fields: packet,
    text: 'post a write of {length} bytes at {address} from {local}, request {request} segment {segment}',
    footprint: (e, touch, world, actor) => {
      const device = deviceOf(world, actor);
      touchPost(device, touch, world);
      touch('device', device.id, 'read', e.local, e.local + e.length);
    },
  }),
  'tlp.msi': kind({
    doc: 'An engine posts a message-signalled interrupt.',
    source: 'facts §7.3; PCIe base spec 6.1.4',
    fields: { device: 'id', vector: 'index' },
    text: 'post MSI {vector} of device #{device}',
    footprint: (e, touch, world) => touchPost(world.devices.get(e.device)!, touch, world),
    order: (e, order) => order.send(`msi ${e.device}`),
  }),
  'tlp.landed': kind({
    doc: 'The oldest posted packet has landed, or was refused: its credit comes back.',
    source: 'PCIe base spec 2.4.1, 2.6.1',
    fields: { device: 'id' },
    text: 'a packet of device #{device} has landed',
    footprint: (e, touch, world) => touch('packet', landed(world.devices.get(e.device)!) + 1, 'sync'),
  }),
  'tlp.return': kind({
    doc: 'A completion comes back to the CPU, behind what the device had posted before it.',
    source: 'PCIe base spec 2.4.1 (D2a)',
    quiet: true,
    fields: { device: 'id', behind: 'index' },
    text: 'a completion of device #{device} comes back behind its packet {behind}',
    footprint: (e, touch) => touch('packet', e.behind, 'read'),
  }),
  'tlp.read': kind({
    doc: 'An engine sends a read request, with the first free tag.',
    source: 'PCIe base spec 2.2.7, 2.2.6.2',
    fields: packet,
    text: 'request {length} bytes at {address} to {local}, request {request} segment {segment}',
    footprint: (_, touch, world, actor) => {
      const device = deviceOf(world, actor);
      const tag = freeTag(device);
      touch('config', device.id, 'read');
      touch('posted', device.id, 'read');
      device.tags.slice(0, tag).forEach(({ completer }) => touch('tag', completer, 'read'));
      touch('tag', device.tags[tag]!.completer, 'sync');
      touch('actor', actor, 'sync');
    },
  }),
  'tlp.complete': kind({
    doc: 'The last completion of a read request has come, and what became of it: its tag is free.',
    source: 'PCIe base spec 2.3.1.1, 2.3.2',
    fields: { device: 'id', tag: 'index', status: beatStatuses },
    text: 'read request with tag {tag} of device #{device} is complete: {status}',
    footprint: (e, touch, world) => {
      const { completer, read } = world.devices.get(e.device)!.tags[e.tag]!;
      touch('tag', completer, 'sync');
      touch('actor', read!.engine, 'read');
    },
  }),
  'tlp.fail': kind({
    doc: 'A read request will not be answered with data, but with this.',
    source: 'PCIe base spec 2.3.2, 2.8',
    fields: { device: 'id', tag: 'index', status: beatStatuses },
    text: 'read request with tag {tag} of device #{device} fails: {status}',
    footprint: (e, touch, world) => touch('tag', world.devices.get(e.device)!.tags[e.tag]!.completer, 'sync'),
  }),
  'tlp.finish': kind({
    doc: 'All completions of a transfer have come: the engine goes on with the worst that became of one.',
    source: 'ours',
    fields: { device: 'id', request: 'id', segment: 'index', status: beatStatuses },
    text: 'device #{device} has read request {request} segment {segment}: {status}',
    footprint: (_, touch, __, actor) => touch('actor', actor, 'sync'),
  }),
  'tlp.line': kind({
    doc: 'An engine posts a message that asserts an interrupt line, or no longer does.',
    source: 'PCIe base spec 2.2.8.1',
    fields: { device: 'id', vector: 'index', asserted: 'flag' },
    text: 'post that line {vector} of device #{device} is asserted {asserted}',
    footprint: (e, touch, world) => touchPost(world.devices.get(e.device)!, touch, world),
    order: (e, order) => order.send(`msi ${e.device}`),
  }),
  line: kind({
    doc: 'An interrupt line is asserted, which counts for the sources that do not mask it, and masks it there; or it no longer is.',
    source: 'facts §7.2 "Level type"; PCIe base spec 2.2.8.1',
    fields: { device: 'id', vector: 'index', asserted: 'flag' },
    text: 'line {vector} of device #{device} is asserted {asserted}',
    footprint: (e, touch, world) => {
      touch('packet', landed(world.devices.get(e.device)!) + 1, 'read');
      touch('register', e.device, 'sync');
      for (const source of world.sources.values()) if (source.device === e.device) touch('source', source.id, 'sync');
    },
    order: (e, order, world) => {
      order.receive(`msi ${e.device}`);
      for (const source of world.sources.values()) if (source.device === e.device) order.release(`source ${source.id}`);
    },
  }),
  msi: kind({
    doc: 'A message-signalled interrupt arrives; without bus lead it was never sent.',
    source: 'facts §7.2, §7.3; PCIe base spec 6.1.4',
    fields: { device: 'id', vector: 'index', status: ['ok', 'bus-lead-off', 'lost'] },
    text: 'MSI {vector} of device #{device}: {status}',
    footprint: (e, touch, world) => {
      const device = world.devices.get(e.device)!;
      if (e.status !== 'bus-lead-off') touch('packet', landed(device) + 1, 'read');
      else touch('config', device.id, 'read');
      for (const source of world.sources.values()) if (source.device === e.device) touch('source', source.id, 'sync');
    },
    order: (e, order, world) => {
      if (e.status === 'bus-lead-off') return;
      order.receive(`msi ${e.device}`);
      if (e.status === 'lost') return;
      // A posted write behind the data: what the engine wrote is there when the handler runs.
      for (const source of world.sources.values()) if (source.device === e.device) order.release(`source ${source.id}`);
    },
  }),
  'source.create': kind({
    doc: 'An interrupt dispatch source is made.',
    source: 'facts §7.2',
    fields: { source: 'id', device: 'id', vector: 'index', queue: 'id' },
    text: 'source #{source} for vector {vector} of device #{device} on queue #{queue}',
    footprint: (e, touch) => {
      touch('source', e.source, 'sync');
      touch('register', e.device, 'read');
    },
  }),
  'timer.create': kind({
    doc: 'A timer dispatch source is made.',
    source: 'IOTimerDispatchSource.iig',
    fields: { source: 'id', queue: 'id' },
    text: 'timer #{source} on queue #{queue}',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'timer.set': kind({
    doc: 'WakeAtTime: a timer is set, instead of what it was set to.',
    source: 'IOTimerDispatchSource.iig WakeAtTime',
    fields: { source: 'id', timer: 'actor', deadline: 'ticks' },
    text: 'timer #{source} is set to {deadline}',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
    order: (e, order) => order.release(`source ${e.source}`),
  }),
  'timer.fire': kind({
    doc: 'A timer goes off.',
    source: 'IOTimerDispatchSource.iig WakeAtTime',
    fields: { source: 'id' },
    text: 'timer #{source} goes off',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'source.handler': kind({
    doc: 'SetHandler with an action: the source keeps it, and calls the dext back with it.',
    source: 'facts §7.2; IOInterruptDispatchSource.iig SetHandler',
    fields: { source: 'id', action: 'id' },
    text: 'source #{source} calls back with action #{action}',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'source.enable': kind({
    doc: 'SetEnable: callbacks are wanted, or not.',
    source: 'facts §7.2',
    fields: { source: 'id', enabled: 'flag' },
    text: 'source #{source} enabled {enabled}',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'source.cancel': kind({
    doc: 'A source is cancelled: nothing is counted any more, and it is never enabled again.',
    source: 'facts §7.2, §4.4 "unregisterAllInterrupts"',
    fields: { source: 'id' },
    text: 'source #{source} is cancelled',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'source.queue': kind({
    doc: "The source's handler is put on its queue; further interrupts only count.",
    source: 'facts §7.2 "coalesce"',
    fields: { source: 'id' },
    text: 'source #{source} is queued',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'source.rearm': kind({
    doc: 'The handler has run, and its line is unmasked: if it is still asserted, that is the next interrupt.',
    source: 'facts §7.2 "Level type"',
    fields: { source: 'id' },
    text: 'source #{source} is armed again',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'source.deliver': kind({
    doc: 'The handler runs: once for all interrupts since the last time.',
    source: 'facts §7.2 "coalesce"',
    fields: { source: 'id', count: 'count' },
    text: 'source #{source} delivers {count} interrupts',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
    order: (e, order) => order.acquire(`source ${e.source}`),
  }),
};
