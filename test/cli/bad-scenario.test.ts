import { describe, expect } from 'vitest';
import { test } from '../support-cli/folder.ts';
import { expectFine, expectRefusal, sessionsOf } from '../support-cli/said.ts';
import { scenarioText } from '../support-cli/scenario-text.ts';

/** What is wrong, the file, its text, and what the one line must say. */
const unusable: [what: string, file: string, text: string, says: RegExp][] = [
  [
    'does not compile, TypeScript',
    'my.ts',
    scenarioText({ body: 'yield* app.malloc( ;' }),
    /my\.ts: does not compile: .*Unexpected token.*my\.ts:\d+:\d+/,
  ],
  [
    'does not compile, JavaScript',
    'my.js',
    scenarioText({ body: 'yield* app.malloc( ;' }),
    /my\.js: does not compile: .*Unexpected token/,
  ],
  ['has no type name', 'my.ts', 'const x: = 5;', /my\.ts: does not compile: /],
  ['is empty', 'my.ts', '', /my\.ts: exports no scenario; write "export default scenario/],
  ['exports no default', 'my.ts', 'export const x = 1;', /my\.ts: exports no scenario/],
  ['exports something else', 'my.ts', 'export default { title: "x" };', /my\.ts: exports no scenario/],
  ['exports null', 'my.js', 'export default null;', /my\.js: exports no scenario/],
  ['imports what is not there', 'my.ts', 'import "./nowhere.ts";', /my\.ts: cannot be loaded: .*nowhere\.ts/],
  ['throws at import', 'my.ts', 'throw new Error("not today");', /my\.ts: cannot be loaded: Error: not today\n/],
  ['throws lines at import', 'my.ts', 'throw new Error("one\\ntwo");', /my\.ts: cannot be loaded: Error: one/],
  ['throws text at import', 'my.js', 'throw "not today";', /my\.js: cannot be loaded: not today/],
  ['throws nothing at import', 'my.js', 'throw undefined;', /my\.js: cannot be loaded: undefined/],
];

const unbuildable: [what: string, parts: Parameters<typeof scenarioText>[0], says: RegExp][] = [
  ['dext throws', { dext: 'dext: () => { throw new Error("no dext"); },' }, /cannot be built: Error: no dext/],
  ['dext throws text', { dext: 'dext: () => { throw "no dext"; },' }, /cannot be built: no dext/],
  [
    'machine throws',
    { more: 'machine: () => { throw new TypeError("no Mac"); },' },
    /cannot be built: TypeError: no Mac/,
  ],
  [
    'machine has a bad value',
    { more: 'machine: { pageSize: 8192 },' },
    /machine\.pageSize is 8192; allowed: 4096, 16384/,
  ],
  [
    'device throws lines',
    { device: 'device: () => { throw new Error("one\\ntwo"); },' },
    /cannot be built: Error: one/,
  ],
  ['there is a dext but no device', { device: '' }, /has a dext but no device to start it on/],
  ['dext is null', { dext: 'dext: () => null,' }, /cannot be built/],
  ['there is no app', { app: '' }, /has no app: a generator method/],
  ['the app is asynchronous', { app: 'async app(app) { await null; },' }, /app is asynchronous: write a generator/],
  [
    'the app is an async generator',
    { app: 'async *app(app) { await null; },' },
    /app is asynchronous: write a generator/,
  ],
  ['the app is a plain function', { app: 'app() { return 5; },' }, /app is no program: write a generator/],
];

const misyielding: [what: string, body: string, says: RegExp][] = [
  ['a number', 'yield 5;', /app:main yielded 5, which is no operation: yield\* what/],
  ['nothing', 'yield;', /app:main yielded undefined, which is no operation/],
  ['null', 'yield null;', /app:main yielded null, which is no operation/],
  ['an object', 'yield {};', /app:main yielded an object, which is no operation/],
  ['a promise', 'yield Promise.resolve(1);', /app:main yielded a promise: programs are synchronous, use generators/],
  ['a program', 'yield app.memset(0, 0, size);', /app:main yielded a program: write yield\* instead of yield/],
];

describe('a scenario that cannot be used is refused in one line', () => {
  test('it does not exist', ({ folder }) => {
    expectRefusal(
      folder.run('record', 'nowhere.ts'),
      /nowhere\.ts: there is no such scenario; .*examples: .*late-write/,
    );
    expectRefusal(folder.run('record', 'lat-write'), /lat-write: there is no such scenario/);
    expectRefusal(folder.run('record', '.'), /\.: there is no such scenario/);
  });

  test.for(unusable)('it %s', ([, file, text, says], { folder }) => {
    folder.write(file, text);
    expectRefusal(folder.run('record', file, '--no-store'), says);
  });

  test.for(unbuildable)('%s', ([, parts, says], { folder }) => {
    folder.write('my.ts', scenarioText(parts));
    expectRefusal(folder.run('record', 'my.ts', '--no-store'), says);
  });

  test.for(misyielding)('it yields %s', ([, body, says], { folder }) => {
    folder.write('my.ts', scenarioText({ body }));
    expectRefusal(folder.run('record', 'my.ts', '--no-store'), says);
  });

  test('a method of the dext is asynchronous', ({ folder }) => {
    folder.write(
      'my.ts',
      scenarioText().replace('*Start() {', 'async Start() {').replace('return yield* this', 'return this'),
    );
    expectRefusal(folder.run('record', 'my.ts', '--no-store'), /Driver\.Start is asynchronous: write a generator/);
  });

  test('it yields a promise in JSON mode: still one line, no document', ({ folder }) => {
    folder.write('my.ts', scenarioText({ body: 'yield Promise.resolve(1);' }));
    expectRefusal(folder.run('record', 'my.ts', '--no-store', '--json'), /app:main yielded a promise/);
  });
});

test('a scenario that cannot be built leaves the file as it was', ({ folder }) => {
  folder.write('good.ts', scenarioText());
  expectFine(folder.run('record', 'good.ts'));
  const before = folder.run('sessions', '--json');
  folder.write('bad.ts', scenarioText({ dext: 'dext: () => { throw new Error("no dext"); },' }));
  expectRefusal(folder.run('record', 'bad.ts'), /no dext/);
  expectRefusal(folder.run('record', 'good.ts', '--set', 'nothing=1'), /there is no option "nothing"/);
  expect(folder.run('sessions', '--json')).toEqual(before);
});

test('what a scenario did before it yielded nonsense stays readable, and the session counts as interrupted', ({
  folder,
}) => {
  folder.write('my.ts', scenarioText({ body: 'yield* app.malloc(size); yield 5;' }));
  expectRefusal(folder.run('record', 'my.ts'), /app:main yielded 5/);
  expect(sessionsOf(folder.run('sessions', '--json'))).toMatchObject([{ id: 1, outcome: 'interrupted' }]);
  expect(folder.run('show', '#1', '--kind', 'heap.allocate').stdout).toContain('allocate 256 bytes');
});

test("an error thrown by the app's program is a finding with its place, not bad input", ({ folder }) => {
  const text = scenarioText({ body: 'yield* app.malloc(size);\n    throw new Error("mine");\n  ' });
  folder.write('my.ts', text);
  const said = folder.run('record', 'my.ts', '--no-store');
  expect(said).toMatchObject({ code: 1, stderr: '' });
  const line = text.split('\n').findIndex((words) => words.includes('throw')) + 1;
  expect(said.stdout).toMatch(new RegExp(String.raw`app:main threw: Error: mine \(my\.ts:${line}:\d+\)`));
});
