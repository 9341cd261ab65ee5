import { kind, type Payload, type Touch } from '../catalogue.ts';
import type { World } from '../world.ts';
import { frameAt } from './bus.ts';

/** What became of a beat (facts §4.6, §7.3). */
export const beatStatuses = ['ok', 'bus-lead-off', 'iommu-fault', 'no-memory'] as const;
export type BeatStatus = (typeof beatStatuses)[number];

const beat = {
  request: 'id',
  segment: 'index',
  address: 'address',
  length: 'bytes',
  local: 'bytes',
  status: beatStatuses,
} as const;

function touchBeat(access: 'read' | 'write') {
  return (e: Payload<typeof beat>, touch: Touch, world: World, actor: number): void => {
    touch('iommu', 0, 'read', e.address - (e.address % world.machine.pageSize), e.address + 1);
    if (e.status !== 'ok') return;
    const offset = e.address % world.machine.pageSize;
    touch('frame', frameAt(world, e.address)!, access, offset, offset + e.length);
    touch('device', world.actors.get(actor)!.device, access === 'read' ? 'write' : 'read', e.local, e.local + e.length);
  };
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
  'pci.open': kind({
    doc: 'IOPCIDevice::Open: a service gets the session.',
    source: 'facts §7.1',
    fields: { device: 'id', service: 'id' },
    text: 'service #{service} opens device #{device}',
    footprint: (e, touch) => touch('register', e.device, 'sync'),
  }),
  'pci.close': kind({
    doc: 'IOPCIDevice::Close, or a forced close: bus lead and memory space go off.',
    source: 'facts §7.1, §7.3',
    fields: { device: 'id', service: 'id' },
    text: 'service #{service} closes device #{device}',
    footprint: (e, touch) => touch('register', e.device, 'sync'),
  }),
  'config.read': kind({
    doc: 'A read of configuration space.',
    source: 'facts §7.1',
    fields: configAccess,
    text: 'read {width} bytes of configuration space of device #{device} at {offset}',
    footprint: (e, touch) => touch('register', e.device, 'read'),
  }),
  'config.write': kind({
    doc: 'A write to configuration space.',
    source: 'facts §7.1',
    fields: { ...configAccess, value: 'hex' },
    text: 'write {value} to configuration space of device #{device} at {offset}',
    footprint: (e, touch) => touch('register', e.device, 'sync'),
  }),
  'mmio.read': kind({
    doc: 'A register read. It comes back behind every write before it.',
    source: 'facts §7.1, §9 (last line)',
    fields: registerAccess,
    text: 'read {width} bytes of BAR {bar} of device #{device} at {offset}',
    footprint: (e, touch) => touch('register', e.device, 'sync'),
    order: (e, order) => order.acquire(`register ${e.device}`),
  }),
  'mmio.write': kind({
    doc: 'A register write: it changes the register and wakes the device.',
    source: 'facts §7.1, §9 (last line)',
    fields: { ...registerAccess, value: 'u64' },
    text: 'write {value} to BAR {bar} of device #{device} at {offset}',
    footprint: (e, touch) => touch('register', e.device, 'sync'),
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
    order: (e, order) => order.release(`register ${e.device}`),
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
    doc: 'A DMA beat from memory into the device. The bytes follow from the world.',
    source: 'facts §4.6, §7.3; PCIe memory read',
    quiet: true,
    fields: beat,
    text: 'DMA read of {length} bytes at {address} to {local}, request {request} segment {segment}: {status}',
    footprint: touchBeat('read'),
  }),
  'dma.write': kind({
    doc: 'A DMA beat from the device into memory. The bytes follow from the world.',
    source: 'facts §4.6, §7.3; PCIe memory write',
    quiet: true,
    fields: beat,
    text: 'DMA write of {length} bytes at {address} from {local}, request {request} segment {segment}: {status}',
    footprint: touchBeat('write'),
  }),
  msi: kind({
    doc: 'The device sends a message-signalled interrupt; without bus lead it goes nowhere.',
    source: 'facts §7.2, §7.3; PCIe base spec 6.1.4',
    fields: { device: 'id', vector: 'index', status: ['ok', 'bus-lead-off'] },
    text: 'MSI {vector} of device #{device}: {status}',
    footprint: (e, touch, world) => {
      for (const source of world.sources.values()) if (source.device === e.device) touch('source', source.id, 'sync');
    },
    order: (e, order, world) => {
      // A posted write behind the data: what the engine wrote is there when the handler runs.
      for (const source of world.sources.values()) if (source.device === e.device) order.release(`source ${source.id}`);
    },
  }),
  'source.create': kind({
    doc: 'An interrupt dispatch source is made.',
    source: 'facts §7.2',
    fields: { source: 'id', device: 'id', vector: 'index', queue: 'id' },
    text: 'source #{source} for vector {vector} of device #{device} on queue #{queue}',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'source.enable': kind({
    doc: 'SetEnable: callbacks are wanted, or not.',
    source: 'facts §7.2',
    fields: { source: 'id', enabled: 'flag' },
    text: 'source #{source} enabled {enabled}',
    footprint: (e, touch) => touch('source', e.source, 'sync'),
  }),
  'source.queue': kind({
    doc: "The source's handler is put on its queue; further interrupts only count.",
    source: 'facts §7.2 "coalesce"',
    fields: { source: 'id' },
    text: 'source #{source} is queued',
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
