/** What tests look for in what the program said. */
import { expect } from 'vitest';
import type { Said } from './folder.ts';

/** Bad input: exit code 2 and one clear line on stderr, nothing on stdout. */
export function expectRefusal(said: Said, pattern: RegExp): void {
  expect(said.stderr).toMatch(/^dextrace: [^\n]*\S\n$/);
  expect(said.stderr).toMatch(pattern);
  expect(said).toMatchObject({ code: 2, stdout: '' });
}

/** It did what it was asked, without a word on stderr. */
export function expectFine(said: Said): void {
  expect(said).toMatchObject({ code: 0, stderr: '' });
}

/** The one JSON document of a command. */
export function documentOf(said: Said): unknown {
  expect(said.stderr).toBe('');
  return JSON.parse(said.stdout);
}

/** The sessions of a file. */
export function sessionsOf(said: Said): ListedSession[] {
  return (documentOf(said) as { sessions: ListedSession[] }).sessions;
}

/** A row of `dextrace sessions --json`. */
export interface ListedSession {
  readonly id: number;
  readonly outcome: string;
  readonly events: number;
  readonly digest: string;
  readonly title: string;
  readonly scenario: string;
}
