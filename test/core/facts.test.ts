/** Every section of the facts that holds rules is cited where a rule is made, and where it is tested. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);

/** Sections with rules: 1 to 9, 12 and 13; of those with parts, the parts. */
function sections(): string[] {
  const titles = [...readFileSync(new URL('docs/facts.md', root), 'utf8').matchAll(/^#{2,3} (\d+(?:\.\d+)?)\.? /gm)];
  const numbers = titles.map(([, number]) => number!);
  return numbers.filter((number) => {
    const chapter = Number.parseInt(number);
    const hasParts = !number.includes('.') && numbers.some((other) => other.startsWith(`${number}.`));
    return chapter >= 1 && chapter <= 13 && chapter !== 10 && !hasParts;
  });
}

/** Sections that the files of a folder cite: `§2.3`, `§4.2 (3)`, or the range `§2.1 to §2.4`. */
function cited(folder: string): Set<string> {
  const found = new Set<string>();
  for (const file of readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file === 'facts.test.ts') continue;
    const text = readFileSync(new URL(`${folder}${file}`, root), 'utf8');
    for (const [, number] of text.matchAll(/§(\d+(?:\.\d+)?)/g)) found.add(number!);
    for (const [, chapter, from, to] of text.matchAll(/§(\d+)\.(\d+) to §\1\.(\d+)/g))
      for (let part = Number(from); part <= Number(to); part += 1) found.add(`${chapter}.${part}`);
  }
  return found;
}

test('sections 1 to 9, 12 and 13 are there', () => {
  expect(sections()).toEqual([
    ...['1.1', '1.2', '1.3', '1.4', '1.5'],
    ...['2.1', '2.2', '2.3', '2.4', '2.5', '2.6', '2.7', '2.8'],
    ...['3.1', '3.2', '3.3', '3.4', '3.5', '3.6'],
    ...['4.1', '4.2', '4.3', '4.4', '4.5', '4.6'],
    ...['5.1', '5.2', '6', '7.1', '7.2', '7.3', '7.4', '8', '9', '12', '13'],
  ]);
});

test.each(['core/', 'test/core/'])('%s cites each of them', (folder) => {
  const there = cited(folder);
  expect(sections().filter((section) => !there.has(section))).toEqual([]);
});
