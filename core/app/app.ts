import * as threads from '../actors/threads.ts';
import * as access from '../memory/access.ts';
import * as heap from '../memory/heap.ts';
import * as mapping from '../memory/mmap.ts';
import { reclaim } from '../memory/reclaim.ts';
import { act, type Act, type Program } from '../operation.ts';
import { fork, waitpid } from './fork.ts';
import * as iokit from './iokitlib.ts';
import { exitAfterLast } from './process.ts';

/** Starts a thread of the app; evaluates to its actor number, to be joined. */
function pthread_create(name: string, program: () => Program<unknown>): Act<number> {
  return act('pthread_create', 'syscall', (step) => {
    const { task } = step.world.actors.get(step.actor)!;
    const process = step.world.tasks.get(task)!.name;
    return step.spawn({ name: `${process}:${name}`, role: 'app', task, program: program(), epilogue: exitAfterLast });
  });
}

// What these rooms share with others, but an app cannot call.
const { largeBlock: _largeBlock, ...heapCalls } = heap;
const { peek: _peek, ...accessCalls } = access;
const { actorName: _actorName, mustExist: _mustExist, ...threadCalls } = threads;
const { clientClose: _clientClose, kIOMapAnywhere: _anywhere, kIOMapReadOnly: _readOnly, ...iokitCalls } = iokit;

/** Everything an app can call, under the names that C has for it. */
export const app = {
  ...heapCalls,
  ...mapping,
  ...accessCalls,
  ...threadCalls,
  ...iokitCalls,
  pthread_create,
  fork,
  waitpid,
  reclaim,
} as const;

export type App = typeof app;
