import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { InputError } from '../../core/errors.ts';
import type { Scenario } from '../../core/scenario.ts';
import type { Exploration, Failure, Part } from './exploration.ts';
import { Explorer, recordFailure } from './explorer.ts';
import { merge } from './merge.ts';
import type { ExploreOptions } from './options.ts';
import { storedFailures } from './stored.ts';

/** What a worker is started with. */
export interface PoolStart {
  /** The scenario, as {@link loadScenario} takes it. */
  readonly scenario: string;
  readonly options: ExploreOptions;
  /** Slots: see below. */
  readonly shared: Int32Array<SharedArrayBuffer>;
}

/** What a worker tells: a failure as soon as it is found, and at the end its part; or what is wrong with the input. */
export type PoolMessage = { readonly failure: Failure } | { readonly part: Part } | { readonly wrong: string };

/** Whether all are to stop; which execution was the first to fail; then, for each worker, executions made. */
export const stopSlot = 0;
export const firstSlot = 1;
export const countSlots = 2;
export const none: number = 2 ** 31 - 1;

const entry = new URL('./worker-main.js', import.meta.url);

/** Shards of one exploration, each on a thread of its own: it finds what the exploration would find in one piece. */
export class Pool {
  private readonly scenario: Scenario;
  private readonly name: string;
  private readonly options: ExploreOptions;
  private readonly workers: number;
  private readonly shared: Int32Array<SharedArrayBuffer>;
  /** Sessions of failures recorded so far, by schedule. */
  private readonly sessions = new Map<string, string | undefined>();
  private readonly causes = new Set<string>();

  /** @throws {InputError} when an option or the scenario is at fault, or there is no compiled entry to start */
  constructor(scenario: Scenario, name: string, options: ExploreOptions, workers: number) {
    if (!existsSync(fileURLToPath(entry))) throw new InputError('workers need the compiled dextrace');
    this.scenario = scenario;
    this.name = name;
    this.options = options;
    this.workers = workers;
    this.shared = new Int32Array(new SharedArrayBuffer(4 * (countSlots + workers)));
    this.shared[firstSlot] = none;
    // What is wrong is found here, before any thread starts.
    this.runs = new Explorer(scenario, this.optionsOf(1)).runs;
  }

  /** Most executions to make. */
  readonly runs: number;

  /** Executions made so far. */
  get executions(): number {
    return this.shared.subarray(countSlots).reduce((sum, count) => sum + count, 0);
  }

  /** Causes found so far. */
  get found(): number {
    return this.causes.size;
  }

  /** Has all workers stop after the execution that they are in. */
  stop(): void {
    Atomics.store(this.shared, stopSlot, 1);
  }

  /** Explores. */
  async run(): Promise<Exploration> {
    const parts = await Promise.all(Array.from({ length: this.workers }, (_, i) => this.work(i + 1)));
    const merged = merge(parts);
    return { ...merged, failures: merged.failures.map((failure) => this.recorded(failure)) };
  }

  private optionsOf(index: number): ExploreOptions {
    const { db, source } = this.options;
    const stored = db === undefined || source === undefined || index > 1 ? [] : storedFailures(db, source.file);
    const { db: _db, ...rest } = this.options;
    return { ...rest, first: index > 1 ? [] : (rest.first ?? []), stored, shard: { index, of: this.workers } };
  }

  private work(index: number): Promise<Part> {
    const start: PoolStart = { scenario: this.name, options: this.optionsOf(index), shared: this.shared };
    const worker = new Worker(entry, { workerData: start });
    return new Promise((resolve, reject) => {
      worker.on('message', (message: PoolMessage) => {
        if ('part' in message) resolve(message.part);
        else if ('wrong' in message) reject(new InputError(message.wrong));
        else this.hear(message.failure);
      });
      worker.on('error', reject);
    });
  }

  /** A failure is recorded at once, unless another worker has found one of the same cause. */
  private hear(failure: Failure): void {
    if (this.causes.has(failure.cause)) return;
    this.causes.add(failure.cause);
    this.recorded(failure);
  }

  private recorded(failure: Failure): Failure {
    const { db } = this.options;
    if (db === undefined || failure.severity !== 'error' || failure.session !== undefined) return failure;
    const key = `${failure.seed} ${failure.schedule}`;
    if (!this.sessions.has(key)) this.sessions.set(key, recordFailure(this.scenario, this.options, failure, db));
    return { ...failure, session: this.sessions.get(key) };
  }
}
