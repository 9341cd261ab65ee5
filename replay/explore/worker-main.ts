/** A worker of an exploration: see pool.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { InputError } from '../../core/errors.ts';
import { loadScenario } from '../load.ts';
import { Explorer } from './explorer.ts';
import { countSlots, firstSlot, stopSlot, type PoolMessage, type PoolStart } from './pool.ts';

const { scenario: name, options, shared } = workerData as PoolStart;

function tell(message: PoolMessage): void {
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- no window, a thread
  parentPort!.postMessage(message);
}

/** Explores the shard, until all of it is done, an earlier execution of another shard has failed, or all are to stop. */
function work(explorer: Explorer, index: number): void {
  let told = 0;
  const goesOn = (): boolean =>
    Atomics.load(shared, stopSlot) === 0 && explorer.next <= Atomics.load(shared, firstSlot) && explorer.advance();
  for (let more = true; more;) {
    const next = explorer.next;
    more = goesOn();
    Atomics.store(shared, countSlots + index - 1, explorer.executions);
    if (explorer.failures.size === told) continue;
    const fresh = [...explorer.failures.values()].slice(told);
    told = explorer.failures.size;
    for (const failure of fresh) tell({ failure });
    if (options.stopAtFirst === true && fresh.some(({ severity }) => severity === 'error')) lower(next);
  }
}

/** Notes that an execution has failed, unless an earlier one has. */
function lower(run: number): void {
  for (let known = Atomics.load(shared, firstSlot); run < known; known = Atomics.load(shared, firstSlot))
    if (Atomics.compareExchange(shared, firstSlot, known, run) === known) return;
}

try {
  const { scenario } = await loadScenario(name);
  const explorer = new Explorer(scenario, options);
  work(explorer, options.shard!.index);
  tell({ part: explorer.part() });
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  tell({ wrong: error.message });
}
