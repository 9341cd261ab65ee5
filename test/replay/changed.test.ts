import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { test, type Folder } from '../support-cli/folder.ts';
import { documentOf, expectFine, expectRefusal } from '../support-cli/said.ts';
import { scenarioText } from '../support-cli/scenario-text.ts';

/** Lines that are gone when the types are: places must be those of the file all the same. */
const types = `
interface Unused {
  readonly a: number;
  readonly b: string;
}
type Other = Unused &
  Readonly<Record<string, unknown>>;
`;

const forms: [file: string, head: string][] = [
  ['my.ts', types],
  ['my.mts', types],
  ['my.js', ''],
  ['my.mjs', ''],
];

/** Replaces the only occurrence of a text in a file; evaluates to its line. */
function edit(folder: Folder, file: string, from: string, to: string): number {
  const text = readFileSync(folder.at(file), 'utf8');
  expect(text.split(from)).toHaveLength(2);
  folder.write(file, text.replace(from, to));
  return text.slice(0, text.indexOf(from)).split('\n').length;
}

describe('dextrace replay, when a line of the program has changed', () => {
  test.for(forms)('%s: stops at the first event that differs and says so', ([file, head], { folder }) => {
    folder.write(file, scenarioText({ head }));
    expectFine(folder.run('record', file));
    expect(folder.run('replay', '#1').stdout).toMatch(/^dextrace\.db#1: identical in all \d+ events\n$/);

    const line = edit(folder, file, 'app.memset(buffer, 2, size)', 'app.memset(buffer, 3, size)');
    const shown = folder.run('show', '#1', '--kind', 'memory.fill', '--json');
    const fills = (documentOf(shown) as { events: { seq: number; event: { value: number } }[] }).events;
    const { seq } = fills.find(({ event }) => event.value === 2)!;

    const said = folder.run('replay', '#1');
    expect(said).toMatchObject({ code: 1, stderr: '' });
    expect(said.stdout.split('\n')).toEqual([
      `dextrace.db#1: the scenario has changed; first difference at event ${seq}, by app:main`,
      expect.stringMatching(/^ {2}expected {2}app:main: fill 64 bytes at 0x[0-9a-f]+ with 0x2$/),
      expect.stringMatching(/^ {2}actual {4}app:main: fill 64 bytes at 0x[0-9a-f]+ with 0x3$/),
      expect.stringMatching(new RegExp(String.raw`^ {2}where {5}my\.\w+:${line}:\d+$`)),
      '',
    ]);

    const document = folder.run('replay', '#1', '--json');
    expect(document.code).toBe(1);
    expect(documentOf(document)).toMatchObject({
      schema: 'dextrace.replay/1',
      session: 'dextrace.db#1',
      result: 'scenario-changed',
      events: seq,
      scenarioChanged: true,
      divergence: {
        seq,
        actor: 'app:main',
        expected: { seq, event: { kind: 'memory.fill', value: 2 } },
        actual: { seq, event: { kind: 'memory.fill', value: 3 } },
        where: expect.stringContaining(`${file}:${line}:`),
      },
    });
  });

  test("a line of the dext's: the actor is its queue", ({ folder }) => {
    folder.write('my.ts', scenarioText({ head: types }));
    expectFine(folder.run('record', 'my.ts'));
    const line = edit(
      folder,
      'my.ts',
      'return yield* this.RegisterService();',
      'yield* note("new"); return yield* this.RegisterService();',
    );
    const { divergence } = documentOf(folder.run('replay', '#1', '--json')) as { divergence: Record<string, string> };
    expect(divergence).toMatchObject({
      actor: 'dext:Driver',
      actualText: 'dext:Driver: note: new',
      where: expect.stringContaining(`my.ts:${line}:`),
    });
    expect(divergence['expectedText']).toMatch(/^dext:Driver: register service/);
  });

  test('the program ends earlier', ({ folder }) => {
    folder.write('my.ts', scenarioText());
    expectFine(folder.run('record', 'my.ts'));
    edit(folder, 'my.ts', 'yield* app.free(buffer);', '');
    const said = folder.run('replay', '#1');
    expect(said.code).toBe(1);
    expect(said.stdout).toMatch(
      /the scenario has changed; first difference at event \d+, by app:main\n {2}expected {2}app:main: free 0x/,
    );
  });

  test('an option with another default, another device, another machine', ({ folder }) => {
    folder.write('my.ts', scenarioText());
    expectFine(folder.run('record', 'my.ts'));
    const changes: [from: string, to: string][] = [
      ['size: 256', 'size: 512'],
      ['sgEngine()', 'sgEngine({ contents: 7 })'],
      ['options: {', 'machine: { storeWidth: 32 }, options: {'],
    ];
    for (const [from, to] of changes) {
      edit(folder, 'my.ts', from, to);
      expect(documentOf(folder.run('replay', '#1', '--json'))).toMatchObject({ result: 'scenario-changed' });
      edit(folder, 'my.ts', to, from);
    }
    expect(documentOf(folder.run('replay', '#1', '--json'))).toMatchObject({
      result: 'identical',
      scenarioChanged: false,
    });
  });
});

describe('what changes nothing is told from what does', () => {
  test('a comment', ({ folder }) => {
    folder.write('my.ts', scenarioText());
    expectFine(folder.run('record', 'my.ts'));
    edit(folder, 'my.ts', 'yield* app.free(buffer);', 'yield* app.free(buffer); // done');
    const said = folder.run('replay', '#1');
    expectFine(said);
    expect(said.stdout).toMatch(
      /^dextrace\.db#1: identical in all \d+ events\nThe scenario has changed since, but does the same\.\n$/,
    );
    expect(documentOf(folder.run('replay', '#1', '--json'))).toMatchObject({
      result: 'identical',
      scenarioChanged: true,
      divergence: null,
    });
  });

  const imports: [how: string, head: string, ending: string][] = [
    ['imported', "import { value } from './part.ts';", 'export const value = 2;'],
    ['imported over two files', "import { value } from './between.ts';", 'export const value = 2;'],
    ['imported for its effect', "import './part.ts'; const value = globalThis.value;", 'globalThis.value = 2;'],
    ['imported when needed', "const { value } = await import('./part.ts');", 'export const value = 2;'],
  ];
  test.for(imports)('a file of its own that is %s belongs to the scenario', ([, head, part], { folder }) => {
    folder.write('between.ts', "export { value } from './part.ts';\n");
    folder.write('part.ts', part);
    folder.write('my.ts', scenarioText({ head }).replace('memset(buffer, 2, size)', 'memset(buffer, value, size)'));
    expectFine(folder.run('record', 'my.ts'));
    edit(folder, 'part.ts', '2', '3');
    expect(documentOf(folder.run('replay', '#1', '--json'))).toMatchObject({
      result: 'scenario-changed',
      scenarioChanged: true,
    });
  });
});

describe('a scenario that is not deterministic diverges, though nobody changed it', () => {
  const causes: [cause: string, body: string][] = [
    ['Math.random', 'yield* note(String(Math.random()));'],
    ['a clock', 'yield* note(String(process.hrtime.bigint()));'],
    [
      'state kept between runs',
      'globalThis.runs = (globalThis.runs ?? process.pid) + 1; yield* note(String(globalThis.runs));',
    ],
  ];
  test.for(causes)('%s', ([, body], { folder }) => {
    const text = scenarioText({ body });
    folder.write('my.ts', text);
    expectFine(folder.run('record', 'my.ts'));
    const said = folder.run('replay', '#1');
    expect(said).toMatchObject({ code: 1, stderr: '' });
    expect(said.stdout).toMatch(/^dextrace\.db#1: diverged; first difference at event \d+, by app:main\n/);
    expect(said.stdout).toContain('it is not deterministic: look for a clock, randomness, or state kept between runs');
    const line = text.split('\n').findIndex((words) => words.includes('note(String')) + 1;
    expect(said.stdout).toContain(`where     my.ts:${line}:`);
    expect(documentOf(folder.run('replay', '#1', '--json'))).toMatchObject({
      result: 'diverged',
      scenarioChanged: false,
    });
  });
});

describe('which scenario is executed', () => {
  test('--scenario FILE instead of the recorded one', ({ folder }) => {
    folder.write('old.ts', scenarioText());
    folder.write('new.ts', scenarioText().replace('buffer, 2', 'buffer, 9'));
    expectFine(folder.run('record', 'old.ts'));
    expectFine(folder.run('replay', '#1'));
    const said = folder.run('replay', '#1', '--scenario', 'new.ts');
    expect(said.code).toBe(1);
    expect(said.stdout).toMatch(/the scenario has changed.*[^]*where {5}new\.ts:\d+:/);
    rmSync(folder.at('old.ts'));
    expectRefusal(folder.run('replay', '#1'), /old\.ts: there is no such scenario/);
  });

  test('the recorded one is found from its folder when the file lies there, and by --scenario from anywhere', ({
    folder,
  }) => {
    folder.write('my.ts', scenarioText());
    mkdirSync(folder.at('there'));
    expectFine(folder.run('record', 'my.ts'));
    renameSync(folder.at('my.ts'), folder.at('there/my.ts'));
    expectRefusal(folder.run('replay', 'dextrace.db#1'), /my\.ts: there is no such scenario/);
    expectFine(folder.run('replay', 'dextrace.db#1', '--scenario', 'there/my.ts'));
    renameSync(folder.at('dextrace.db'), folder.at('there/dextrace.db'));
    expectFine(folder.run('replay', 'there/dextrace.db#1'));
  });

  test('it no longer compiles: one line', ({ folder }) => {
    folder.write('my.ts', scenarioText());
    expectFine(folder.run('record', 'my.ts'));
    edit(folder, 'my.ts', 'yield* app.free(buffer);', 'yield* app.free(;');
    expectRefusal(folder.run('replay', '#1'), /my\.ts: does not compile: /);
  });

  test('an option of the recording is gone from it: one line', ({ folder }) => {
    folder.write('my.ts', scenarioText());
    expectFine(folder.run('record', 'my.ts', '--set', 'size=128'));
    edit(folder, 'my.ts', 'options: { size: 256 },', 'options: { length: 256 },');
    expectRefusal(folder.run('replay', '#1'), /there is no option "size"; there are: length/);
  });
});
