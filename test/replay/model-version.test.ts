import Database from 'better-sqlite3';
import { describe, expect } from 'vitest';
import { InputError, modelVersion, open, record, reexecute } from '../../index.ts';
import inlineCopy from '../../examples/inline-copy.ts';
import { test, type Folder } from '../support-cli/folder.ts';
import { documentOf, expectRefusal } from '../support-cli/said.ts';

const older = modelVersion - 1;

/** A recording as another version of the model would have left it. */
function recordedByAnother(folder: Folder): string {
  const file = folder.at('my.db');
  record(inlineCopy, { db: file, set: { size: 64 }, source: { file: 'inline-copy', version: '' } });
  const db = new Database(file);
  db.exec(
    `UPDATE about SET value = '${older}' WHERE name = 'model_version'; UPDATE sessions SET model_version = ${older}, dextrace = '0.0.1'`,
  );
  db.close();
  return file;
}

describe('a recording of another version of the model', () => {
  test('cannot be judged: exit code 125, which git bisect run skips', ({ folder }) => {
    recordedByAnother(folder);
    const said = folder.run('replay', 'my.db#1');
    expect(said).toMatchObject({ code: 125, stderr: '' });
    expect(said.stdout).toBe(
      `my.db#1: cannot be judged: recorded by model version ${older}, this is version ${modelVersion}; use dextrace 0.0.1\n`,
    );
    const document = folder.run('replay', 'my.db#1', '--json');
    expect(document.code).toBe(125);
    expect(documentOf(document)).toMatchObject({
      schema: 'dextrace.replay/1',
      result: 'model-changed',
      session: 'my.db#1',
      divergence: null,
    });
  });

  test('is never run, nor folded', ({ folder }) => {
    const session = open(`${recordedByAnother(folder)}#1`);
    expect(() => reexecute(session, inlineCopy)).toThrow(InputError);
    expect(() => session.fold()).toThrow(/was recorded by model version/);
    session.close();
    expectRefusal(
      folder.run('show', 'my.db#1'),
      /my\.db#1 was recorded by model version \d+, this is version \d+; use the dextrace that recorded it \(0\.0\.1\)/,
    );
  });

  test('is still listed', ({ folder }) => {
    recordedByAnother(folder);
    expect(documentOf(folder.run('sessions', 'my.db', '--json'))).toMatchObject({
      sessions: [{ id: 1, model_version: older }],
    });
  });
});
