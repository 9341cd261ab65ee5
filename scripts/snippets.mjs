/**
 * Runs what the documentation shows, and writes the real output into its pages.
 * With --check it writes nothing and fails when a page shows something else. Needs a build.
 *
 * Each page has a folder of its own to run in:
 *   ```ts my.ts            a file of that name is put there (any language)
 *   ```console             lines with "$ " are run there, and the output is held against what follows
 *   <!-- run: command -->  is run there, and must succeed
 * At last all TypeScript of the page is type-checked.
 */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
/** What the folder is called in the pages. */
const shown = '/home/me/project';

const compilerOptions = {
  target: 'es2023',
  lib: ['es2023'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  allowImportingTsExtensions: true,
  noEmit: true,
};

/** A folder as of a user who has installed dextrace, vitest and the types of Node. */
function makeFolder() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dextrace-docs-')));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'dextrace'), 'dir');
  for (const name of ['vitest', '@types']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'dir');
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  writeFileSync(join(folder, 'vitest.config.js'), 'export default {};\n');
  const bin = join(folder, 'node_modules', '.bin');
  mkdirSync(bin);
  const npx = `#!/bin/sh\nif [ "$1" = dextrace ]; then shift; exec node "${root}dist/cli/main.js" "$@"; fi\nname=$1; shift\nexec "${root}node_modules/.bin/$name" "$@"\n`;
  writeFileSync(join(bin, 'npx'), npx, { mode: 0o755 });
  return folder;
}

function run(folder, command) {
  const path = `${join(folder, 'node_modules', '.bin')}${delimiter}${process.env['PATH']}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `exec 2>&1; ${command}`], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: path, NO_COLOR: '1' },
  });
  return { status, output: (stdout + stderr).replaceAll(folder, shown) };
}

const installed = (tool) => spawnSync('bash', ['-c', `command -v ${tool}`]).status === 0;
const missing = ['sqlite3', 'python3'].filter((tool) => !installed(tool));

/** The console block with the output that its commands have now. */
function replay(folder, body) {
  const lines = [];
  let kept = false;
  for (const line of body.split('\n')) {
    if (!line.startsWith('$ ')) {
      if (kept) lines.push(line);
      continue;
    }
    lines.push(line);
    kept = missing.some((tool) => line.includes(tool));
    if (!kept)
      lines.push(
        ...run(folder, line.slice(2))
          .output.trimEnd()
          .split('\n')
          .filter((text, i, all) => all.length > 1 || text !== ''),
      );
  }
  return lines.join('\n');
}

/** Evaluates to what the page should be, and adds what failed to `problems`. */
function refresh(text, problems) {
  const folder = makeFolder();
  try {
    const fresh = text.replaceAll(
      /^```(\w+) ?(\S*)\n([^]*?)^```$|^<!-- run: (.*) -->$/gm,
      (whole, language, name, body, command) => {
        if (command !== undefined) {
          const { status, output } = run(folder, command);
          if (status !== 0) problems.push(`"${command}" failed:\n${output}`);
        } else if (language === 'console') return `\`\`\`console\n${replay(folder, body.trimEnd())}\n\`\`\``;
        else if (name !== '') writeFileSync(join(folder, name), body);
        return whole;
      },
    );
    if (readdirSync(folder).some((name) => name.endsWith('.ts'))) {
      const { status, output } = run(folder, `"${root}node_modules/.bin/tsc" -p .`);
      if (status !== 0) problems.push(`the TypeScript has errors:\n${output}`);
    }
    return fresh;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const tool of missing) process.stderr.write(`${tool} is not installed: its output is not checked\n`);
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);
for (const page of pages) {
  const problems = [];
  const text = readFileSync(join(root, page), 'utf8');
  const fresh = refresh(text, problems);
  if (fresh !== text) {
    if (check)
      problems.push('shows other output than there is now: run node scripts/snippets.mjs and look at the difference');
    else writeFileSync(join(root, page), fresh);
  }
  for (const problem of problems) process.stderr.write(`${page}: ${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}
