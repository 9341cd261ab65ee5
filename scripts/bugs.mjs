/**
 * Runs the catalogue of bugs and writes docs/bugs.md from what came of it. With --check it writes nothing and fails
 * when the page is not what it would write. Needs a build. Everything in the page follows from seeds, so it is the
 * same on every machine.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { record } from '../dist/index.js';

const folder = new URL('../dist/examples/bugs/', import.meta.url);
const page = new URL('../docs/bugs.md', import.meta.url);

const strategies = ['random', 'timed', 'pct'];
const buggySeeds = 200;
const fixedSeeds = 1_000;
/** What a run finds without any rule: the harm itself, crashes of all kinds among it. */
const harm = new Set([
  'check',
  'crash',
  'use-after-release',
  'null-argument',
  'register-after-close',
  'panic',
  'deadlock',
  'queue-deadlock',
  'unanswered',
  'program-error',
]);

const strategyOf = (seed) => strategies[seed % strategies.length];
const run = (scenario, seed, fixed) =>
  record(scenario, { seed, strategy: strategyOf(seed), set: { fixed }, races: true, maxSteps: 100_000 });

/** One row of the table. */
async function rowOf(file) {
  const name = file.replace(/\.js$/, '');
  const { default: scenario, bug } = await import(new URL(file, folder));
  let named = 0;
  let harmed = 0;
  let first;
  for (let seed = 1; seed <= buggySeeds; seed += 1) {
    const { findings } = run(scenario, seed, false);
    if (findings.some(({ rule }) => rule === bug.rule)) {
      named += 1;
      first ??= seed;
    }
    if (findings.some(({ rule }) => harm.has(rule))) harmed += 1;
  }
  let clean = 0;
  for (let seed = 1; seed <= fixedSeeds; seed += 1) {
    if (run(scenario, seed, true).outcome === 'passed') clean += 1;
  }
  const command = first === undefined ? '' : `seed ${first}, ${strategyOf(first)}`;
  const cells = [
    bug.number,
    `[${name.slice(3)}](../examples/bugs/${name}.ts)`,
    scenario.title.replace(/^[^:]*: /, ''),
    `[${bug.rule}](findings.md#${bug.rule})`,
    named,
    harmed,
    command,
    clean,
  ];
  return `| ${cells.join(' | ')} |`;
}

const files = readdirSync(folder).filter((file) => /^\d\d-.*\.js$/.test(file));
const rows = [];
for (const file of files.toSorted()) rows.push(await rowOf(file));

const text = `# The catalogue of bugs

<!-- Written by scripts/bugs.mjs. Do not edit: change examples/bugs/, build, and run \`npm run docs\`. -->

The real bugs of this path, by their numbers in [facts §10](facts.md), one file each in \`examples/bugs/\`. Each file has
its correct twin in it: \`--set fixed=true\`.

\`\`\`sh
npx dextrace record bugs/01-late-write --races                    # the bug
npx dextrace record bugs/01-late-write --races --set fixed=true   # its twin
\`\`\`

The table comes from running them. **Named**: of ${buggySeeds} seeds, under how many the rule names the bug. **Harm**:
under how many the harm itself shows: a check fails, a process crashes, or somebody waits for ever. **Clean**: of
${fixedSeeds} seeds, under how many the twin has no finding. Seeds run under random, timed and pct in turn.

| no. | bug | what goes wrong | rule | named | harm | first | clean |
| --: | --- | --- | --- | --: | --: | --- | --: |
${rows.join('\n')}
`;

if (!process.argv.includes('--check')) {
  writeFileSync(page, text);
  process.stdout.write(`docs/bugs.md: ${files.length} bugs\n`);
} else if (readFileSync(page, 'utf8') !== text) {
  process.stderr.write('docs/bugs.md is not what the catalogue says: run npm run docs\n');
  process.exitCode = 1;
}
