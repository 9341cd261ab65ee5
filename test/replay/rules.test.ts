/** The list of rules, and its page. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { watchedRules, type RuleName } from '../../index.ts';
import { Watcher } from '../../replay/watcher.ts';
import { runRules } from '../../scheduler/finding.ts';

test('docs/findings.md has a row and a section for each rule', () => {
  const page = readFileSync('docs/findings.md', 'utf8');
  const names = [...runRules, ...watchedRules.map(({ name }) => name)];
  const rows = [...page.matchAll(/^\| \[`([\w-]+)`\]\(#([\w-]+)\) /gm)];
  expect(rows.map(([, name]) => name)).toEqual(names);
  expect(rows.map(([, , anchor]) => anchor)).toEqual(names);
  const sections = [...page.matchAll(/^##+ ([\w-]+)$/gm)].map(([, name]) => name);
  expect(names.filter((name) => !sections.includes(name))).toEqual([]);
});

test('no rule is listed twice', () => {
  const names = watchedRules.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test('a name that no rule has is refused', () => {
  expect(() => new Watcher(['late-wirte' as RuleName])).toThrow(
    /there is no rule "late-wirte"; there are: .*late-write/,
  );
});
