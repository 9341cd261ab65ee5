/** `npm run test:pack`: the packed package, installed into an empty folder, works for those who use it. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const scenario = `\
import { IOUserClient, kIOReturnSuccess, scenario, sgEngine } from 'dextrace';
import { SgDriver } from './sg-driver.ts';

class Client extends IOUserClient {}

export default scenario({
  title: 'An app that only opens the driver',
  options: { rounds: 1 },
  device: sgEngine(),
  dext: () => new SgDriver(() => new Client()),
  *app(app, { rounds }) {
    const [ret] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
    return ret === kIOReturnSuccess ? rounds : 0;
  },
  check: ({ result }) => (result === 1 ? undefined : 'the driver did not open'),
});
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'dextrace-pack-'));
const user = join(temporary, 'user');

/** A command line through the shell, because npm is a shell script on Windows. */
function run(folder, line) {
  console.log(`> ${line}`);
  const { status } = spawnSync(line, { cwd: folder, shell: true, stdio: 'inherit' });
  if (status !== 0) throw new Error(`exit ${status}: ${line}`);
}

try {
  run(root, `npm pack --loglevel=error --pack-destination "${temporary}"`);
  const tarball = join(
    temporary,
    readdirSync(temporary).find((file) => file.endsWith('.tgz')),
  );
  run(root, `npx publint run "${tarball}" --strict`);

  mkdirSync(user);
  const manifest = { private: true, type: 'module', dependencies: { dextrace: `file:${tarball}` } };
  writeFileSync(join(user, 'package.json'), JSON.stringify({ ...manifest, allowScripts: { 'better-sqlite3': true } }));
  run(user, 'npm install --no-audit --no-fund --prefer-offline');
  run(user, 'npx dextrace record late-write --db x.db');

  // Types must stand alone: none of ours, none of Node's, declaration files checked too.
  const example = join(user, 'node_modules', 'dextrace', 'examples', 'sg-driver.ts');
  cpSync(example, join(user, 'sg-driver.ts'));
  writeFileSync(join(user, 'opens.ts'), scenario);
  const options = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    types: [],
  };
  writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['*.ts'] }));
  run(root, `npx tsc -p "${user}"`);
  run(user, 'npx dextrace record opens.ts --db x.db');
  console.log('The packed package works.');
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
