import { Command } from 'commander';
import { defaultFile } from '../../replay/session.ts';
import { Reader } from '../../store/reader.ts';
import { grouped, print, printJson, styled } from '../output.ts';

/** `dextrace sessions`. */
export function sessionsCommand(): Command {
  return new Command('sessions')
    .description('list the sessions of a file')
    .argument('[file]', 'the file', defaultFile)
    .option('--json', 'print one JSON document')
    .action((file: string, flags: { json?: true }) => {
      const reader = new Reader(file);
      try {
        const rows = reader.sessions();
        if (flags.json === true) printJson('sessions', { file, sessions: rows });
        else if (rows.length === 0) print(`${file} has no sessions yet`);
        else {
          for (const { id, scenario, title, seed, strategy, events, outcome, digest } of rows) {
            const name = styled('bold', `${file}#${id}`);
            print(
              `${name}  ${outcome.padEnd(11)}  ${grouped(events).padStart(11)} events  ${digest.slice(0, 12)}  seed ${seed} ${strategy}  ${scenario || title}`,
            );
          }
        }
      } finally {
        reader.close();
      }
    });
}
