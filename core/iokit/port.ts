/** Mach ports of the app, and completions sent to them (facts §3.4). */
import { kIOReturnSuccess } from '../codes.ts';
import { mustExist } from '../actors/threads.ts';
import { act, type Act } from '../operation.ts';
import type { Message } from './state.ts';

/** `mach_port_allocate` with a receive right: evaluates to the port. */
export function createPort(): Act<number> {
  return act('mach_port_allocate', 'syscall', (step) => {
    const port = step.world.nextId;
    step.emit({ kind: 'port.create', port });
    return port;
  });
}

/** `mach_msg` receive: the oldest message, or nothing when none came within `timeout` nanoseconds. */
export function receive(port: number, timeout?: number): Act<Message | undefined> {
  return act(
    'mach_msg receive',
    'syscall',
    (step) => {
      const [message] = mustExist(step.world.ports, 'port', port).messages;
      step.emit({ kind: message === undefined ? 'port.timeout' : 'port.receive', port });
      return message;
    },
    {
      on: ['port', port],
      ready: (world) => world.ports.get(port)?.messages.length !== 0,
      waitsFor: () => `a message on port #${port}`,
      timeout,
    },
  );
}

/** The kernel's end of `AsyncCompletion`: one-way, without back-pressure; a port that is gone swallows it. */
export function complete(action: number, code: number, values: Uint8Array): Act<void> {
  return act('AsyncCompletion', 'message', (step) => {
    const { port } = step.world.actions.get(action)!;
    if (step.world.ports.has(port)) {
      step.emit({ kind: 'port.send', port, action, code, arguments: values });
      return;
    }
    step.look('action', action);
    step.look('port', port);
    step.emit({ kind: 'refuse', code: kIOReturnSuccess, call: 'AsyncCompletion' });
  });
}
