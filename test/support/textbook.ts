/**
 * Programs of the partial-order literature. Readers and last-zero are from Abdulla, Aronis, Jonsson, Sagonas, "Optimal Dynamic
 * Partial Order Reduction" (POPL 2014, table 1; JACM 2017); indexer and file system from Flanagan, Godefroid, "Dynamic
 * Partial-Order Reduction for Model Checking Software" (POPL 2005, figures 1 and 2).
 */
import { scenario, type Program, type Scenario } from '../../index.ts';
import { threadsOf } from './programs.ts';

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** One writes a word, n read it. */
export const readers = (n: number): Scenario =>
  threadsOf(1, (app, word) => [
    function* (): Program {
      yield* app.store32(word(0), 42);
    },
    ...times(
      n,
      () =>
        function* (): Program {
          yield* app.load32(word(0));
        },
    ),
  ]);

/** One looks for the last zero of an array, from its end; n others each set a word to one more than the word before. */
export const lastZero = (n: number): Scenario =>
  threadsOf(n + 1, (app, word) => [
    function* (): Program {
      for (let i = n; (yield* app.load32(word(i))) !== 0; i -= 1);
    },
    ...times(
      n,
      (i) =>
        function* (): Program {
          yield* app.store32(word(i + 1), (yield* app.load32(word(i))) + 1);
        },
    ),
  ]);

/** n threads each put four words into a hash table without locks. */
export const indexer = (n: number): Scenario =>
  threadsOf(128, (app, word) =>
    times(
      n,
      (thread) =>
        function* (): Program {
          for (let message = 1; message <= 4; message += 1) {
            const value = message * 11 + thread;
            for (let hash = (value * 7) % 128; ; hash = (hash + 1) % 128) {
              const [stored] = yield* app.atomic_compare_exchange_strong(word(hash), 0n, BigInt(value));
              if (stored) break;
            }
          }
        },
    ),
  );

/** n threads each take a free block for an inode of their own, under locks of the inode and of the blocks. */
export const fileSystem = (n: number): Scenario => {
  const inodes = 32;
  const blocks = 26;
  return scenario({
    title: 'file system',
    *app(app) {
      const base = yield* app.malloc(4 * (inodes + blocks));
      yield* app.store(base, new Uint8Array(4 * (inodes + blocks)));
      const inode = (i: number): number => base + 4 * i;
      const busy = (i: number): number => base + 4 * (inodes + i);
      const lockInode: number[] = [];
      const lockBlock: number[] = [];
      for (let i = 0; i < inodes; i += 1) lockInode.push(yield* app.pthread_mutex_init());
      for (let i = 0; i < blocks; i += 1) lockBlock.push(yield* app.pthread_mutex_init());
      function* thread(i: number): Program {
        yield* app.pthread_mutex_lock(lockInode[i]!);
        if ((yield* app.load32(inode(i))) === 0) {
          for (let b = (i * 2) % blocks; ; b = (b + 1) % blocks) {
            yield* app.pthread_mutex_lock(lockBlock[b]!);
            const free = (yield* app.load32(busy(b))) === 0;
            if (free) {
              yield* app.store32(busy(b), 1);
              yield* app.store32(inode(i), b + 1);
            }
            yield* app.pthread_mutex_unlock(lockBlock[b]!);
            if (free) break;
          }
        }
        yield* app.pthread_mutex_unlock(lockInode[i]!);
      }
      const started: number[] = [];
      for (let i = 0; i < n; i += 1) started.push(yield* app.pthread_create(`t${i}`, () => thread(i % inodes)));
      for (const other of started) yield* app.pthread_join(other);
    },
  });
};
