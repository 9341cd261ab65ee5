import { spawnSync } from 'node:child_process';
import { beforeEach, describe, expect } from 'vitest';
import { program, test, type Folder } from '../support-cli/folder.ts';
import { documentOf, expectFine, expectRefusal } from '../support-cli/said.ts';

interface ShownEvent {
  readonly seq: number;
  readonly tick: number;
  readonly actor: number;
  readonly by: string;
  readonly event: { readonly kind: string };
}

const eventsOf = (folder: Folder, ...args: string[]): ShownEvent[] =>
  (documentOf(folder.run('show', '#1', '--json', ...args)) as { events: ShownEvent[] }).events;

const linesOf = (folder: Folder, ...args: string[]): string[] => {
  const said = folder.run('show', '#1', ...args);
  expectFine(said);
  return said.stdout.split('\n').slice(0, -1);
};

beforeEach<{ shared: Folder }>(({ shared }) => {
  // Once for the file.
  if (shared.run('sessions').code === 0) return;
  expectFine(shared.run('record', 'late-write', '--set', 'size=20KiB', '--strategy', 'timed'));
});

describe('dextrace show', () => {
  test('all events, in order, by name', ({ shared }) => {
    const events = eventsOf(shared);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    const names = new Set(events.map(({ by }) => by));
    for (const name of ['boot', 'app:main', 'dext:SgDriver', 'device:fetch', 'device:dma0'])
      expect(names).toContain(name);
    expect(events.every(({ tick }, i) => i === 0 || tick >= events[i - 1]!.tick)).toBe(true);
    expect(linesOf(shared)).toHaveLength(events.length);
  });

  test('--json is one document with a schema and the name of the session', ({ shared }) => {
    expect(documentOf(shared.run('show', '#1', '--json', '--from', '0', '--to', '1'))).toMatchObject({
      schema: 'dextrace.events/1',
      session: 'dextrace.db#1',
      events: [
        { seq: 0, actor: 0, by: 'boot', event: { kind: 'machine.start' } },
        { seq: 1, event: { kind: 'device.create' } },
      ],
    });
  });

  test('without a number, the newest session', ({ shared }) => {
    expect(shared.run('show', 'dextrace.db').stdout).toBe(shared.run('show', '#1').stdout);
  });

  test('--kind', ({ shared }) => {
    const reads = eventsOf(shared).filter(({ event }) => event.kind === 'dma.read');
    expect(reads.length).toBeGreaterThan(100);
    expect(eventsOf(shared, '--kind', 'dma.read')).toEqual(reads);
    for (const line of linesOf(shared, '--kind', 'dma.read'))
      expect(line).toMatch(/^\s*\d+ +\d+ ns {2}link:tag\d+ +dma\.read {2}DMA read of /);
    expect(eventsOf(shared, '--kind', 'mutex.lock')).toEqual([]);
  });

  test('--actor, by name or by number', ({ shared }) => {
    const own = eventsOf(shared).filter(({ by }) => by === 'app:main');
    expect(eventsOf(shared, '--actor', 'app:main')).toEqual(own);
    expect(eventsOf(shared, '--actor', String(own[0]!.actor))).toEqual(own);
    // Who is made is told from who makes it.
    const boot = eventsOf(shared, '--actor', 'boot', '--kind', 'actor.create');
    expect(boot[0]).toMatchObject({
      actor: 0,
      by: 'boot',
      event: { kind: 'actor.create', actor: 1, name: 'device:fetch' },
    });
    expect(boot).toEqual(eventsOf(shared).filter(({ by, event }) => by === 'boot' && event.kind === 'actor.create'));
  });

  test('--from and --to, both included, and all filters together', ({ shared }) => {
    const all = eventsOf(shared);
    expect(eventsOf(shared, '--from', '10', '--to', '19')).toEqual(all.slice(10, 20));
    expect(eventsOf(shared, '--from', String(all.length - 2))).toEqual(all.slice(-2));
    expect(eventsOf(shared, '--to', '0')).toEqual(all.slice(0, 1));
    expect(eventsOf(shared, '--from', '20', '--to', '10')).toEqual([]);
    const some = all.filter(
      ({ seq, event, by }) => seq >= 30 && seq <= 400 && event.kind === 'memory.fill' && by === 'app:main',
    );
    expect(some.length).toBeGreaterThan(0);
    expect(eventsOf(shared, '--from', '30', '--to', '400', '--kind', 'memory.fill', '--actor', 'app:main')).toEqual(
      some,
    );
  });

  test('--at: the event, what it changed, and the world just after it', ({ shared }) => {
    const [fill] = eventsOf(shared, '--kind', 'memory.fill');
    const lines = linesOf(shared, '--at', String(fill!.seq));
    expect(lines[0]).toMatch(new RegExp(`^ *${fill!.seq} .*memory\\.fill {2}fill 64 bytes at 0x[0-9a-f]+ with 0xaa$`));
    expect(lines.slice(1, 6).join('\n')).toMatch(/^changed\n(.*\n)*? {2}frames\.\d+\.bytes\[0…\] = a{32}/);
    for (const heading of ['actors', 'address spaces', 'VM objects', 'frames', 'queues', 'devices'])
      expect(lines).toContain(heading);

    const document = documentOf(shared.run('show', '#1', '--at', String(fill!.seq), '--json'));
    expect(document).toMatchObject({
      schema: 'dextrace.world/1',
      session: 'dextrace.db#1',
      event: fill,
      changed: expect.any(Array),
      world: { frames: expect.any(Object) },
    });
  });

  test('what there is not', ({ shared }) => {
    const count = eventsOf(shared).length;
    expectRefusal(
      shared.run('show', '#1', '--kind', 'dma.reed'),
      /there is no event kind "dma\.reed"; perhaps dma\.read, dma\.write\n/,
    );
    expectRefusal(
      shared.run('show', '#1', '--kind', 'nothing'),
      /there is no event kind "nothing"; there are: machine\.start, actor\.create, /,
    );
    expectRefusal(
      shared.run('show', '#1', '--actor', 'nobody'),
      /dextrace\.db#1 has no actor "nobody"; there are: boot, .*app:main/,
    );
    expectRefusal(shared.run('show', '#1', '--actor', '99'), /has no actor "99"/);
    expectRefusal(
      shared.run('show', '#1', '--at', String(count)),
      new RegExp(`has events 0 to ${count - 1}; there is no event ${count}`),
    );
    for (const option of ['--at', '--from', '--to'])
      expectRefusal(shared.run('show', '#1', option, 'x'), new RegExp(`${option} is "x", but must be a whole number`));
  });

  test.for([[], ['--json']])('a reader that closes early, such as head, is no error %o', (more, { shared }) => {
    const line = `"${process.execPath}" "${program}" show '#1' ${more.join(' ')} | head -n 2; echo \${PIPESTATUS[0]}`;
    const { stdout, stderr } = spawnSync('bash', ['-c', line], { cwd: shared.path, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect(stdout).toMatch(/\n0\n$/);
  });
});

test('dextrace sessions lists what there is', ({ shared }) => {
  const said = shared.run('sessions');
  expectFine(said);
  expect(said.stdout).toMatch(
    /^dextrace\.db#1 {2}passed +[\d,]+ events {2}[0-9a-f]{12} {2}seed 1 timed {2}late-write\n$/,
  );
  expect(documentOf(shared.run('sessions', '--json'))).toMatchObject({
    schema: 'dextrace.sessions/1',
    file: 'dextrace.db',
    sessions: [
      { id: 1, seed: '1', strategy: 'timed', outcome: 'passed', scenario: 'late-write', options: '{"size":20480}' },
    ],
  });
});
