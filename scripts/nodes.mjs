/** `npm run test:nodes`: the same run under every supported Node must have the same digest. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const majors = ['20', '22', '24', '26'];
// Nothing is stored, so better-sqlite3 is not loaded and need not be built for each Node.
const command = ['dist/cli/main.js', 'record', 'late-write', '--seed', '7', '--no-store', '--json'];

const root = fileURLToPath(new URL('..', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'dextrace-nodes-'));

/** A Node binary from the npm package `node`, or undefined where it cannot be had. */
function fetchNode(major) {
  const folder = join(temporary, major);
  mkdirSync(folder);
  // Its install script picks the binary for this platform.
  const manifest = { private: true, dependencies: { node: major }, allowScripts: { node: true } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  // A command line, because npm is a shell script on Windows.
  spawnSync('npm install --no-audit --no-fund', { cwd: folder, shell: true, stdio: 'ignore' });
  const binary = join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const { status, stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return status === 0 ? { binary, version: stdout.trim() } : undefined;
}

/** What happened under one Node: a row of the table. */
function run(major) {
  const node = fetchNode(major);
  if (node === undefined) return { node: major, result: 'SKIPPED: could not be fetched' };
  const { status, stdout, stderr } = spawnSync(node.binary, command, { cwd: root, encoding: 'utf8' });
  if (status !== 0) return { node: node.version, result: `FAILED: exit ${status}\n${stderr}` };
  return { node: node.version, result: JSON.parse(stdout).digest };
}

let rows;
try {
  rows = majors.map(run);
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
for (const { node, result } of rows) console.log(`${node.padEnd(10)} ${result}`);

const results = rows.map(({ result }) => result).filter((result) => !result.startsWith('SKIPPED'));
const isDigest = (result) => /^[0-9a-f]{64}$/.test(result);
if (results.length === 0) {
  console.log('No Node could be fetched: nothing was compared.');
  process.exitCode = 125;
} else if (results.every(isDigest) && new Set(results).size === 1) {
  console.log(`The same digest under ${results.length} of ${majors.length} Nodes.`);
} else {
  console.log('The digests differ, or a run failed.');
  process.exitCode = 1;
}
