import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { InputError } from '../../core/errors.ts';
import type { Part } from '../../replay/explore/exploration.ts';
import { merge } from '../../replay/explore/merge.ts';
import { exitCodeOf, printExploration, type ShownExploration } from '../exploration.ts';
import { printJson } from '../output.ts';

/** `dextrace merge`. */
export function mergeCommand(): Command {
  return new Command('merge')
    .description('put the shards of an exploration together')
    .argument('<files...>', 'what dextrace explore --shard i/n --json has printed, a file for each shard')
    .option('--json', 'print one JSON document')
    .action((files: string[], flags: { json?: true }) => {
      const parts = files.map(read);
      const merged = merge(parts) as ShownExploration;
      if (flags.json === true) printJson('explore', { scenario: parts[0]!.scenario, ...merged });
      else printExploration(merged);
      process.exitCode = exitCodeOf(merged);
    });
}

type Document = Part & { readonly schema: string; readonly scenario: string };

function read(file: string): Document {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(`${file}: cannot be read`, { cause: error });
  }
  let document: Partial<Document>;
  try {
    document = JSON.parse(text) as Partial<Document>;
  } catch (error) {
    throw new InputError(`${file}: is no JSON document`, { cause: error });
  }
  if (document.schema !== 'dextrace.explore/1' || document.shard === undefined)
    throw new InputError(`${file}: is no shard; write one with dextrace explore --shard i/n --json`);
  return document as Document;
}
