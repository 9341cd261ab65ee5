#!/usr/bin/env node
/** The dextrace command. Exit codes: 0 fine, 1 a finding, 2 usage, 125 cannot judge, 130 interrupted. */
import { Command, CommanderError } from 'commander';
import { CannotJudge, InputError } from '../core/errors.ts';
import { version } from '../replay/version.ts';
import { bisectCommand } from './commands/bisect.ts';
import { diffCommand } from './commands/diff.ts';
import { examplesCommand } from './commands/examples.ts';
import { exportCommand } from './commands/export.ts';
import { exploreCommand } from './commands/explore.ts';
import { mergeCommand } from './commands/merge.ts';
import { recordCommand } from './commands/record.ts';
import { replayCommand } from './commands/replay.ts';
import { sessionsCommand } from './commands/sessions.ts';
import { showCommand } from './commands/show.ts';
import { verifyCommand } from './commands/verify.ts';
import { shrinkCommand } from './commands/shrink.ts';
import { whyCommand } from './commands/why.ts';
import { exitCodes, oneLine } from './output.ts';

// Places in findings are then those of the scenario's own text.
process.setSourceMapsEnabled(true);

const program = new Command('dextrace')
  .description('Deterministic simulation of zero-copy DMA between a macOS app, a DriverKit dext and a PCIe device.')
  .version(version)
  .showSuggestionAfterError()
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(`${oneLine(text.replace(/^error: /, 'dextrace: '))}\n`) })
  .addHelpText(
    'after',
    `
Examples:
  dextrace record late-write                 run a bundled example and record it into dextrace.db
  dextrace record my.ts --seed 7             another schedule of a scenario of your own
  dextrace explore my.ts                     many schedules of it, and which of them fail
  dextrace replay '#1'                       execute session 1 again, event by event
  dextrace show '#1' --kind dma.read         its DMA reads
  dextrace diff '#1' '#2'                    what two sessions do differently

Exit codes: 0 fine, 1 a finding or a divergence, 2 wrong usage or input, 125 cannot judge, 130 interrupted.`,
  );

for (const command of [
  recordCommand,
  exploreCommand,
  mergeCommand,
  replayCommand,
  shrinkCommand,
  bisectCommand,
  showCommand,
  whyCommand,
  diffCommand,
  sessionsCommand,
  verifyCommand,
  exportCommand,
  examplesCommand,
]) {
  program.addCommand(command().copyInheritedSettings(program));
}

// Commander prints the whole help for a command that there is not.
program.helpCommand(false).addCommand(
  new Command('help')
    .description('display help for a command')
    .argument('[command]')
    .action((name?: string) => {
      const command = program.commands.find((one) => one.name() === name);
      if (name !== undefined && command === undefined) program.error(`error: unknown command '${name}'`);
      (command ?? program).outputHelp();
    }),
);

// A reader that has seen enough, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are no errors; anything else is wrong usage, already explained.
    process.exitCode = error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
  } else if (error instanceof InputError) {
    process.stderr.write(`dextrace: ${oneLine(error.message)}\n`);
    process.exitCode = error instanceof CannotJudge ? exitCodes.cannotJudge : exitCodes.usage;
  } else throw error;
}
