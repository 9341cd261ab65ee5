import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Where a JSON report is wanted; see `.ci/run`. */
const report = process.env['TEST_REPORT'];

export default defineConfig({
  // Examples import 'dextrace': they must get the sources under test, not a second, compiled copy.
  resolve: { alias: { dextrace: fileURLToPath(new URL('index.ts', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 60_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
