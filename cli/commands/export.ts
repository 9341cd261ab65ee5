import { Command } from 'commander';
import { parseSession } from '../../replay/session.ts';
import { exportSessions } from '../../replay/verify/export.ts';
import { exitCodes, grouped, print, printJson, styled } from '../output.ts';

interface Flags {
  readonly repair?: true;
  readonly json?: true;
}

/** `dextrace export`. */
export function exportCommand(): Command {
  return new Command('export')
    .description('copy sessions into a new file')
    .argument('<from>', 'a file, or one session: FILE#ID')
    .argument('<to>', 'the file to make')
    .option('--repair', 'copy what is whole of damaged sessions too, marked as interrupted')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  dextrace export 'my.db#7' one.db             one session, under its own number
  dextrace export --repair my.db whole.db      all that is whole in a damaged file

Exit codes: 0 all has been copied, 1 something was damaged and only what is whole has been copied, 2 wrong usage or input.`,
    )
    .action((from: string, to: string, flags: Flags) => {
      const { file, id } = parseSession(from);
      const exported = exportSessions(file, to, {
        ...(id === undefined ? {} : { session: id }),
        repair: flags.repair === true,
      });
      if (exported.some(({ check }) => check.damages.length > 0)) process.exitCode = exitCodes.finding;
      if (flags.json === true) {
        printJson('export', { file, to, sessions: exported });
        return;
      }
      for (const { check, events } of exported) {
        const name = styled('bold', `${file}#${check.id}`);
        if (check.damages.length === 0) print(`${name}: copied, ${grouped(events)} events`);
        else if (events === 0) print(`${name}: ${styled('red', 'lost')}: ${check.damages[0]!}`);
        else
          print(`${name}: ${styled('red', 'damaged')}: its first ${grouped(events)} events are copied, as interrupted`);
      }
    });
}
