import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { Column, Pool } from '../../../replay/diff/column.ts';

test('columns that outgrow their pool keep their numbers, in a file that goes with it', () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('dextrace-diff-'));
  const pool = new Pool(3);
  const columns = Array.from({ length: 2 }, () => new Column(pool));
  for (let i = 0; i < 50_000; i += 1) columns.forEach((column, at) => column.push(i * 2 + at));
  const during = readdirSync(tmpdir()).filter((name) => name.startsWith('dextrace-diff-'));
  expect(during.length).toBe(before.length + 1);
  for (const i of [0, 49_999, 4_096, 4_095, 25_000, 12_345, 1]) {
    columns.forEach((column, at) => expect(column.get(i)).toBe(i * 2 + at));
  }
  // What has been fetched back can be added to, and leave again.
  for (const column of columns) column.push(7);
  for (let i = 0; i < 50_000; i += 997) columns.forEach((column, at) => expect(column.get(i)).toBe(i * 2 + at));
  expect(columns.map((column) => column.get(50_000))).toEqual([7, 7]);
  pool.close();
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('dextrace-diff-')).length).toBe(before.length);
});
