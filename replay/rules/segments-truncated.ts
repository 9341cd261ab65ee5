import { everywhere, type Beat, type Moment, type Rule, type Watch, type Stretch } from '../rule.ts';
import { Preparations, type Preparation } from './shared/preparations.ts';
import { tellBeat, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

interface Truncated {
  readonly preparation: Preparation;
  /** Where in the descriptor the bytes begin that no segment names. */
  readonly rest: number;
  /** The device's first beat on it; nothing before. */
  beat: { readonly seq: number; readonly actor: number; readonly text: string } | undefined;
}

/**
 * The segments did not fit, PrepareForDMA succeeded all the same, and the device went to work on what there was
 * (facts §4.2 (5), §10 (18)). Who prepares the rest later has noticed.
 */
export const segmentsTruncated: Rule = {
  name: 'segments-truncated',
  severity: 'error',
  advice: 'Give room for 32 segments, sum their lengths, and prepare the rest by its offset.',
  watch(report) {
    const all: Truncated[] = [];
    /** Those on which the device has not worked yet. */
    let waiting: Truncated[] = [];
    const preparations = new Preparations((ended) => {
      waiting = waiting.filter(({ preparation }) => preparation !== ended);
    });
    const beat = (event: Beat, { seq, actor }: Moment): Stretch | undefined => {
      if (waiting.length === 0) return everywhere;
      const { address } = event;
      const hit = waiting.find(({ preparation }) =>
        preparation.segments.some((s) => address >= s.address && address < s.address + s.length),
      );
      if (hit === undefined) return undefined;
      hit.beat = { seq, actor, text: tellBeat(event) };
      waiting = waiting.filter((other) => other !== hit);
      return undefined;
    };
    const own: Watch['on'] = {
      'command.prepared': ({ command }) => {
        const preparation = preparations.live.get(command)!;
        const { descriptor, offset, length, dropped } = preparation;
        for (let i = all.length - 1; i >= 0; i -= 1) {
          const { rest, preparation: other } = all[i]!;
          if (other.descriptor === descriptor && offset <= rest && rest < offset + length) all.splice(i, 1);
        }
        if (dropped === 0) return;
        const named = preparation.segments.reduce((sum, segment) => sum + segment.length, 0);
        const truncated: Truncated = { preparation, rest: offset + named, beat: undefined };
        all.push(truncated);
        waiting.push(truncated);
      },
    };
    return {
      on: together(preparations.on, own),
      beat,
      end(world) {
        for (const { preparation, rest, beat: worked } of all) {
          if (worked === undefined) continue;
          const { command, descriptor, seq, actor, segments, dropped, offset, length } = preparation;
          report({
            message: `the device works on ${rest - offset} of ${length} bytes, and nobody noticed:
  event ${seq}: ${who(world, actor)} prepared command #${command} with descriptor #${descriptor}: ${segments.length} segments, ${dropped} dropped
  event ${worked.seq}: ${who(world, worked.actor)} ${worked.text}
  the bytes from offset ${rest} on were never prepared again`,
            seq: worked.seq,
            actors: [actor, worked.actor],
            key: `${command} ${seq}`,
          });
        }
      },
    };
  },
};
