/** A folder of a test's own, where scenarios can import 'dextrace' and the built program runs. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as plainTest } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The built program. */
export const program: string = join(root, 'dist/cli/main.js');

/** Colours and source maps are the tests' own business, not the caller's. */
const environment = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, NODE_OPTIONS: undefined };

/** How the program ended and what it said. */
export interface Said {
  /** Its exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program under way. */
export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Said>;
}

type Variables = Readonly<Record<string, string | undefined>>;

export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'dextrace-test-'));

  constructor() {
    mkdirSync(join(this.path, 'node_modules'));
    symlinkSync(root, join(this.path, 'node_modules/dextrace'));
  }

  /** A path inside. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** Writes a file; evaluates to its path. */
  write(name: string, text: string | Uint8Array): string {
    writeFileSync(this.at(name), text);
    return this.at(name);
  }

  /** Runs `dextrace` with the arguments, here. */
  run(...args: readonly string[]): Said {
    return this.runWith({}, ...args);
  }

  /** The same with environment variables. */
  runWith(variables: Variables, ...args: readonly string[]): Said {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
      cwd: this.path,
      encoding: 'utf8',
      env: { ...environment, ...variables },
      maxBuffer: 2 ** 28,
    });
    return { code: status, stdout, stderr };
  }

  /** Starts `dextrace` with the arguments, here. */
  start(...args: readonly string[]): Started {
    const child = spawn(process.execPath, [program, ...args], { cwd: this.path, env: environment });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = new Promise<Said>((resolve) => {
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
    return { process: child, ended };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

async function lend(use: (folder: Folder) => Promise<void>): Promise<void> {
  const folder = new Folder();
  await use(folder);
  folder.remove();
}

/** `test` with a folder for each test, and one that a file's tests share. */
export const test = plainTest.extend<{ folder: Folder; shared: Folder }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameters
  folder: async ({}, use) => lend(use),
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameters
  shared: [async ({}, use) => lend(use), { scope: 'file' }],
});
