import type { Transitions } from '../catalogue.ts';
import { copyBytes, writableBytes } from '../memory/frames.ts';
import type { Frame } from '../memory/state.ts';
import { eachPiece } from '../memory/translate.ts';
import type { World } from '../world.ts';
import type { iokitKinds } from './kinds.ts';

const empty = new Uint8Array(0);

/** Puts new bytes at `offset`, never changing an array that an older world may share. */
function withBytes(old: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  const next = old.slice();
  next.set(bytes, offset);
  return next;
}

/** What an app's thread makes in the kernel is its call's until the call returns. */
function hold(world: World, actor: number, object: number): void {
  const thread = world.actors.get(actor);
  if (thread?.role === 'app') thread.holds.push(object);
}

/** The command no longer refers to its bounce pages; nobody else does. */
function leaveBounce(world: World, command: number): void {
  const object = world.objects.get(world.commands.get(command)?.bounce ?? 0);
  if (object !== undefined) object.references -= 1;
}

export const iokitTransitions: Transitions<typeof iokitKinds> = {
  'service.create': (world, e) => {
    const { service: id, name, task, provider } = e;
    world.services.set(id, { id, name, task, provider, registered: false, state: 'active' });
    world.nextId = e.service + 1;
  },
  'service.register': (world, e) => {
    world.services.get(e.service)!.registered = true;
  },
  'service.match': () => {},
  'service.terminate': () => {},
  'service.state': (world, e) => {
    world.services.get(e.service)!.state = e.state;
  },
  'connection.open': (world, e) => {
    world.connections.set(e.connection, {
      id: e.connection,
      service: e.service,
      task: e.task,
      readers: 0,
      writer: 0,
      writersWaiting: 0,
      state: 'open',
      mappings: [],
    });
    world.nextId = e.connection + 1;
  },
  'connection.wait': (world, e) => {
    world.connections.get(e.connection)!.writersWaiting += 1;
  },
  'connection.lock': (world, e, actor) => {
    const connection = world.connections.get(e.connection)!;
    if (e.mode === 'read') connection.readers += 1;
    else {
      connection.writer = actor;
      connection.writersWaiting -= 1;
    }
  },
  'connection.unlock': (world, e) => {
    const connection = world.connections.get(e.connection)!;
    if (e.mode === 'read') connection.readers -= 1;
    else connection.writer = 0;
  },
  'connection.state': (world, e) => {
    world.connections.get(e.connection)!.state = e.state;
  },
  'connection.map': (world, e) => {
    world.connections.get(e.connection)!.mappings.push(e.mapping);
  },
  'connection.unmap': (world, e) => {
    const { mappings } = world.connections.get(e.connection)!;
    mappings.splice(mappings.indexOf(e.mapping), 1);
  },
  'call.begin': (world, e, actor) => {
    world.calls.set(e.call, {
      id: e.call,
      connection: e.connection,
      selector: e.selector,
      actor,
      action: 0,
      input: e.inputSize === 0 ? empty : new Uint8Array(e.inputSize),
      output: empty,
    });
    world.nextId = e.call + 1;
  },
  'call.copyin': (world, e, actor) => {
    const call = world.calls.get(e.call)!;
    const bytes = new Uint8Array(e.length);
    eachPiece(world, world.actors.get(actor)!.task, e.address, e.length, (frame, offset, length, done) => {
      bytes.set(world.frames.get(frame)!.bytes.subarray(offset, offset + length), done);
    });
    world.calls.set(e.call, { ...call, input: withBytes(call.input, e.offset, bytes) });
  },
  'call.output': (world, e) => {
    world.calls.get(e.call)!.output = e.bytes;
  },
  'call.copyout': (world, e, actor) => {
    const { output } = world.calls.get(e.call)!;
    eachPiece(world, world.actors.get(actor)!.task, e.address, e.length, (frame, offset, length, done) => {
      const from = e.offset + done;
      writableBytes(world.frames.get(frame)!).set(output.subarray(from, from + length), offset);
    });
  },
  'call.return': (world, e) => {
    // No completion is to be expected after an error (facts §3.3 (8)).
    const failed = e.code === 0 ? 0 : (world.calls.get(e.call)?.action ?? 0);
    for (const { awaited } of failed === 0 ? [] : world.ports.values()) {
      const own = awaited.findIndex(({ action }) => action === failed);
      if (own !== -1) awaited.splice(own, 1);
    }
    world.calls.delete(e.call);
  },
  'queue.create': (world, e) => {
    world.queues.set(e.queue, {
      id: e.queue,
      name: e.name,
      task: e.task,
      items: [],
      reentrant: e.reentrant,
      running: 0,
      together: [],
      server: 0,
      servers: 1,
      sleepers: [],
      cancelled: false,
    });
    world.nextId = e.queue + 1;
  },
  'queue.cancel': (world, e) => {
    world.queues.get(e.queue)!.cancelled = true;
  },
  'queue.enqueue': (world, e) => {
    world.items.set(e.item, {
      id: e.item,
      queue: e.queue,
      method: e.method,
      answered: e.answered,
      concurrent: e.concurrent,
      actor: 0,
      state: 'queued',
      code: 0,
    });
    world.queues.get(e.queue)!.items.push(e.item);
    world.nextId = e.item + 1;
  },
  'queue.dispatch': (world, e, actor) => {
    const queue = world.queues.get(e.queue)!;
    queue.items.shift();
    const item = world.items.get(e.item)!;
    item.actor = actor;
    if (item.concurrent) {
      queue.together.push(e.item);
      queue.server = e.server;
      queue.servers += 1;
    } else {
      queue.running = e.item;
      queue.server = actor;
    }
    item.state = 'running';
  },
  'queue.done': (world, e) => {
    const queue = world.queues.get(e.queue)!;
    const item = world.items.get(e.item)!;
    if (item.concurrent) queue.together.splice(queue.together.indexOf(e.item), 1);
    else queue.running = 0;
    item.state = 'done';
    item.code = e.code;
    if (!item.answered) world.items.delete(e.item);
  },
  'queue.sleep': (world, e, actor) => {
    const queue = world.queues.get(e.queue)!;
    queue.sleepers.push({ actor, event: e.event, awake: false });
    if (e.server === 0) return;
    queue.running = 0;
    queue.server = e.server;
    queue.servers += 1;
  },
  'queue.wakeup': (world, e) => {
    const sleepers = world.queues.get(e.queue)!.sleepers.filter(({ event, awake }) => event === e.event && !awake);
    for (const sleeper of e.all ? sleepers : sleepers.slice(0, 1)) sleeper.awake = true;
  },
  'queue.wake': (world, e, actor) => {
    const { sleepers } = world.queues.get(e.queue)!;
    sleepers.splice(
      sleepers.findIndex((sleeper) => sleeper.actor === actor),
      1,
    );
  },
  'queue.resume': (world, e) => {
    world.queues.get(e.queue)!.running = e.item;
  },
  'rpc.return': (world, e) => {
    world.items.delete(e.item);
  },
  'port.create': (world, e, actor) => {
    world.ports.set(e.port, { id: e.port, task: world.actors.get(actor)!.task, messages: [], awaited: [] });
    world.nextId = e.port + 1;
  },
  'port.send': (world, e) => {
    const { reference } = world.actions.get(e.action)!;
    const port = world.ports.get(e.port)!;
    const answered = port.awaited.findIndex(({ action }) => action === e.action);
    if (answered !== -1) port.awaited.splice(answered, 1);
    port.messages.push({ code: e.code, arguments: e.arguments, reference });
  },
  'port.receive': (world, e) => {
    world.ports.get(e.port)!.messages.shift();
  },
  'port.timeout': () => {},
  'action.create': (world, e, actor) => {
    hold(world, actor, e.action);
    const call = [...world.calls.values()].find((one) => one.actor === actor);
    world.ports.get(e.port)?.awaited.push({ action: e.action, selector: call?.selector ?? 0, dropped: false });
    if (call !== undefined) call.action = e.action;
    const { action: id, port, reference } = e;
    world.actions.set(id, { id, port, reference, cancelled: false, wait: null });
    world.references.set(e.action, 1);
    world.nextId = e.action + 1;
  },
  'action.make': (world, e) => {
    world.actions.set(e.action, { id: e.action, port: 0, reference: empty, cancelled: false, wait: null });
    world.references.set(e.action, 1);
    world.nextId = e.action + 1;
  },
  'action.await': (world, e) => {
    world.actions.get(e.action)!.wait = e.waiting ? { called: false, code: 0 } : null;
  },
  'action.called': (world, e) => {
    const action = world.actions.get(e.action)!;
    if (action.wait !== null) action.wait = { ...action.wait, called: true };
  },
  'action.wake': (world, e) => {
    const action = world.actions.get(e.action);
    if (action !== undefined && action.wait !== null) action.wait = { called: false, code: e.code };
  },
  'action.cancel': (world, e) => {
    world.actions.get(e.action)!.cancelled = true;
  },
  'action.abort': (world, e) => {
    const awaited = world.ports
      .get(world.actions.get(e.action)!.port)
      ?.awaited.find(({ action }) => action === e.action);
    if (awaited !== undefined) awaited.dropped = true;
    world.actions.get(e.action)!.port = 0;
  },
  'object.take': (world, e, actor) => hold(world, actor, e.object),
  'object.retain': (world, e) => {
    world.references.set(e.object, world.references.get(e.object)! + 1);
  },
  'object.release': (world, e, actor) => {
    world.references.set(e.object, world.references.get(e.object)! - 1);
    const holds = world.actors.get(actor)?.holds ?? [];
    const held = holds.indexOf(e.object);
    if (held !== -1) holds.splice(held, 1);
  },
  'object.free': (world, e) => {
    world.references.delete(e.object);
    const descriptor = world.descriptors.get(e.object);
    if (descriptor !== undefined) {
      for (const part of descriptor.parts) {
        world.objects.get(part.object)!.references -= 1;
        if (part.snapshot !== 0) world.objects.get(part.snapshot)!.references -= 1;
      }
      world.descriptors.delete(e.object);
    }
    world.mappings.delete(e.object);
    const left = world.descriptors.get(world.commands.get(e.object)?.descriptor ?? 0);
    if (left !== undefined) left.leaked += 1;
    leaveBounce(world, e.object);
    world.commands.delete(e.object);
    world.actions.delete(e.object);
    world.sources.delete(e.object);
  },
  'descriptor.create': (world, e, actor) => {
    hold(world, actor, e.descriptor);
    world.descriptors.set(e.descriptor, {
      id: e.descriptor,
      type: e.type,
      task: e.task,
      ranges: [],
      length: 0,
      direction: e.direction,
      copyOnWrite: e.copyOnWrite,
      threadSafe: e.threadSafe,
      lockedBy: 0,
      wireCount: 0,
      wireDirection: 'none',
      wired: [],
      parts: [],
      children: [],
      start: 0,
      sharedIova: 0,
      leaked: 0,
    });
    world.references.set(e.descriptor, 1);
    world.nextId = e.descriptor + 1;
  },
  'descriptor.range': (world, e) => {
    const descriptor = world.descriptors.get(e.descriptor)!;
    descriptor.ranges.push({ address: e.address, length: e.length });
    descriptor.length += e.length;
  },
  'descriptor.child': (world, e) => {
    const descriptor = world.descriptors.get(e.descriptor)!;
    descriptor.children.push(e.child);
    descriptor.start = e.offset;
    descriptor.length += e.length;
  },
  'descriptor.length': (world, e) => {
    world.descriptors.get(e.descriptor)!.length = e.length;
  },
  'descriptor.lock': (world, e, actor) => {
    world.descriptors.get(e.descriptor)!.lockedBy = actor;
  },
  'descriptor.unlock': (world, e) => {
    world.descriptors.get(e.descriptor)!.lockedBy = 0;
  },
  'descriptor.refer': (world, e) => {
    const { parts } = world.descriptors.get(e.descriptor)!;
    parts.push({ object: e.object, offset: e.offset, length: e.length, snapshot: 0 });
    world.objects.get(e.object)!.references += 1;
  },
  'descriptor.snapshot': (world, e) => {
    world.descriptors.get(e.descriptor)!.parts[e.index]!.snapshot = e.object;
    world.objects.get(e.object)!.references += 1;
  },
  'descriptor.wire': (world, e) => {
    const descriptor = world.descriptors.get(e.descriptor)!;
    if (descriptor.wireCount === 0) descriptor.wireDirection = e.direction;
    descriptor.wireCount += 1;
  },
  'descriptor.unwire': (world, e) => {
    world.descriptors.get(e.descriptor)!.wireCount -= 1;
  },
  'mapping.create': (world, e) => {
    const { mapping: id, descriptor, task, address, length } = e;
    const options = { offset: 0, readOnly: false, guard: 0, cacheMode: 0, within: 0 };
    world.mappings.set(id, { id, descriptor, task, address, length, ...options });
    world.references.set(id, 1);
    world.nextId = id + 1;
  },
  'mapping.options': (world, e) => {
    const { offset, readOnly, guard, cacheMode, within } = e;
    Object.assign(world.mappings.get(e.mapping)!, { offset, readOnly, guard, cacheMode, within });
  },
  'mapping.again': () => {},
  'mapping.keep': (world, e) => {
    world.tasks.get(e.task)!.mappings.push(e.mapping);
  },
  'mapping.drop': (world, e) => {
    const { mappings } = world.tasks.get(e.task)!;
    mappings.splice(mappings.indexOf(e.mapping), 1);
  },
  'command.create': (world, e) => {
    world.commands.set(e.command, {
      id: e.command,
      device: e.device,
      maxAddressBits: e.maxAddressBits,
      mapper: e.mapper,
      lockedBy: 0,
      descriptor: 0,
      active: false,
      prepared: false,
      offset: 0,
      length: 0,
      iova: 0,
      iovaLength: 0,
      bounce: 0,
      segments: [],
    });
    world.references.set(e.command, 1);
    world.nextId = e.command + 1;
  },
  'command.lock': (world, e, actor) => {
    world.commands.get(e.command)!.lockedBy = actor;
  },
  'command.unlock': (world, e) => {
    world.commands.get(e.command)!.lockedBy = 0;
  },
  'command.set': (world, e) => {
    world.commands.get(e.command)!.descriptor = e.descriptor;
  },
  'command.activate': (world, e) => {
    const command = world.commands.get(e.command)!;
    command.active = true;
    command.offset = e.offset;
    command.length = e.length;
    command.iova = 0;
    command.iovaLength = 0;
    command.segments = [];
  },
  'command.bounce': (world, e) => {
    leaveBounce(world, e.command);
    world.commands.get(e.command)!.bounce = e.object;
    world.objects.get(e.object)!.references += 1;
  },
  'command.sync': (world, e) => {
    const { pageSize } = world.machine;
    const frameOf = (address: number): Frame => world.frames.get(Math.floor(address / pageSize))!;
    const [from, to] = e.direction === 'out' ? [e.memory, e.bounce] : [e.bounce, e.memory];
    copyBytes(frameOf(from).bytes, from % pageSize, writableBytes(frameOf(to)), to % pageSize, e.length);
  },
  'command.unbounce': (world, e) => {
    leaveBounce(world, e.command);
    world.commands.get(e.command)!.bounce = 0;
  },
  'command.segment': (world, e) => {
    world.commands.get(e.command)!.segments[e.index] = { address: e.address, length: e.length };
  },
  'command.prepared': (world, e) => {
    world.commands.get(e.command)!.prepared = true;
  },
  'command.unspecified': () => {},
  'command.copy': (world, e) => {
    const { pageSize } = world.machine;
    const bytesAt = (address: number): { bytes: Uint8Array; offset: number } => ({
      bytes: writableBytes(world.frames.get(Math.floor(address / pageSize))!),
      offset: address % pageSize,
    });
    const memory = bytesAt(e.memory);
    if (e.operation === 'zero') {
      memory.bytes.fill(0, memory.offset, memory.offset + e.length);
      return;
    }
    const data = bytesAt(e.data);
    const [from, to] = e.operation === 'read' ? [memory, data] : [data, memory];
    copyBytes(from.bytes, from.offset, to.bytes, to.offset, e.length);
  },
  'command.complete': (world, e) => {
    const command = world.commands.get(e.command)!;
    command.active = false;
    command.prepared = false;
    command.descriptor = 0;
    command.iova = 0;
    command.iovaLength = 0;
    command.segments = [];
  },
  'iova.allocate': (world, e) => {
    const command = world.commands.get(e.command)!;
    command.iova = e.address;
    command.iovaLength = e.length;
    const range = { start: e.address, end: e.address + e.length };
    const after = world.iovas.findIndex((other) => other.start > range.start);
    world.iovas.splice(after === -1 ? world.iovas.length : after, 0, range);
    if (e.shared) world.descriptors.get(command.descriptor)!.sharedIova = e.address;
  },
  'iova.share': (world, e) => {
    const command = world.commands.get(e.command)!;
    command.iova = e.address;
    command.iovaLength = e.length;
  },
  'iova.free': (world, e) => {
    world.iovas = world.iovas.filter((range) => range.start !== e.address);
    const descriptor = world.descriptors.get(e.descriptor);
    if (descriptor?.sharedIova === e.address) descriptor.sharedIova = 0;
  },
  'iommu.map': (world, e) => {
    world.iommu.set(e.address / world.machine.pageSize, { frame: e.frame, access: e.access });
  },
  'iommu.unmap': (world, e) => {
    world.iommu.delete(e.address / world.machine.pageSize);
  },
};
