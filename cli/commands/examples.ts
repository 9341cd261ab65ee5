import { Command } from 'commander';
import { bundledExamples, loadScenario } from '../../replay/load.ts';
import { print, printJson, styled } from '../output.ts';

/** `dextrace examples`. */
export function examplesCommand(): Command {
  return new Command('examples')
    .description('list the scenarios that come with dextrace')
    .option('--json', 'print one JSON document')
    .action(async (flags: { json?: true }) => {
      const examples = await Promise.all(
        bundledExamples().map(async (name) => ({ name, title: (await loadScenario(name)).scenario.title })),
      );
      if (flags.json === true) printJson('examples', { examples });
      else for (const { name, title } of examples) print(`${styled('bold', name.padEnd(31))}  ${title}`);
    });
}
