/**
 * Writes docs/events.md from the event catalogue and the table of docs/findings.md from the rules, so that they cannot
 * be wrong. With --check it writes nothing and fails when a page is not what it would write. Needs a build.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { kindNames, kinds, modelVersion, ruleMeanings, watchedRules } from '../dist/index.js';
import { actorKinds } from '../dist/core/actors/kinds.js';
import { fieldTypes } from '../dist/core/catalogue.js';
import { faultKinds } from '../dist/core/faults/kinds.js';
import { iokitKinds } from '../dist/core/iokit/kinds.js';
import { memoryKinds } from '../dist/core/memory/kinds.js';
import { pcieKinds } from '../dist/core/pcie/kinds.js';
import { raceRules } from '../dist/replay/races/rules.js';
import { runRules } from '../dist/scheduler/finding.js';
import { viewName } from '../dist/store/schema.js';

/** The catalogue room by room, in the order of the kinds' numbers. */
const rooms = [
  ['Actors', 'core/actors', 'The machine, actors, time, threads and mutexes.', actorKinds],
  [
    'Memory',
    'core/memory',
    'Frames, VM objects, address spaces, faults, copy-on-write, wires, the heap, CPU accesses.',
    memoryKinds,
  ],
  [
    'IOKit',
    'core/iokit',
    'Services, connections, calls, queues, ports, actions, descriptors, mappings, commands, the IOMMU.',
    iokitKinds,
  ],
  [
    'PCIe',
    'core/pcie',
    'Configuration space, registers, DMA beats, interrupts, and what goes on inside a device.',
    pcieKinds,
  ],
  ['Faults', 'core/faults', 'What goes wrong because the scenario asks for it.', faultKinds],
];

const folder = new URL('../docs/', import.meta.url);

/** How GitHub names a heading's anchor. */
const slug = (heading) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** Anchors of the numbered headings of a page, by number: `2.3` to `#23-the-memory-reference-v`. */
function anchors(file) {
  const text = readFileSync(new URL(file, folder), 'utf8');
  return new Map(
    [...text.matchAll(/^#+ (\d[\d.]*?)\.? (.*)$/gm)].map((match) => [match[1], slug(match[0].replace(/^#+ /, ''))]),
  );
}

const facts = anchors('facts.md');
const design = anchors('design.md');

/** The link for a section that a source cites. @throws {Error} when the page has no such section */
function link(text, file, known, section) {
  const anchor = known.get(section);
  if (anchor === undefined)
    throw new Error(`docs/${file} has no section ${section}, which the catalogue cites as "${text}"`);
  return `[${text}](${file}#${anchor})`;
}

/** A source with its sections as links: `facts §1.3, §2.2`, `design §2`, `design idea 5`. */
function linked(source) {
  let file = 'facts.md';
  return source.replaceAll(/(?:(facts|design) )?(?:§(\d[\d.]*\d|\d)|idea (\d+))/g, (text, book, section, idea) => {
    if (book !== undefined) file = `${book}.md`;
    return link(text, file, file === 'facts.md' ? facts : design, section ?? `4.${idea}`);
  });
}

const cell = (text) => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
const typeText = (type) => (typeof type === 'string' ? type : type.join(' \\| '));

function row(name) {
  const { doc, fields, source, quiet } = kinds[name];
  const list = Object.entries(fields).map(([field, type]) => `\`${field}\`: ${typeText(type)}`);
  const cells = [
    kindNames.indexOf(name),
    `\`${name}\``,
    cell(doc) + (quiet === true ? ' _Quiet._' : ''),
    list.join('<br>') || '–',
    linked(cell(source)),
    `\`${viewName(name)}\``,
  ];
  return `| ${cells.join(' | ')} |`;
}

function render() {
  const listed = rooms.flatMap(([, , , room]) => Object.keys(room));
  const missing = kindNames.filter((name) => !listed.includes(name));
  if (missing.length > 0) throw new Error(`kinds in no room of scripts/docs.mjs: ${missing.join(', ')}`);
  const lines = [
    '# Events',
    '',
    '<!-- Written by scripts/docs.mjs. Do not edit: change the catalogue in core/*/kinds.ts, build, and run `npm run docs`. -->',
    '',
    `Every kind of event there is, ${kindNames.length} of them, as of model version ${modelVersion}. The page is generated from the`,
    'catalogue in `core/*/kinds.ts`, as are the TypeScript types, the columns and views of the [file](file-format.md) and',
    'the digest.',
    '',
    'Besides its fields every event has a sequence number (`seq`, from 0), the actor that caused it (`by`; 0 is the boot,',
    'before anybody moves) and virtual time (`tick`, in nanoseconds). A _quiet_ event changes nothing but bytes, so nobody',
    'who waits can go on because of it. **View** is the name of its view in the SQLite file.',
    '',
    '| type of a field | what it holds |',
    '| --- | --- |',
    ...Object.entries(fieldTypes).map(([name, text]) => `| ${name} | ${cell(text)} |`),
    '| a \\| b | one of these names; the file stores its position, from 0 |',
    '',
  ];
  for (const [title, path, text, room] of rooms) {
    lines.push(`## ${title}`, '', `${text} Declared in \`${path}/kinds.ts\`.`, '');
    lines.push('| no. | kind | meaning | fields | source | view |', '| --: | --- | --- | --- | --- | --- |');
    lines.push(...Object.keys(room).map(row), '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** What finds a rule. */
function finder(name) {
  if (raceRules.some((rule) => rule.name === name)) return '`--races`';
  const warns = watchedRules.some((rule) => rule.name === name && rule.severity === 'warning');
  return warns ? 'every run, as a warning' : 'every run';
}

/** The table of rules, its columns padded as prettier pads them. */
function ruleTable() {
  const names = [...runRules, ...watchedRules.map(({ name }) => name)];
  const rows = [
    ['rule', 'means', 'found by'],
    ...names.map((name) => [`[\`${name}\`](#${name})`, ruleMeanings[name], finder(name)]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((cells) => cells[column].length)));
  const line = (cells) => `| ${cells.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...body] = rows.map(line);
  return [head, line(widths.map((width) => '-'.repeat(width))), ...body].join('\n');
}

function withRules(text) {
  const table = /^\| rule .*\n(?:\|.*\n)*/m;
  if (!table.test(text)) throw new Error('docs/findings.md has no table of rules');
  return text.replace(table, () => `${ruleTable()}\n`);
}

/** Each page with what it is to be, given what it is. */
const pages = [
  ['events.md', render],
  ['findings.md', withRules],
];

function current(file) {
  try {
    return readFileSync(new URL(file, folder), 'utf8');
  } catch {
    return '';
  }
}

for (const [file, written] of pages) {
  const is = current(file);
  const text = written(is);
  if (is === text) continue;
  if (process.argv.includes('--check')) {
    process.stderr.write(`docs/${file} is not what the sources say: run npm run docs\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(new URL(file, folder), text);
    process.stdout.write(`docs/${file} written\n`);
  }
}
