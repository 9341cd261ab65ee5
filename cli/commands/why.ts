import { Command } from 'commander';
import { hex, hexBytes } from '../../core/units.ts';
import { open } from '../../replay/session.ts';
import { parseTarget } from '../../replay/travel/target.ts';
import { why, type Origin } from '../../replay/travel/why.ts';
import { wholeNumber } from '../options.ts';
import { grouped, print, printJson, styled } from '../output.ts';

interface Flags {
  readonly at?: string;
  readonly limit: string;
  readonly json?: true;
}

/** `dextrace why`. */
export function whyCommand(): Command {
  return new Command('why')
    .description('tell where bytes come from: the stores, copies and beats that brought them')
    .argument('<session>', 'FILE#ID, or #ID in the default file')
    .argument('<target>', 'app:0x104000000+64, device:0x1000+64, frame:2097152 or page:#7/0')
    .option('--at <seq>', 'the bytes as they are just after that event; by default at the end')
    .option('--limit <n>', 'pieces to print; the rest is counted', '20')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
A piece is bytes that came the same way. Its first line is the event that put them there, the next the one that put
them where it took them from, and so on to the one that made them.

Examples:
  dextrace why '#1' device:0x1000+64             what a device has read, and who wrote it
  dextrace why '#1' app:0x104000000 --at 602     a byte as the app sees it just after event 602

Exit codes: 0 fine, 2 wrong usage or input.`,
    )
    .action((name: string, text: string, flags: Flags) => {
      const limit = wholeNumber('--limit', flags.limit, 1);
      const session = open(name);
      try {
        const at = flags.at === undefined ? session.row.events - 1 : wholeNumber('--at', flags.at);
        const pieces = why(session, parseTarget(text), at);
        if (flags.json === true) printJson('why', { session: session.name, target: text, at, pieces });
        else printText(pieces, limit);
      } finally {
        session.close();
      }
    });
}

function printText(pieces: readonly Origin[], limit: number): void {
  for (const { address, bytes, way } of pieces.slice(0, limit)) {
    print(`${styled('bold', hex(address))} (+${bytes.length})  ${hexBytes(bytes)}`);
    if (way.length === 0) print('  never written');
    way.forEach(({ seq, actor, text }, at) => {
      const verb = at === way.length - 1 ? 'made by' : 'brought by';
      print(`  ${verb.padEnd(10)}  ${String(seq).padStart(7)}  ${styled('dim', actor)}  ${text}`);
    });
  }
  if (pieces.length > limit) print(`and ${grouped(pieces.length - limit)} more pieces`);
}
