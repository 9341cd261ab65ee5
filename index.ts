/** dextrace: what scenarios, tests and tools import. */
export * from './core/index.ts';
export { record, type Recording, type RecordOptions } from './replay/record.ts';
