import type { Finding } from '../../scheduler/finding.ts';

/**
 * What tells one failure from another: its rule, and its message without what differs from one schedule to the next,
 * which are numbers and which of two accesses came first.
 */
export function causeOf({ rule, message }: Pick<Finding, 'rule' | 'message'>): string {
  const lines = message
    .replaceAll(/0x[\da-f]+|\d[\d,.]*/gi, '…')
    .split('\n')
    .filter((line) => !/^\s*and … more /.test(line))
    .map((line) => line.replace(/^\s*(?:first|then),\s*/, ''));
  return [rule, ...lines.toSorted()].join('\n');
}
