/** What threads do with each other and with time. POSIX names and results. */
import type { Touch } from '../catalogue.ts';
import { act, Crash, now, Operation, traits, type Act, type Program, type Step } from '../operation.ts';
import type { World } from '../world.ts';

/** How people call an actor. */
export function actorName(world: World, actor: number): string {
  return world.actors.get(actor)?.name ?? `actor ${actor}`;
}

/** Sleeps for at least `duration` nanoseconds. Two steps: to fall asleep, and to wake. */
export function* sleep(duration: number): Program {
  const until = yield* act('sleep', 'syscall', (step) => {
    const time = step.now + duration;
    step.emit({ kind: 'thread.sleep', until: time });
    return time;
  });
  yield* act('sleep', 'cpu', (step) => step.emit({ kind: 'thread.wake', until }), {
    lasting: true,
    ready: () => false,
    waitsFor: () => `time ${until}`,
    timeout: duration,
  });
}

/** The clock: virtual time in nanoseconds, with a time base of 1 to 1. */
export function mach_absolute_time(): Operation<number> {
  return now((step) => step.now);
}

/** Writes a line into the log. */
export function note(text: string): Act<void> {
  return act('note', 'cpu', (step) => step.emit({ kind: 'note', text }));
}

/**
 * What a number stands for.
 * @throws {RangeError} when a scenario passes a number that stands for nothing
 */
export function mustExist<T>(all: ReadonlyMap<number, T>, what: string, id: number): T {
  const found = all.get(id);
  if (found === undefined) throw new RangeError(`there is no ${what} ${id}`);
  return found;
}

class Join extends Operation<void> {
  static {
    traits(Join, { name: 'pthread_join', cost: 'syscall', blocks: true, lasting: true });
  }
  private readonly thread: number;
  constructor(thread: number) {
    super();
    this.thread = thread;
  }
  override ready(world: World): boolean {
    return world.actors.get(this.thread)?.alive !== true;
  }
  override waitsFor(world: World): string {
    return `the end of ${actorName(world, this.thread)}`;
  }
  override heldBy(): readonly number[] {
    return [this.thread];
  }
  override intent(touch: Touch): void {
    touch('actor', this.thread, 'sync');
  }
  override perform(step: Step): void {
    mustExist(step.world.actors, 'thread', this.thread);
    step.emit({ kind: 'thread.join', thread: this.thread });
  }
}

/** Waits until the thread has ended. */
export function pthread_join(thread: number): Operation<void> {
  return new Join(thread);
}

/** Makes an unlocked mutex; evaluates to its number. */
export function pthread_mutex_init(): Act<number> {
  return act('pthread_mutex_init', 'cpu', (step) => {
    const mutex = step.world.nextId;
    step.emit({ kind: 'mutex.create', mutex });
    return mutex;
  });
}

/** Takes the mutex, waiting while somebody holds it. A thread that locks its own mutex waits for ever. */
export function pthread_mutex_lock(mutex: number): Act<void> {
  return act(
    'pthread_mutex_lock',
    'cpu',
    (step) => {
      mustExist(step.world.mutexes, 'mutex', mutex);
      step.emit({ kind: 'mutex.lock', mutex });
    },
    {
      on: ['mutex', mutex],
      ready: (world) => (world.mutexes.get(mutex)?.owner ?? 0) === 0,
      waitsFor: (world) => `mutex #${mutex}, held by ${actorName(world, world.mutexes.get(mutex)!.owner)}`,
      heldBy: (world) => [world.mutexes.get(mutex)!.owner],
    },
  );
}

/** Gives the mutex back. Unlocking what one does not hold aborts the process. */
export function pthread_mutex_unlock(mutex: number): Act<void> {
  return act('pthread_mutex_unlock', 'cpu', (step: Step) => {
    if (mustExist(step.world.mutexes, 'mutex', mutex).owner !== step.actor) {
      throw new Crash(`pthread_mutex_unlock of mutex #${mutex}, which it does not hold`);
    }
    step.emit({ kind: 'mutex.unlock', mutex });
  });
}
