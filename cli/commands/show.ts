import { Command } from 'commander';
import { InputError } from '../../core/errors.ts';
import { kindNames } from '../../core/events.ts';
import { hexBytes } from '../../core/units.ts';
import { describeWorld } from '../../replay/describe.ts';
import { formatEvent } from '../../replay/format.ts';
import { open, type Session } from '../../replay/session.ts';
import type { Difference } from '../../replay/timeline.ts';
import { parseTarget, type Target } from '../../replay/travel/target.ts';
import { nextTouching, previousTouching, touching, touchingBackwards } from '../../replay/travel/touching.ts';
import type { EventFilter, RecordedEvent } from '../../store/reader.ts';
import { wholeNumber } from '../options.ts';
import { plain, print, printJson, styled } from '../output.ts';

interface Flags {
  readonly at?: string;
  readonly kind?: string;
  readonly actor?: string;
  readonly from?: string;
  readonly to?: string;
  readonly touching?: string;
  readonly reverse?: true;
  readonly schedule?: true;
  readonly json?: true;
}

/** `dextrace show`. */
export function showCommand(): Command {
  return new Command('show')
    .description('print the events of a session, or the world at one of them')
    .argument('<session>', 'FILE#ID, or #ID in the default file')
    .option('--at <seq>', 'the world just after that event, and what the event changed')
    .option('--kind <kind>', 'only events of a kind, such as dma.read')
    .option('--actor <actor>', 'only events of an actor, by number or name')
    .option('--from <seq>', 'from that event on')
    .option('--to <seq>', 'up to and including that event')
    .option(
      '--touching <target>',
      'only events that touched bytes, a page or an object; with --at, the ones before and after',
    )
    .option('--reverse', 'the last event first')
    .option('--schedule', "the session's schedule, for record --schedule")
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Targets: app:0x104000000+64 (bytes that a process sees), device:0x1000+64 (a device's own memory), frame:2097152,
page:#7/0 (page 0 of VM object #7), descriptor:#9, command:#11, queue:#4 and the like.

Examples:
  dextrace show '#1' --kind dma.read                          all DMA reads
  dextrace show '#1' --at 602                                 the world just after event 602
  dextrace show '#1' --touching app:0x104000000+64            who has touched these bytes
  dextrace show '#1' --touching descriptor:#9 --at 602        the last event before it and the next one that touch it
  dextrace show '#1' --reverse                                from the end

Exit codes: 0 fine, 2 wrong usage or input.`,
    )
    .action((name: string, flags: Flags) => {
      const session = open(name);
      try {
        if (flags.schedule === true) showSchedule(session, flags);
        else if (flags.at !== undefined && flags.touching !== undefined)
          showNeighbours(session, wholeNumber('--at', flags.at), parseTarget(flags.touching), flags);
        else if (flags.at === undefined) showEvents(session, flags);
        else showWorld(session, wholeNumber('--at', flags.at), flags);
      } finally {
        session.close();
      }
    });
}

/** @throws {InputError} for a kind or an actor that there is not */
function filterOf(session: Session, flags: Flags): EventFilter {
  const { kind, actor, from, to, reverse } = flags;
  if (kind !== undefined && !kindNames.some((name) => name === kind)) {
    const room = kindNames.filter((name) => name.split('.')[0] === kind.split('.')[0]);
    throw new InputError(
      `there is no event kind "${kind}"; ${room.length > 0 ? `perhaps ${room.join(', ')}` : `there are: ${kindNames.join(', ')}`}`,
    );
  }
  return {
    kind,
    actor: actor === undefined ? undefined : actorNumber(session, actor),
    from: from === undefined ? undefined : wholeNumber('--from', from),
    to: to === undefined ? undefined : wholeNumber('--to', to),
    reverse,
  };
}

/** The events that the flags choose. */
function* chosen(session: Session, flags: Flags): Generator<RecordedEvent, void, undefined> {
  const filter = filterOf(session, flags);
  if (flags.touching === undefined) {
    yield* session.events(filter);
    return;
  }
  const target = parseTarget(flags.touching);
  const events =
    filter.reverse === true ? touchingBackwards(session, target, filter) : touching(session, target, filter);
  for (const recorded of events) {
    const { event, actor } = recorded;
    if ((filter.kind ?? event.kind) === event.kind && (filter.actor ?? actor) === actor) yield recorded;
  }
}

function actorNumber(session: Session, text: string): number {
  const actors = session.actors();
  for (const [id, name] of actors) if (name === text || String(id) === text) return id;
  throw new InputError(`${session.name} has no actor "${text}"; there are: ${[...actors.values()].join(', ')}`);
}

/** The event's own fields stay apart: some kinds have an `actor` too. */
const documentOf = ({ seq, tick, actor, event }: RecordedEvent, names: Map<number, string>): object => ({
  seq,
  tick,
  actor,
  by: names.get(actor),
  event,
});

function showEvents(session: Session, flags: Flags): void {
  const names = session.actors();
  if (flags.json === true) {
    // One document, written as it is read: a session can be larger than memory.
    print(`{\n  "schema": "dextrace.events/1",\n  "session": ${JSON.stringify(session.name)},\n  "events": [`);
    let separator = '';
    for (const recorded of chosen(session, flags)) {
      process.stdout.write(`${separator}    ${JSON.stringify(documentOf(recorded, names), plain)}`);
      separator = ',\n';
    }
    print('\n  ]\n}');
    return;
  }
  const width = Math.max(...[...names.values()].map((name) => name.length));
  for (const recorded of chosen(session, flags)) print(line(recorded, names, width));
}

/** The events on either side of one that touch a target. */
function showNeighbours(session: Session, seq: number, target: Target, flags: Flags): void {
  const names = session.actors();
  const [before, after] = [previousTouching(session, target, seq), nextTouching(session, target, seq)];
  if (flags.json === true) {
    const [previous, next] = [before, after].map((found) => (found === undefined ? null : documentOf(found, names)));
    printJson('touching', { session: session.name, at: seq, previous, next });
    return;
  }
  print(`before  ${before === undefined ? 'nothing touched it' : line(before, names, 0)}`);
  print(`after   ${after === undefined ? 'nothing touches it' : line(after, names, 0)}`);
}

function line({ seq, tick, actor, event }: RecordedEvent, names: Map<number, string>, width: number): string {
  const by = (names.get(actor) ?? `actor ${actor}`).padEnd(width);
  const time = tick === 0 ? '' : `${String(tick).padStart(10)} ns  `;
  return `${String(seq).padStart(7)}  ${time}${styled('dim', by)}  ${styled('bold', event.kind)}  ${formatEvent(event)}`;
}

function showSchedule(session: Session, flags: Flags): void {
  const schedule = session.schedule();
  if (flags.json === true) printJson('schedule', { session: session.name, schedule });
  else print(schedule);
}

function showWorld(session: Session, seq: number, flags: Flags): void {
  if (seq >= session.row.events) {
    throw new InputError(`${session.name} has events 0 to ${session.row.events - 1}; there is no event ${seq}`);
  }
  const { recorded, after, differences } = session.timeline().change(seq);
  const names = session.actors();
  if (flags.json === true) {
    printJson('world', {
      session: session.name,
      event: documentOf(recorded, names),
      changed: differences,
      world: after,
    });
    return;
  }
  print(line(recorded, names, 0));
  print(differences.length === 0 ? 'changed nothing' : 'changed');
  for (const difference of differences) print(`  ${differenceLine(difference)}`);
  for (const text of describeWorld(after)) print(text);
}

/** One difference: where in the world, and the new value in short. */
function differenceLine({ op, path, value, offset }: Difference): string {
  const place = path.join('.');
  if (op === 'remove') return `${place} removed`;
  if (value instanceof Uint8Array) return `${place}[${offset ?? 0}…] = ${hexBytes(value)}`;
  const text = JSON.stringify(value, plain) ?? String(value);
  return `${place} = ${text.length > 100 ? `${text.slice(0, 97)}…` : text}`;
}
