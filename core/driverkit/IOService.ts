import { kIOReturnSuccess, kIOReturnUnsupported } from '../codes.ts';
import { createQueue, rpc } from '../iokit/queue.ts';
import { startTermination } from '../iokit/termination.ts';
import { act, asProgram, inKernel, refuse, type Program, type Step } from '../operation.ts';
import type { IOPCIDevice } from './IOPCIDevice.ts';
import type { IOUserClient } from './IOUserClient.ts';
import { IODispatchQueue } from './IODispatchQueue.ts';

export const kIOServiceDefaultQueueName = 'Default';

/** Gives a service object its number and its default queue. */
export function publish(step: Step, service: IOService, task: number): void {
  const id = step.world.nextId;
  const { name } = service.constructor;
  const { provider: on } = service;
  const provider = on instanceof IOService ? on.service : (on?.id ?? 0);
  step.emit({ kind: 'service.create', service: id, task, provider, name });
  service.service = id;
  service.SetDispatchQueue(kIOServiceDefaultQueueName, new IODispatchQueue(createQueue(step, name, task)));
  step.live.set(id, service);
}

/** A driver's service object. Subclass it and override its generator methods. */
export abstract class IOService {
  /** Its kernel object number; 0 before it was published. */
  service = 0;
  /** What its personality says, by name (`SearchProperty`). */
  readonly properties: Readonly<Record<string, unknown>> = {};
  /** What it was started on. */
  provider: IOService | IOPCIDevice | undefined = undefined;
  private readonly queues = new Map<string, IODispatchQueue>();

  /** Called on the default queue when the service comes up. */
  *Start(_provider: IOService | IOPCIDevice): Program<number> {
    return kIOReturnSuccess;
  }

  /** Called on the default queue before the service goes; quiesce the device, then `yield* super.Stop(provider)` (facts §3.6). */
  *Stop(_provider: IOService | IOPCIDevice): Program<number> {
    yield* act('super::Stop', 'message', (step) =>
      step.emit({ kind: 'service.state', service: this.service, state: 'stopped' }),
    );
    return kIOReturnSuccess;
  }

  /** Begins the service's end: its clients get their Stop, then it gets its own. Does not wait for it. */
  *Terminate(_options = 0): Program<number> {
    yield* act('Terminate', 'message', (step) => {
      step.emit({ kind: 'service.terminate', service: this.service });
      startTermination(step, this.service);
    });
    return kIOReturnSuccess;
  }

  /** The queue that the kernel's Stop goes to. */
  get stopQueue(): number {
    return this.CopyDispatchQueue(kIOServiceDefaultQueueName).id;
  }

  /** What the kernel runs there. */
  beStopped(): Program<number> {
    return asProgram(`${this.constructor.name}.Stop`, this.Stop(this.provider!));
  }

  /** Called when an app opens the service: make a user client with {@link IOService.Create}. */
  *NewUserClient(_type: number): Program<[code: number, client: IOUserClient | null]> {
    return [yield* refuse('NewUserClient', kIOReturnUnsupported), null];
  }

  /** The app can find the service from now on. */
  *RegisterService(): Program<number> {
    yield* act('RegisterService', 'message', (step) => step.emit({ kind: 'service.register', service: this.service }));
    return kIOReturnSuccess;
  }

  /** Makes another service of this dext, with its own default queue, and starts it there. */
  *Create<S extends IOService>(service: S): Program<[code: number, service: S]> {
    service.provider = this;
    yield* act('IOService::Create', 'kernel', (step) =>
      publish(step, service, step.world.actors.get(step.actor)!.task),
    );
    const start = rpc(service.CopyDispatchQueue(kIOServiceDefaultQueueName).id, 'Start', () =>
      asProgram(`${service.constructor.name}.Start`, service.Start(this)),
    );
    return [yield* inKernel(start), service];
  }

  /** Names a queue of the service. */
  SetDispatchQueue(name: string, queue: IODispatchQueue): number {
    this.queues.set(name, queue);
    return kIOReturnSuccess;
  }

  /** The queue of that name, or the default queue. */
  CopyDispatchQueue(name: string): IODispatchQueue {
    return this.queues.get(name) ?? this.queues.get(kIOServiceDefaultQueueName)!;
  }
}
