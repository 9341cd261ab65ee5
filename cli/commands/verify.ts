import { Command } from 'commander';
import { defaultFile } from '../../replay/session.ts';
import { verify } from '../../replay/verify/verify.ts';
import { exitCodes, grouped, print, printJson, styled } from '../output.ts';

/** `dextrace verify`. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check that the sessions of a file are as they were recorded')
    .argument('[file]', 'the file', defaultFile)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Holds the database against its own structure, the events against their digest and marks, all else against the
session's seal, and the checkpoints beside the file, if there are any, against a fold.

Examples:
  dextrace verify my.db                        every session, whole or damaged, and how
  dextrace export --repair my.db whole.db      what is whole, in a new file

Exit codes: 0 all is whole, 1 something is damaged, 2 no such file.`,
    )
    .action((file: string, flags: { json?: true }) => {
      const found = verify(file);
      if (!found.whole) process.exitCode = exitCodes.finding;
      if (flags.json === true) {
        printJson('verify', found);
        return;
      }
      for (const damage of found.damages) print(`${file}: ${styled('red', 'damaged')}: ${damage}`);
      for (const { id, row, whole, damages } of found.sessions) {
        const name = styled('bold', `${file}#${id}`);
        if (damages.length === 0) print(`${name}: ${styled('green', 'whole')}, ${grouped(row!.events)} events`);
        else {
          print(`${name}: ${styled('red', 'damaged')}; the first ${grouped(whole.events)} events are whole`);
          for (const damage of damages) print(`  ${damage}`);
        }
      }
      if (found.whole && found.sessions.length === 0) print(`${file}: whole, and without a session yet`);
    });
}
