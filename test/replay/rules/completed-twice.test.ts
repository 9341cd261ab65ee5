import { expect, test } from 'vitest';
import { KiB, type IODMACommand, type IOMemoryDescriptor, type Program } from '../../../index.ts';
import { commandFor } from '../../support/dext.ts';
import { found } from '../../support/found.ts';
import { runAnyhow, type Setup } from '../../support/run.ts';

/** A dext that does something with a command and the struct input of a call. */
function withCommand(body: (command: IODMACommand, memory: IOMemoryDescriptor) => Program): Setup<void> {
  return {
    *method(args, client) {
      yield* body(yield* commandFor({ client }), args.structureInputDescriptor!);
      return 0;
    },
    *app(app, connect) {
      const buffer = yield* app.mmap(48 * KiB);
      yield* app.IOConnectCallStructMethod(connect, 0, buffer, 48 * KiB);
    },
  };
}

const twice = withCommand(function* (command, memory) {
  yield* command.PrepareForDMA(0, memory, 0, 0);
  for (let i = 0; i < 3; i += 1) yield* command.CompleteDMA(0);
});

test('a second CompleteDMA is found, once for the command, with a count', () => {
  expect(found(twice)).toEqual(['completed-twice']);
  const ran = runAnyhow(twice, { rules: ['completed-twice'] });
  const { findings } = ran;
  const [command] = ran.of('command.complete');
  expect(findings).toMatchObject([{ rule: 'completed-twice', severity: 'error' }]);
  expect(findings[0]!.message).toMatch(
    new RegExp(
      `^command #${command!.command} is completed by dext:TestClient, but dext:TestClient had completed it already, at event \\d+\\n  and 1 more like this\\n  Call CompleteDMA once`,
    ),
  );
});

test('once for each prepare is right', () => {
  const setup = withCommand(function* (command, memory) {
    for (let i = 0; i < 3; i += 1) {
      yield* command.PrepareForDMA(0, memory, 0, 0);
      yield* command.CompleteDMA(0);
    }
  });
  expect(found(setup)).toEqual([]);
});

test('a command that was never prepared is not completed twice', () => {
  const setup = withCommand(function* (command) {
    yield* command.CompleteDMA(0);
  });
  expect(found(setup)).not.toContain('completed-twice');
});
