/** A thread that looks for bugs: see chances.ts. */
import { parentPort } from 'node:worker_threads';
import { chancesOf, type Asked, type Chance } from './chances.ts';

function tell(chances: readonly Chance[]): void {
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- no window, a thread
  parentPort!.postMessage(chances);
}

parentPort!.on('message', (asked: Asked) => void chancesOf(asked).then(tell));
