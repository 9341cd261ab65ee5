import { expect, test } from 'vitest';
import { found } from '../../support/found.ts';
import { play, type Move } from '../../support/rig.ts';
import { runAnyhow } from '../../support/run.ts';

const foundIn = (moves: readonly Move[]): string[] => found(play({ moves }), { rules: ['use-after-unmap'] });

test.each([
  ['read', ['call', 'prepare', 'unmap', 'read', 'complete']],
  ['written', ['wire in', 'unmap', 'device writes', 'unwire in']],
  ['read by another mapping at the same address', ['call', 'prepare', 'remap', 'read', 'complete']],
  ['pinned by a mapping, wired after the munmap', ['call', 'map', 'unmap', 'prepare', 'read', 'complete']],
] as const)('unmapped pages are %s', (_, moves) => {
  expect(foundIn(moves)).toEqual(['use-after-unmap']);
});

test.each([
  ['after the completion', ['call', 'prepare', 'read', 'complete', 'unmap']],
  ['before the prepare, and mapped anew', ['call', 'remap', 'prepare', 'read', 'complete']],
] as const)('not when they are unmapped %s', (_, moves) => {
  expect(foundIn(moves)).toEqual([]);
});

test('the report names who unmapped them, and when', () => {
  const { findings, log } = runAnyhow(play({ moves: ['call', 'prepare', 'unmap', 'read'] }), {
    rules: ['use-after-unmap'],
  });
  const unmapped = log.findIndex(({ event }) => event.kind === 'vm.remove');
  expect(findings[0]!.message).toMatch(
    new RegExp(
      `^device:probe reads 1 bytes at 0x\\w+ \\(request 1 segment 0\\), in pages that app:main unmapped in event ${unmapped}\\n`,
    ),
  );
});
