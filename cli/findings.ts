import type { Finding } from '../scheduler/finding.ts';
import { print, styled } from './output.ts';

/** Prints findings as paragraphs: the errors, and then, apart from them, the warnings. */
export function printFindings(findings: readonly Pick<Finding, 'rule' | 'severity' | 'message' | 'seq'>[]): void {
  for (const severity of ['error', 'warning'] as const) {
    const colour = severity === 'error' ? 'red' : 'yellow';
    for (const { rule, message, seq } of findings.filter((finding) => finding.severity === severity)) {
      print(`\n${severity === 'warning' ? 'warning: ' : ''}${styled(colour, rule)} after event ${seq}: ${message}`);
    }
  }
}
