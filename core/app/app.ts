import * as threads from '../actors/threads.ts';
import * as access from '../memory/access.ts';
import * as heap from '../memory/heap.ts';
import { madvise } from '../memory/madvise.ts';
import * as mapping from '../memory/mmap.ts';
import { reclaim } from '../memory/reclaim.ts';
import { vm_copy } from '../memory/vm-copy.ts';
import { Operation, traits, type Program, type Step } from '../operation.ts';
import { fork, waitpid } from './fork.ts';
import * as iokit from './iokitlib.ts';
import * as process from './process.ts';

class CreateThread extends Operation<number> {
  static {
    traits(CreateThread, { name: 'pthread_create', cost: 'syscall' });
  }
  private readonly thread: string;
  private readonly program: () => Program<unknown>;
  constructor(thread: string, program: () => Program<unknown>) {
    super();
    this.thread = thread;
    this.program = program;
  }
  override perform(step: Step): number {
    const { task } = step.world.actors.get(step.actor)!;
    const name = `${step.world.tasks.get(task)!.name}:${this.thread}`;
    return step.spawn({ name, role: 'app', task, program: this.program(), epilogue: process.endOfThread });
  }
}

/** Starts a thread of the app; evaluates to its actor number, to be joined. */
function pthread_create(name: string, program: () => Program<unknown>): Operation<number> {
  return new CreateThread(name, program);
}

// What these rooms share with others, but an app cannot call.
const { largeBlock: _largeBlock, ...heapCalls } = heap;
const { peek: _peek, ...accessCalls } = access;
const { actorName: _actorName, mustExist: _mustExist, ...threadCalls } = threads;
const { kIOMapAnywhere: _anywhere, kIOMapReadOnly: _readOnly, ...iokitCalls } = iokit;
const { endOfMain: _endOfMain, endOfThread: _endOfThread, ...processCalls } = process;

/** Everything an app can call, under the names that C has for it. */
export const app = {
  ...heapCalls,
  ...mapping,
  ...accessCalls,
  ...threadCalls,
  ...iokitCalls,
  ...processCalls,
  pthread_create,
  fork,
  waitpid,
  madvise,
  vm_copy,
  reclaim,
} as const;

export type App = typeof app;
