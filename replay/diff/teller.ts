import { formatEvent } from '../format.ts';
import type { Session } from '../session.ts';
import type { Identities } from './identities.ts';
import type { Told } from './result.ts';

/** Puts an event into words, by its sequence number. */
export type Teller = (seq: number) => Told;

/** A teller of the session's events, with its actors' paths. */
export function tellerOf(session: Session, names: Identities): Teller {
  return (seq) => {
    const { actor, event } = session.event(seq);
    return { seq, actor: names.pathOf(actor), text: formatEvent(event) };
  };
}
