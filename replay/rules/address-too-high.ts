import { codeName } from '../../core/code-names.ts';
import { kIOReturnMessageTooLarge, kIOReturnNoResources } from '../../core/codes.ts';
import type { Command } from '../../core/iokit/state.ts';
import { limitOf } from '../../core/iokit/window.ts';
import { eachPiece } from '../../core/memory/translate.ts';
import { frameAt } from '../../core/pcie/bus.ts';
import { engineOf } from '../../core/pcie/flow.ts';
import { hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';
import type { Beat, Moment, Rule, Watch } from '../rule.ts';
import { Bounces, type Bounced } from './shared/bounces.ts';
import { Inside } from './shared/inside.ts';
import { tellBeat, tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** What happened to a bounced piece on either side since the two were last made the same. */
interface Apart {
  /** By byte of the page: the event that stored there, in the memory, and who did it; 0 for none. */
  readonly stores: Uint32Array;
  readonly storers: Uint32Array;
  /** By byte of the page: the beat that wrote there, in the bounce page; 0 for none. */
  readonly writes: Uint32Array;
}

/** Which bytes: bounds in a page, `to` exclusive. */
interface Bytes {
  readonly from: number;
  readonly to: number;
}

/**
 * Memory lies where the device's address bits do not reach (facts §4.1, §4.2 (5), §10 (46)): the prepare fails, or
 * bounce pages stand for the memory (facts §4.6), and somebody relied on the device working on the memory itself.
 */
export const addressTooHigh: Rule = {
  name: 'address-too-high',
  severity: 'error',
  advice:
    'Give maxAddressBits as the device really has them. If they are few, fill the memory before PrepareForDMA and read it after CompleteDMA; in between use PerformOperation.',
  watch(report) {
    const inside = new Inside();
    const apart = new Map<Bounced, Apart>();
    const bounces = new Bounces((bounced) => void apart.delete(bounced));

    function apartOf(bounced: Bounced, { pageSize }: World['machine']): Apart {
      let found = apart.get(bounced);
      if (found === undefined) {
        const none = (): Uint32Array => new Uint32Array(pageSize);
        found = { stores: none(), storers: none(), writes: none() };
        apart.set(bounced, found);
      }
      return found;
    }

    /** Calls `visit` with each bounced piece among the bytes that a CPU accesses. */
    function eachBounced(
      { address, length }: { readonly address: number; readonly length: number },
      { actor, world }: Moment,
      visit: (bounced: Bounced, bytes: Bytes) => void,
    ): void {
      if (bounces.isEmpty) return;
      eachPiece(world, world.actors.get(actor)!.task, address, length, (frame, offset, piece) => {
        for (const bounced of bounces.ofMemory(frame)) {
          const bytes = { from: Math.max(bounced.from, offset), to: Math.min(bounced.to, offset + piece) };
          if (bytes.from < bytes.to) visit(bounced, bytes);
        }
      });
    }

    function tell(bounced: Bounced, what: string, at: number, more: string, { seq, actors }: Told, world: World): void {
      const { command, descriptor, seq: prepared, actor: preparer } = bounced;
      const { maxAddressBits: bits } = world.commands.get(command)!;
      report({
        message: `${what}: byte ${bounced.offset + at - bounced.from} of what command #${command} has prepared
  event ${prepared}: ${who(world, preparer)} prepared it with ${tellMemory(world, descriptor)}; with ${bits} address bits and no mapper, bounce pages stand for what lies at ${hex(2 ** bits)} and above
${more}`,
        seq,
        actors: [preparer, ...actors],
        key: `${command} ${prepared} ${what}`,
      });
    }

    const stored = (event: { address: number; length: number }, at: Moment): void =>
      eachBounced(event, at, (bounced, { from, to }) => {
        const known = apartOf(bounced, at.world.machine);
        known.stores.fill(at.seq, from, to);
        known.storers.fill(at.actor, from, to);
      });

    const loaded = (event: { address: number; length: number }, at: Moment): void =>
      eachBounced(event, at, (bounced, bytes) => {
        const { seq, actor, world } = at;
        const known = apart.get(bounced);
        const old = known && differing(world, bounced, known.writes, bytes);
        if (known === undefined || old === undefined) return;
        const more = `  event ${known.writes[old]}: the device wrote the new one into a bounce page, from where CompleteDMA copies it
  event ${seq}: ${who(world, actor)} loads the old one before that`;
        tell(bounced, `${who(world, actor)} reads old bytes`, old, more, { seq, actors: [actor] }, world);
      });

    const beat = (event: Beat, at: Moment): void => {
      if (bounces.isEmpty || event.status !== 'ok') return;
      const { seq, actor, world } = at;
      const bounced = bounces.of(frameAt(world, event.address)!);
      if (bounced === undefined) return;
      const from = event.address % world.machine.pageSize;
      const bytes = { from: Math.max(from, bounced.from), to: Math.min(from + event.length, bounced.to) };
      if (event.kind === 'dma.write') {
        const known = apartOf(bounced, world.machine);
        known.writes.fill(seq, bytes.from, bytes.to);
        known.stores.fill(0, bytes.from, bytes.to);
        return;
      }
      const known = apart.get(bounced);
      const old = known && differing(world, bounced, known.stores, bytes);
      if (known === undefined || old === undefined) return;
      const engine = engineOf(world, event.kind, actor);
      const storer = known.storers[old]!;
      const more = `  event ${known.stores[old]}: ${who(world, storer)} stored the new one afterwards, in the memory
  event ${seq}: ${who(world, engine)} ${tellBeat(event)}, in a bounce page, and gets the old one`;
      tell(bounced, `${who(world, engine)} reads old bytes`, old, more, { seq, actors: [storer, engine] }, world);
    };

    const prepares: Watch['on'] = {
      refuse: ({ call, code }, { seq, actor, world }) => {
        if (call !== 'PrepareForDMA') return;
        const command = world.commands.get(inside.command(actor));
        const why = command?.active === true ? refusal(world, command, code) : undefined;
        if (command === undefined || why === undefined) return;
        report({
          message: `PrepareForDMA by ${who(world, actor)} returns ${codeName(code)}: command #${command.id} has ${command.maxAddressBits} address bits, and for ${tellMemory(world, command.descriptor)} ${why}`,
          seq,
          actors: [actor],
          key: String(command.id),
        });
      },
    };

    const accesses: Watch['on'] = {
      'memory.store': stored,
      'memory.fill': stored,
      'memory.atomic': (event, at) => {
        if (event.operation !== 'store') loaded(event, at);
        if (event.operation !== 'load') stored(event, at);
      },
      'call.copyout': stored,
      'call.copyin': loaded,
      'memory.load': loaded,
      'dma.read': beat,
      'dma.write': beat,
      'command.copy': ({ operation, memory, length }, { world }) => {
        // PerformOperation goes to the bounce pages, as the device does.
        const bounced = bounces.of(Math.floor(memory / world.machine.pageSize));
        const known = bounced && apart.get(bounced);
        if (known === undefined || operation === 'read') return;
        const from = memory % world.machine.pageSize;
        known.stores.fill(0, from, from + length);
      },
      'command.sync': ({ direction, bounce }, { seq, actor, world }) => {
        const bounced = bounces.of(Math.floor(bounce / world.machine.pageSize));
        const known = bounced && apart.get(bounced);
        if (bounced === undefined || known === undefined) return;
        apart.delete(bounced);
        const lost = direction === 'in' ? differing(world, bounced, known.stores, bounced) : undefined;
        if (lost === undefined) return;
        const storer = known.storers[lost]!;
        const more = `  event ${known.stores[lost]}: ${who(world, storer)} stored there afterwards, in the memory
  event ${seq}: what the bounce page holds is copied over it; the device has not written there`;
        tell(
          bounced,
          `a store of ${who(world, storer)} is undone`,
          lost,
          more,
          { seq, actors: [storer, actor] },
          world,
        );
      },
    };
    return {
      on: together(inside.on, bounces.on, prepares),
      after: { kind: 'command.bounce', on: accesses },
    };
  },
};

interface Told {
  readonly seq: number;
  readonly actors: readonly number[];
}

/** Why a prepare has failed for its address bits; nothing when it is for something else. */
function refusal(world: World, command: Command, code: number): string | undefined {
  const { mapper, maxAddressBits: bits, bounce, descriptor } = command;
  if (code === kIOReturnNoResources) {
    if (mapper === 'none') return limitOf(command) === Infinity ? undefined : 'no low pages are left to bounce to';
    return bits > 0 && bits < 32 ? 'no bus addresses are left below that' : undefined;
  }
  if (code !== kIOReturnMessageTooLarge) return undefined;
  if (bounce === 0) return 'it lies at higher bus addresses';
  const undone = world.machine.era !== 'before-13.3' && world.descriptors.get(descriptor)!.direction !== 'out';
  return `it lies higher, and so do the bounce pages that there are${undone ? '; what these hold is copied over it' : ''}`;
}

/** The first of the marked bytes in which the memory and its bounce page differ, in the page. */
function differing(world: World, bounced: Bounced, marks: Uint32Array, { from, to }: Bytes): number | undefined {
  const memory = world.frames.get(bounced.memory)?.bytes;
  const bounce = world.frames.get(bounced.bounce)?.bytes;
  if (memory === undefined || bounce === undefined) return undefined;
  for (let at = from; at < to; at += 1) if (marks[at] !== 0 && memory[at] !== bounce[at]) return at;
  return undefined;
}
