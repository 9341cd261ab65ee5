import type { Session } from '../session.ts';
import type { Parting, Sides, Told } from './result.ts';
import type { Teller } from './teller.ts';

/** The first decision that differs, and the first events that do. */
export function partingOf(a: Session, b: Session, seq: number | undefined, teller: Sides<Teller>): Parting | undefined {
  const [inA, inB] = [a.decisions(), b.decisions()];
  const [namesA, namesB] = [a.actors(), b.actors()];
  let decision: number | undefined;
  let picks: Sides<string | undefined> = { a: undefined, b: undefined };
  for (let at = 0; decision === undefined; at += 1) {
    const [left, right] = [inA.next(), inB.next()];
    if (left.done === true && right.done === true) break;
    if (left.value === right.value) continue;
    decision = at;
    const pick = (names: Map<number, string>, actor: number | void): string | undefined =>
      typeof actor === 'number' ? (names.get(actor) ?? `actor ${actor}`) : undefined;
    picks = { a: pick(namesA, left.value), b: pick(namesB, right.value) };
  }
  if (decision === undefined && seq === undefined) return undefined;
  const first = (session: Session, tell: Teller): Told | undefined =>
    seq === undefined || seq >= session.row.events ? undefined : tell(seq);
  return { decision, picks, events: { a: first(a, teller.a), b: first(b, teller.b) } };
}
