import { kind, type Access, type Touch } from '../catalogue.ts';
import { touchBytes as touchTask } from '../memory/kinds.ts';
import { mappers } from '../machine.ts';
import type { World } from '../world.ts';
import { descriptorTypes, directions, dmaOperations, serviceStates, syncDirections } from './state.ts';

/** Touches a descriptor and what it stands on. */
function touchDescriptor(id: number, access: Access, touch: Touch, world: World): void {
  touch('descriptor', id, access);
  for (const child of world.descriptors.get(id)?.children ?? []) touchDescriptor(child, access, touch, world);
}

/** Touches bytes of one frame. */
function touchPhysical(
  address: number,
  length: number,
  access: 'read' | 'write',
  touch: Touch,
  { machine: { pageSize } }: World,
): void {
  const offset = address % pageSize;
  touch('frame', (address - offset) / pageSize, access, offset, offset + length);
}

/** Services, connections, calls, queues, ports, descriptors, mappings, commands, actions. */
export const iokitKinds = {
  'service.create': kind({
    doc: 'The dext makes a service object.',
    source: 'IOService.iig',
    fields: { service: 'id', task: 'task', provider: 'id', name: 'text' },
    text: 'service #{service} "{name}" on #{provider}',
    footprint: (e, touch) => touch('service', e.service, 'sync'),
  }),
  'service.register': kind({
    doc: 'RegisterService: the app can find the service now.',
    source: 'IOService.iig RegisterService',
    fields: { service: 'id' },
    text: 'register service #{service}',
    footprint: (e, touch) => touch('service', e.service, 'sync'),
    order: (e, order) => order.release(`service ${e.service}`),
  }),
  'service.match': kind({
    doc: 'The app has found the service.',
    source: 'IOKitLib IOServiceGetMatchingService',
    fields: { service: 'id' },
    text: 'found service #{service}',
    footprint: (e, touch) => touch('service', e.service, 'sync'),
    order: (e, order) => order.acquire(`service ${e.service}`),
  }),
  'service.state': kind({
    doc: 'A service goes down: Stop is sent, the dext has called super::Stop, the kernel is done with it.',
    source: 'facts §3.6; xnu IOUserServer.cpp 5808-5908',
    fields: { service: 'id', state: serviceStates },
    text: 'service #{service} is {state}',
    footprint: (e, touch, world) => {
      touch('service', e.service, 'sync');
      // A service goes down after those that were started on it.
      for (const { id, provider } of world.services.values()) if (provider === e.service) touch('service', id, 'sync');
    },
  }),
  'service.terminate': kind({
    doc: 'A service is to end: its clients get their Stop, then it gets its own.',
    source: 'facts §3.6; IOService.iig Terminate',
    fields: { service: 'id' },
    text: 'terminate service #{service}',
    footprint: (e, touch) => touch('service', e.service, 'sync'),
  }),
  'connection.open': kind({
    doc: 'A user client is made for the app.',
    source: 'facts §3.6; xnu IOUserClient.cpp is_io_service_open_extended',
    fields: { connection: 'id', service: 'id', task: 'task' },
    text: 'connection #{connection} to service #{service} for task {task}',
    footprint: (e, touch) => touch('connection', e.connection, 'sync'),
  }),
  'connection.wait': kind({
    doc: "Somebody wants the user client's lock for writing: later external methods queue behind it.",
    source: 'facts §1.4',
    fields: { connection: 'id' },
    text: 'wait to write-lock connection #{connection}',
    footprint: (e, touch) => touch('connection', e.connection, 'sync'),
  }),
  'connection.lock': kind({
    doc: "The user client's lock is taken: for reading by an external method, for writing by close.",
    source: 'facts §1.4',
    fields: { connection: 'id', mode: ['read', 'write'] },
    text: 'lock connection #{connection} for {mode}',
    footprint: (e, touch) => touch('connection', e.connection, 'sync'),
    order: (e, order) => {
      // Readers do not order each other; a writer follows everybody.
      order.acquire(`writer ${e.connection}`);
      if (e.mode === 'write') order.acquire(`readers ${e.connection}`);
    },
  }),
  'connection.unlock': kind({
    doc: "The user client's lock is given back.",
    source: 'facts §1.4',
    fields: { connection: 'id', mode: ['read', 'write'] },
    text: 'unlock connection #{connection} from {mode}',
    footprint: (e, touch) => touch('connection', e.connection, 'sync'),
    order: (e, order) => order.release(`${e.mode === 'read' ? 'readers' : 'writer'} ${e.connection}`),
  }),
  'connection.state': kind({
    doc: 'A user client goes down: closing (no more calls), then stopped (the dext has called super::Stop).',
    source: 'facts §3.6',
    fields: { connection: 'id', state: ['closing', 'stopped'] },
    text: 'connection #{connection} is {state}',
    footprint: (e, touch) => touch('connection', e.connection, 'sync'),
  }),
  'connection.map': kind({
    doc: "IOConnectMapMemory64: the dext's memory is mapped for the app, as long as the connection keeps it.",
    source: 'facts §6',
    fields: { connection: 'id', type: 'count', mapping: 'id' },
    text: 'connection #{connection} keeps mapping #{mapping} of memory type {type}',
    footprint: (e, touch) => touch('connection', e.connection, 'sync'),
  }),
  'connection.unmap': kind({
    doc: 'IOConnectUnmapMemory64, or the end of the connection: it lets a mapping go.',
    source: 'facts §6',
    fields: { connection: 'id', mapping: 'id' },
    text: 'connection #{connection} lets mapping #{mapping} go',
    footprint: (e, touch) => touch('connection', e.connection, 'sync'),
  }),
  'mapping.keep': kind({
    doc: 'IOConnectMapMemory64 into another process: that process gets a right to the mapping, which outlives the connection.',
    source: 'facts §6; xnu IOUserClient.cpp 4702-4709',
    fields: { connection: 'id', type: 'count', task: 'task', mapping: 'id' },
    text: 'task {task} keeps mapping #{mapping} of memory type {type} of connection #{connection}',
    footprint: (e, touch) => {
      touch('connection', e.connection, 'sync');
      touch('task', e.task, 'write');
    },
  }),
  'mapping.drop': kind({
    doc: "IOConnectUnmapMemory64 from another process, or the end of the process's ports: it loses its right to the mapping.",
    source: 'facts §6; xnu IOUserClient.cpp 4823-4832',
    fields: { task: 'task', mapping: 'id' },
    text: 'task {task} lets mapping #{mapping} go',
    footprint: (e, touch) => touch('task', e.task, 'write'),
  }),
  'call.begin': kind({
    doc: 'An IOConnectCall begins: IOKitLib builds the message.',
    source: 'facts §1.1',
    fields: {
      call: 'id',
      connection: 'id',
      selector: 'index',
      inputSize: 'bytes',
      outputSize: 'bytes',
      asynchronous: 'flag',
      scalars: 'data',
    },
    text: 'call #{call}: selector {selector} on connection #{connection}, struct input {inputSize}, struct output {outputSize}',
    footprint: (e, touch) => touch('call', e.call, 'write'),
  }),
  'call.copyin': kind({
    doc: 'A piece of the inline struct input is copied into the message.',
    source: 'facts §1.1 (3)',
    fields: { call: 'id', offset: 'bytes', address: 'address', length: 'bytes' },
    text: 'copy {length} bytes at {address} into call #{call} at {offset}',
    footprint: (e, touch, world, actor) => {
      touchTask(e, 'read', touch, world, actor);
      touch('call', e.call, 'write');
    },
  }),
  'call.output': kind({
    doc: 'The reply carries an inline struct output.',
    source: 'facts §3.3 (5)',
    fields: { call: 'id', bytes: 'data' },
    text: 'call #{call} answers {bytes}',
    footprint: (e, touch) => touch('call', e.call, 'write'),
  }),
  'call.copyout': kind({
    doc: "A piece of the inline struct output is copied into the app's buffer.",
    source: 'facts §1.1 (4)',
    fields: { call: 'id', offset: 'bytes', address: 'address', length: 'bytes' },
    text: 'copy {length} bytes of call #{call} at {offset} to {address}',
    footprint: (e, touch, world, actor) => {
      touchTask(e, 'write', touch, world, actor);
      touch('call', e.call, 'read');
    },
  }),
  'call.return': kind({
    doc: 'An IOConnectCall returns to the app.',
    source: 'facts §1.1 (8)',
    fields: { call: 'id', code: 'code', scalars: 'data' },
    text: 'call #{call} returns {code}',
    footprint: (e, touch) => touch('call', e.call, 'write'),
  }),
  'queue.create': kind({
    doc: 'A dispatch queue is made.',
    source: 'facts §7.4',
    fields: { queue: 'id', task: 'task', reentrant: 'flag', name: 'text' },
    text: 'queue #{queue} "{name}", reentrant {reentrant}',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
  }),
  'queue.cancel': kind({
    doc: 'A queue is stopped: what it has still runs, what comes later is refused.',
    source: 'facts §1.5; IODispatchQueue.iig Cancel',
    fields: { queue: 'id' },
    text: 'queue #{queue} is cancelled',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
  }),
  'queue.enqueue': kind({
    doc: 'Work is put at the end of a queue: a remote call, an interrupt, a block.',
    source: 'facts §1.5, §7.4',
    fields: { queue: 'id', item: 'id', answered: 'flag', concurrent: 'flag', method: 'text' },
    text: 'enqueue {method} as item #{item} on queue #{queue}',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
    order: (e, order) => order.release(`item ${e.item}`),
  }),
  'queue.dispatch': kind({
    doc: 'A queue begins its next item. If it is one of DispatchConcurrent, another actor serves the queue from now on.',
    source: 'facts §7.4; IODispatchQueue.iig DispatchConcurrent',
    fields: { queue: 'id', item: 'id', server: 'actor' },
    text: 'queue #{queue} begins item #{item}, actor {server} takes the next',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
    order: (e, order, world) => {
      order.acquire(`item ${e.item}`);
      // One after the other, whoever serves; those that run together do not order each other.
      order.acquire(`queue ${e.queue}`);
      if (!world.items.get(e.item)!.concurrent) order.acquire(`together ${e.queue}`);
    },
  }),
  'queue.done': kind({
    doc: 'A queue has finished its item; for a remote call, the reply is on its way.',
    source: 'facts §1.5',
    fields: { queue: 'id', item: 'id', code: 'code' },
    text: 'queue #{queue} is done with item #{item}: {code}',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
    order: (e, order, world) => {
      order.release(`reply ${e.item}`);
      order.release(`${world.items.get(e.item)!.concurrent ? 'together' : 'queue'} ${e.queue}`);
    },
  }),
  'queue.sleep': kind({
    doc: 'Sleep: who runs on a queue waits for an event. A reentrant queue is free meanwhile, and another actor serves it.',
    source: 'facts §7.4; IODispatchQueue.iig Sleep',
    fields: { queue: 'id', event: 'hex', server: 'actor' },
    text: 'sleep on queue #{queue} until event {event}, actor {server} serves it',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
    order: (e, order) => {
      if (e.server !== 0) order.release(`queue ${e.queue}`);
    },
  }),
  'queue.wakeup': kind({
    doc: 'Wakeup: who sleeps on a queue for the event wakes, the one that has slept longest or all; nobody, when none does.',
    source: 'facts §7.4; IODispatchQueue.iig Wakeup, WakeupWithOptions',
    fields: { queue: 'id', event: 'hex', all: 'flag' },
    text: 'wake up event {event} of queue #{queue}, all {all}',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
    order: (e, order) => order.release(`event ${e.queue}.${e.event}`),
  }),
  'queue.wake': kind({
    doc: 'Sleep ends: the event has come, or the deadline.',
    source: 'facts §7.4; IODispatchQueue.iig Sleep',
    fields: { queue: 'id', event: 'hex', code: 'code' },
    text: 'wake on queue #{queue} from event {event}: {code}',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
    order: (e, order) => {
      if (e.code === 0) order.acquire(`event ${e.queue}.${e.event}`);
    },
  }),
  'queue.resume': kind({
    doc: 'Who has slept runs on its queue again.',
    source: 'facts §7.4; IODispatchQueue.iig Sleep',
    fields: { queue: 'id', item: 'id' },
    text: 'queue #{queue} goes on with item #{item}',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
    order: (e, order) => order.acquire(`queue ${e.queue}`),
  }),
  'rpc.return': kind({
    doc: 'A caller takes the reply of its remote call, or learns that the dext died.',
    source: 'facts §1.5; xnu IOUserServer.cpp 3494-3622',
    fields: { item: 'id', queue: 'id', code: 'code' },
    text: 'reply of item #{item}: {code}',
    footprint: (e, touch) => touch('queue', e.queue, 'sync'),
    order: (e, order) => order.acquire(`reply ${e.item}`),
  }),
  'port.create': kind({
    doc: 'The app makes a port to be woken through.',
    source: 'facts §1.2',
    fields: { port: 'id' },
    text: 'port #{port}',
    footprint: (e, touch) => touch('port', e.port, 'sync'),
  }),
  'port.send': kind({
    doc: "The kernel sends a completion to the app's port. Queues without limit.",
    source: 'facts §3.4',
    fields: { port: 'id', action: 'id', code: 'code', arguments: 'data' },
    text: 'completion {code} of action #{action} to port #{port}',
    footprint: (e, touch) => {
      touch('port', e.port, 'sync');
      touch('action', e.action, 'read');
    },
    order: (e, order) => order.send(`port ${e.port}`),
  }),
  'port.receive': kind({
    doc: 'The app takes the oldest message from its port.',
    source: 'facts §3.4',
    fields: { port: 'id' },
    text: 'receive from port #{port}',
    footprint: (e, touch) => touch('port', e.port, 'sync'),
    order: (e, order) => order.receive(`port ${e.port}`),
  }),
  'port.timeout': kind({
    doc: 'No message came in time.',
    source: 'mach/message.h MACH_RCV_TIMEOUT',
    fields: { port: 'id' },
    text: 'nothing on port #{port} in time',
    footprint: (e, touch) => touch('port', e.port, 'sync'),
  }),
  'action.create': kind({
    doc: 'The kernel makes the OSAction of an asynchronous call.',
    source: 'facts §3.3 (2)',
    fields: { action: 'id', port: 'id', reference: 'data' },
    text: 'action #{action} to port #{port}',
    footprint: (e, touch, world, actor) => {
      touch('action', e.action, 'sync');
      touch('port', e.port, 'sync');
      for (const call of world.calls.values()) if (call.actor === actor) touch('call', call.id, 'write');
    },
  }),
  'action.make': kind({
    doc: 'The dext makes an OSAction that calls it back.',
    source: 'OSAction.iig, the generated CreateAction methods',
    fields: { action: 'id' },
    text: 'action #{action} calls the dext back',
    footprint: (e, touch) => touch('action', e.action, 'sync'),
  }),
  'action.await': kind({
    doc: 'WillWait: callbacks of the action are remembered for a Wait; EndWait: no more.',
    source: 'facts §7.4; OSAction.iig WillWait, EndWait',
    fields: { action: 'id', waiting: 'flag' },
    text: 'action #{action} is waited for {waiting}',
    footprint: (e, touch) => touch('action', e.action, 'sync'),
  }),
  'action.called': kind({
    doc: 'A callback of the action has ended.',
    source: 'facts §7.4; OSAction.iig Wait',
    fields: { action: 'id' },
    text: 'action #{action} has called back',
    footprint: (e, touch) => touch('action', e.action, 'sync'),
    order: (e, order) => order.release(`action ${e.action}`),
  }),
  'action.wake': kind({
    doc: 'Wait returns: the action has called back, was cancelled or aborted, or the deadline has passed.',
    source: 'facts §7.4; OSAction.iig Wait',
    fields: { action: 'id', code: 'code' },
    text: 'the wait for action #{action} ends: {code}',
    footprint: (e, touch) => touch('action', e.action, 'sync'),
    order: (e, order) => {
      if (e.code === 0) order.acquire(`action ${e.action}`);
    },
  }),
  'action.cancel': kind({
    doc: 'An action is cancelled: it calls nobody back any more, and who waits for it wakes.',
    source: 'facts §7.4; OSAction.iig Cancel',
    fields: { action: 'id' },
    text: 'action #{action} is cancelled',
    footprint: (e, touch) => touch('action', e.action, 'sync'),
  }),
  'action.abort': kind({
    doc: 'Aborted: the last reference of an action goes; its reply port is let go, and nothing is sent.',
    source: 'facts §3.5; xnu IOUserClient.cpp 250-300',
    fields: { action: 'id' },
    text: 'action #{action} is aborted',
    footprint: (e, touch, world) => {
      touch('action', e.action, 'sync');
      touch('port', world.actions.get(e.action)!.port, 'sync');
    },
  }),
  'object.take': kind({
    doc: 'A call of the app uses up the reference that the dext has handed over.',
    source: 'facts §6',
    fields: { object: 'id' },
    text: 'the kernel takes #{object}',
    footprint: (e, touch) => touch('object', e.object, 'sync'),
  }),
  'object.retain': kind({
    doc: 'An object gains a reference.',
    source: 'facts §3.5; OSObject.iig',
    fields: { object: 'id' },
    text: 'retain #{object}',
    footprint: (e, touch) => touch('object', e.object, 'sync'),
  }),
  'object.release': kind({
    doc: 'An object loses a reference; with the last one it is freed.',
    source: 'facts §3.5; OSObject.iig',
    fields: { object: 'id' },
    text: 'release #{object}',
    footprint: (e, touch) => touch('object', e.object, 'sync'),
  }),
  'object.free': kind({
    doc: 'An object without references is gone.',
    source: 'facts §3.5',
    fields: { object: 'id' },
    text: 'free #{object}',
    footprint: (e, touch, world) => {
      touch('object', e.object, 'sync');
      touch('descriptor', e.object, 'write');
      touch('command', e.object, 'write');
      touch('action', e.object, 'write');
      for (const { object, snapshot } of world.descriptors.get(e.object)?.parts ?? []) {
        touch('object', object, 'write');
        if (snapshot !== 0) touch('object', snapshot, 'write');
      }
      touch('source', e.object, 'sync');
      const { descriptor: held = 0, bounce = 0 } = world.commands.get(e.object) ?? {};
      if (held !== 0) touch('descriptor', held, 'write');
      if (bounce !== 0) touch('object', bounce, 'write');
    },
  }),
  'descriptor.create': kind({
    doc: 'A memory descriptor is made. It names a range; nothing is looked up yet.',
    source: 'facts §1.3, §2.2',
    fields: {
      descriptor: 'id',
      type: descriptorTypes,
      task: 'task',
      direction: directions,
      copyOnWrite: 'flag',
      threadSafe: 'flag',
    },
    text: '{type} descriptor #{descriptor} of task {task}, direction {direction}, copy-on-write {copyOnWrite}',
    footprint: (e, touch) => touch('descriptor', e.descriptor, 'write'),
  }),
  'descriptor.range': kind({
    doc: 'A descriptor gets its next range.',
    source: 'facts §1.3, §2.8',
    fields: { descriptor: 'id', address: 'address', length: 'bytes' },
    text: 'descriptor #{descriptor} names {address} (+{length})',
    footprint: (e, touch) => touch('descriptor', e.descriptor, 'write'),
  }),
  'descriptor.child': kind({
    doc: 'A Sub or Multi descriptor stands on one more descriptor, or on a part of it.',
    source: 'facts §5.1 CreateSubMemoryDescriptor, CreateWithMemoryDescriptors',
    fields: { descriptor: 'id', child: 'id', offset: 'bytes', length: 'bytes' },
    text: 'descriptor #{descriptor} stands on {length} bytes from {offset} of descriptor #{child}',
    footprint: (e, touch) => {
      touch('descriptor', e.descriptor, 'write');
      touch('descriptor', e.child, 'read');
    },
  }),
  'descriptor.length': kind({
    doc: "SetLength: a buffer descriptor's length changes.",
    source: 'facts §5.2',
    fields: { descriptor: 'id', length: 'bytes' },
    text: 'descriptor #{descriptor} is {length} bytes long',
    footprint: (e, touch) => touch('descriptor', e.descriptor, 'write'),
  }),
  'descriptor.lock': kind({
    doc: 'A thread-safe descriptor is locked for prepare or complete.',
    source: 'facts §1.3 (kIOMemoryThreadSafe)',
    fields: { descriptor: 'id' },
    text: 'lock descriptor #{descriptor}',
    footprint: (e, touch) => touch('descriptor', e.descriptor, 'sync'),
    order: (e, order) => order.acquire(`descriptor ${e.descriptor}`),
  }),
  'descriptor.unlock': kind({
    doc: 'A thread-safe descriptor is unlocked.',
    source: 'facts §1.3 (kIOMemoryThreadSafe)',
    fields: { descriptor: 'id' },
    text: 'unlock descriptor #{descriptor}',
    footprint: (e, touch) => touch('descriptor', e.descriptor, 'sync'),
    order: (e, order) => order.release(`descriptor ${e.descriptor}`),
  }),
  'descriptor.refer': kind({
    doc: 'The descriptor is pinned to VM objects: remapping the addresses no longer matters.',
    source: 'facts §2.3',
    fields: { descriptor: 'id', object: 'id', offset: 'bytes', length: 'bytes' },
    text: 'descriptor #{descriptor} refers to object #{object}+{offset} (+{length})',
    footprint: (e, touch, world) => {
      touch('descriptor', e.descriptor, 'write');
      touch('object', e.object, 'write');
      const { task, ranges } = world.descriptors.get(e.descriptor)!;
      // What is at the addresses now.
      for (const { address, length } of task === 0 ? [] : ranges)
        touch('task', task, 'read', address, address + length);
    },
  }),
  'descriptor.snapshot': kind({
    doc: 'The first mapping of a copy-on-write descriptor: all its mappings show the contents as of now.',
    source: 'facts §2.3, §2.6, §2.7',
    fields: { descriptor: 'id', index: 'index', object: 'id', mechanism: ['delayed', 'reused', 'eager'] },
    text: 'descriptor #{descriptor} part {index} is snapshot in object #{object} ({mechanism})',
    footprint: (e, touch, world) => {
      touch('descriptor', e.descriptor, 'write');
      touch('object', e.object, 'write');
      // Wires in it decide how it is copied.
      touch('object', world.descriptors.get(e.descriptor)!.parts[e.index]!.object, 'read');
    },
  }),
  'descriptor.wire': kind({
    doc: "prepare(): the descriptor's wire count goes up.",
    source: 'facts §4.3',
    fields: { descriptor: 'id', direction: directions },
    text: 'descriptor #{descriptor} is wired for {direction}',
    footprint: (e, touch) => touch('descriptor', e.descriptor, 'write'),
  }),
  'descriptor.unwire': kind({
    doc: "complete(): the descriptor's wire count goes down.",
    source: 'facts §4.3',
    fields: { descriptor: 'id' },
    text: 'descriptor #{descriptor} loses a wire',
    footprint: (e, touch) => touch('descriptor', e.descriptor, 'write'),
  }),
  'mapping.create': kind({
    doc: "CreateMapping: a descriptor's memory appears in an address space.",
    source: 'facts §5.1',
    fields: { mapping: 'id', descriptor: 'id', task: 'task', address: 'address', length: 'bytes' },
    text: 'mapping #{mapping} of descriptor #{descriptor} at {address} (+{length}) of task {task}',
    footprint: (e, touch, world) => {
      touchDescriptor(e.descriptor, 'write', touch, world); // later mappings may find it
      touch('task', e.task, 'write', e.address, e.address + e.length);
    },
  }),
  'mapping.options': kind({
    doc: 'How a mapping shows its memory: what a later one must ask for to be this object, or a part of it.',
    source: 'facts §2.3; xnu IOMemoryDescriptor.cpp 5615 copyCompatible',
    fields: { mapping: 'id', offset: 'bytes', readOnly: 'flag', guard: 'bytes', cacheMode: 'hex', within: 'id' },
    text: 'mapping #{mapping} begins at {offset}, read-only {readOnly}, guards of {guard} bytes, cache mode {cacheMode}, within mapping #{within}',
    footprint: (e, touch) => touch('object', e.mapping, 'sync'),
  }),
  'mapping.again': kind({
    doc: 'CreateMapping finds a mapping that shows just this, and hands out the same object once more.',
    source: 'facts §2.3; xnu IOMemoryDescriptor.cpp 5615 copyCompatible',
    fields: { mapping: 'id', descriptor: 'id' },
    text: 'mapping #{mapping} again, for descriptor #{descriptor}',
    footprint: (e, touch, world) => touchDescriptor(e.descriptor, 'read', touch, world),
  }),
  'command.create': kind({
    doc: "An IODMACommand is made for a device, or by mistake for a service, whose mapper is not the device's.",
    source: 'facts §4.1',
    fields: { command: 'id', device: 'id', maxAddressBits: 'count', mapper: mappers },
    text: 'command #{command} for device #{device}, {maxAddressBits} address bits, mapper {mapper}',
    footprint: (e, touch) => touch('command', e.command, 'write'),
  }),
  'command.lock': kind({
    doc: "A command's own lock is taken.",
    source: 'facts §4.2, §4.5 (13.3)',
    fields: { command: 'id' },
    text: 'lock command #{command}',
    footprint: (e, touch) => touch('command', e.command, 'sync'),
    order: (e, order) => order.acquire(`command ${e.command}`),
  }),
  'command.unlock': kind({
    doc: "A command's own lock is given back.",
    source: 'facts §4.2, §4.5 (13.3)',
    fields: { command: 'id' },
    text: 'unlock command #{command}',
    footprint: (e, touch) => touch('command', e.command, 'sync'),
    order: (e, order) => order.release(`command ${e.command}`),
  }),
  'command.set': kind({
    doc: 'setMemoryDescriptor: the command holds a descriptor.',
    source: 'facts §4.2 (3)',
    fields: { command: 'id', descriptor: 'id' },
    text: 'command #{command} holds descriptor #{descriptor}',
    footprint: (e, touch) => touch('command', e.command, 'write'),
  }),
  'command.activate': kind({
    doc: 'prepare(offset, length): the command counts as active from here, even if what follows fails.',
    source: 'facts §4.2 (4)',
    fields: { command: 'id', offset: 'bytes', length: 'bytes' },
    text: 'command #{command} is active for {length} bytes from {offset}',
    footprint: (e, touch, world) => {
      touch('command', e.command, 'write');
      touchDescriptor(world.commands.get(e.command)!.descriptor, 'read', touch, world);
    },
  }),
  'command.bounce': kind({
    doc: 'Memory lies above what a command without a mapper can address: the device gets bounce pages in its place.',
    source: 'facts §4.6 "double-buffers"; xnu iokit/Kernel/IODMACommand.cpp walkAll 631-690, prepare 890-905',
    fields: { command: 'id', object: 'id', pages: 'count' },
    text: 'command #{command} bounces {pages} pages, in object #{object}',
    footprint: (e, touch, world) => {
      touch('command', e.command, 'write');
      touch('object', e.object, 'write');
      const { bounce, descriptor } = world.commands.get(e.command)!;
      if (bounce !== 0) touch('object', bounce, 'write');
      // Which frames are wired.
      touchDescriptor(descriptor, 'read', touch, world);
    },
  }),
  'command.sync': kind({
    doc: 'The CPU copies a piece of bounced memory to its bounce page (out), or back (in), by physical addresses.',
    source: 'facts §4.6 "double-buffers"; xnu iokit/Kernel/IODMACommand.cpp segmentOp 494-620',
    quiet: true,
    fields: { command: 'id', direction: syncDirections, memory: 'address', bounce: 'address', length: 'bytes' },
    text: 'command #{command} syncs {direction} {length} bytes, memory at {memory}, bounce page at {bounce}',
    footprint: (e, touch, world) => {
      touch('command', e.command, 'read');
      touchPhysical(e.memory, e.length, e.direction === 'out' ? 'read' : 'write', touch, world);
      touchPhysical(e.bounce, e.length, e.direction === 'out' ? 'write' : 'read', touch, world);
    },
  }),
  'command.unbounce': kind({
    doc: 'A command lets its bounce pages go.',
    source: 'facts §4.6 "double-buffers"; xnu iokit/Kernel/IODMACommand.cpp walkAll 737-751',
    fields: { command: 'id' },
    text: 'command #{command} lets its bounce pages go',
    footprint: (e, touch, world) => {
      touch('command', e.command, 'write');
      touch('object', world.commands.get(e.command)!.bounce, 'write');
    },
  }),
  'command.segment': kind({
    doc: 'PrepareForDMA returns a segment.',
    source: 'facts §4.2 (5), §4.6',
    fields: { command: 'id', index: 'index', address: 'address', length: 'bytes' },
    text: 'command #{command} segment {index}: {address} (+{length})',
    footprint: (e, touch, world) => {
      touch('command', e.command, 'write');
      // Which frames are wired.
      touchDescriptor(world.commands.get(e.command)!.descriptor, 'read', touch, world);
    },
  }),
  'command.prepared': kind({
    doc: 'PrepareForDMA succeeds. Segments beyond the capacity are dropped without a word.',
    source: 'facts §4.2 (5)',
    fields: { command: 'id', segments: 'count', dropped: 'count' },
    text: 'command #{command} is prepared: {segments} segments, {dropped} dropped',
    footprint: (e, touch) => touch('command', e.command, 'write'),
  }),
  'command.unspecified': kind({
    doc: 'Offset plus length run past the descriptor: what a Mac does is not established; the model fails with VMError.',
    source: 'facts §4.2 "offset/length out of range", §13',
    fields: { command: 'id', offset: 'bytes', length: 'bytes' },
    text: 'unspecified: command #{command} prepared past the end, {length} bytes from {offset}',
    footprint: (e, touch) => touch('command', e.command, 'write'),
  }),
  'command.complete': kind({
    doc: 'CompleteDMA: the command lets its descriptor go.',
    source: 'facts §4.4',
    fields: { command: 'id' },
    text: 'command #{command} is complete',
    footprint: (e, touch) => touch('command', e.command, 'write'),
  }),
  'command.copy': kind({
    doc: 'PerformOperation: the CPU copies or zeroes a piece of the prepared memory, by physical addresses.',
    source: 'facts §4.4 PerformOperation',
    quiet: true,
    fields: { command: 'id', operation: dmaOperations, memory: 'address', data: 'address', length: 'bytes' },
    text: 'command #{command}: {operation} {length} bytes, memory at {memory}, data at {data}',
    footprint: (e, touch, world) => {
      touch('command', e.command, 'read');
      touchPhysical(e.memory, e.length, e.operation === 'read' ? 'read' : 'write', touch, world);
      if (e.operation !== 'zero')
        touchPhysical(e.data, e.length, e.operation === 'read' ? 'write' : 'read', touch, world);
    },
  }),
  'iova.allocate': kind({
    doc: 'A range of bus addresses is set aside for a command.',
    source: 'facts §4.6',
    fields: { command: 'id', address: 'address', length: 'bytes', shared: 'flag' },
    text: 'command #{command} gets bus addresses {address} (+{length}), shared {shared}',
    footprint: (e, touch, world) => {
      touch('command', e.command, 'write');
      touch('allocator', 1, 'write');
      if (e.shared) touch('descriptor', world.commands.get(e.command)!.descriptor, 'write');
    },
  }),
  'iova.share': kind({
    doc: "A command uses the bus addresses that the descriptor's other commands already have.",
    source: 'facts §4.6 "Sharing of a mapping"',
    fields: { command: 'id', address: 'address', length: 'bytes' },
    text: 'command #{command} shares bus addresses {address} (+{length})',
    footprint: (e, touch, world) => {
      touch('command', e.command, 'write');
      touch('descriptor', world.commands.get(e.command)!.descriptor, 'read');
    },
  }),
  'iova.free': kind({
    doc: 'A range of bus addresses can be handed out again.',
    source: 'facts §4.4',
    fields: { address: 'address', descriptor: 'id' },
    text: 'free bus addresses from {address}',
    footprint: (e, touch) => {
      touch('allocator', 1, 'write');
      touch('descriptor', e.descriptor, 'write');
    },
  }),
  'iommu.map': kind({
    doc: 'The IOMMU translates one more page for the device.',
    source: 'facts §4.6',
    fields: { address: 'address', frame: 'frame', access: ['read', 'write', 'read-write'] },
    text: 'IOMMU maps {address} to frame {frame} for {access}',
    footprint: (e, touch) => touch('iommu', 0, 'write', e.address, e.address + 1),
  }),
  'iommu.unmap': kind({
    doc: 'The IOMMU no longer translates a page.',
    source: 'facts §4.4',
    fields: { address: 'address' },
    text: 'IOMMU unmaps {address}',
    footprint: (e, touch) => touch('iommu', 0, 'write', e.address, e.address + 1),
  }),
};
