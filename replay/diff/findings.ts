import type { Session } from '../session.ts';
import type { FindingDifference, Sides } from './result.ts';

/** Findings that the other has not, by rule and message: numbers of events and objects go by the schedule. */
export function findingDifferences(a: Session, b: Session): Sides<FindingDifference[]> {
  const [inA, inB] = [a.findings(), b.findings()];
  const key = ({ rule, message }: FindingDifference): string => `${rule} ${message.replaceAll(/(event |#)\d+/g, '$1')}`;
  const without = (these: typeof inA, those: typeof inA): FindingDifference[] => {
    const there = new Set(those.map(key));
    return these.filter((finding) => !there.has(key(finding)));
  };
  return { a: without(inA, inB), b: without(inB, inA) };
}
