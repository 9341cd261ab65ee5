import { test } from 'vitest';
import example from '../../examples/client-memory.ts';
import { alwaysPasses, manySeeds } from '../support/seeds.ts';

test('client-memory: by default the mapping is a snapshot', { timeout: 600_000 }, () => {
  manySeeds(example, { size: 8_192, copyOnWrite: true }, alwaysPasses);
});
