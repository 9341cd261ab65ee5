import type { Range } from '../../core/iokit/state.ts';
import type { HeapBlock } from '../../core/memory/state.ts';
import { frameAt } from '../../core/pcie/bus.ts';
import { hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';
import { everywhere, type Beat, type Moment, type Rule, type Watch, type Stretch } from '../rule.ts';
import { Bounces } from './shared/bounces.ts';
import { leavesOf, namedBy } from './shared/leaves.ts';
import { Preparations, type Preparation } from './shared/preparations.ts';
import { tellBeat, tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** Bytes of a freed heap block that a live command still reaches. */
interface Freed {
  readonly command: number;
  readonly block: HeapBlock;
  readonly bus: Range;
  /** The event that freed it, and who did. */
  readonly seq: number;
  readonly actor: number;
  /** Whether the command was prepared by then: what a bounce page has for the device to read is older. */
  readonly after: boolean;
  /** The event that handed it out again; 0 for not yet. */
  reused: number;
}

/** A block as it was when a descriptor was made over it. */
interface Known {
  readonly block: HeapBlock;
  /** How often it had been handed out by then. */
  readonly generation: number;
}

/**
 * A device accesses a heap block that the app has freed. The pages stay mapped, and the next malloc hands the same
 * bytes to somebody else (facts §9 "free()", §10 (7)).
 */
export const useAfterFree: Rule = {
  name: 'use-after-free',
  severity: 'error',
  advice: 'Free the buffer only after the completion has come.',
  watch(report) {
    const preparations = new Preparations((ended) => {
      freed = freed.filter(({ command }) => command !== ended.command);
    });
    const bounces = new Bounces();
    let freed: Freed[] = [];
    const named = new Map<number, Known[]>();
    /** By task and address of a block: how often it was handed out, and what freed it last. */
    const history = new Map<string, { generation: number; seq: number; actor: number }>();
    const keyOf = (task: number, address: number): string => `${task} ${address}`;
    const taskOf = ({ actor, world }: Moment): number => world.actors.get(actor)!.task;

    const reach = (
      preparation: Preparation,
      task: number,
      block: HeapBlock,
      { seq, actor, world }: Pick<Moment, 'seq' | 'actor' | 'world'>,
      after: boolean,
    ): void => {
      for (const bus of busOf(world, preparation, task, block)) {
        freed.push({ command: preparation.command, block, bus, seq, actor, after, reused: 0 });
      }
    };
    const hitOf = (address: number, length: number): Freed | undefined =>
      freed.find(({ bus }) => address < bus.address + bus.length && address + length > bus.address);
    const tell = (hit: Freed, what: string, again: string, { seq, actor, world }: Moment): void => {
      const { command, block, reused } = hit;
      const prepared = preparations.live.get(command)!;
      report({
        message: `${who(world, actor)} ${what}, which is freed memory of the app:
  event ${prepared.seq}: ${who(world, prepared.actor)} prepared command #${command} with ${tellMemory(world, prepared.descriptor)}
  event ${hit.seq}: ${who(world, hit.actor)} freed the block of ${block.size} bytes at ${hex(block.address)}${reused === 0 ? '' : `\n  event ${reused}: the heap handed it out again: what ${again} somebody else's data`}`,
        seq,
        actors: [hit.actor, actor],
        key: `${command} ${block.address} ${hit.seq}`,
      });
    };
    const beat = (event: Beat, at: Moment): Stretch | undefined => {
      if (freed.length === 0) return everywhere;
      if (event.status !== 'ok') return undefined;
      const { kind, address, length } = event;
      const hit = hitOf(address, length);
      if (hit === undefined) return undefined;
      const copied = hit.after && bounces.of(frameAt(at.world, address)!) !== undefined;
      if (copied && kind === 'dma.read') return undefined;
      tell(hit, tellBeat(event), `the device ${kind === 'dma.write' ? 'writes corrupts' : 'reads is'}`, at);
      return undefined;
    };
    const own: Watch['on'] = {
      'heap.allocate': ({ address, reused }, at) => {
        const known = history.get(keyOf(taskOf(at), address));
        if (known === undefined) history.set(keyOf(taskOf(at), address), { generation: 1, seq: 0, actor: 0 });
        else known.generation += 1;
        if (reused) for (const entry of freed) if (entry.block.address === address) entry.reused ||= at.seq;
      },
      'heap.free': ({ address }, at) => {
        const { seq, actor, world } = at;
        const task = taskOf(at);
        const block = world.tasks.get(task)!.heap.blocks.get(address)!;
        const known = history.get(keyOf(task, address));
        if (known !== undefined) Object.assign(known, { seq, actor });
        for (const preparation of preparations.live.values()) reach(preparation, task, block, at, true);
      },
      'descriptor.range': ({ descriptor, address, length }, { world }) => {
        const { task } = world.descriptors.get(descriptor)!;
        const blocks = [...(world.tasks.get(task)?.heap.blocks.values() ?? [])].filter(
          (block) => block.address < address + length && block.address + block.size > address,
        );
        const names = blocks.map((block) => ({
          block,
          generation: history.get(keyOf(task, block.address))?.generation ?? 0,
        }));
        named.set(descriptor, [...(named.get(descriptor) ?? []), ...names]);
      },
      'object.free': ({ object }) => void named.delete(object),
      'command.sync': ({ direction, bounce, memory, length }, at) => {
        const hit = direction === 'in' ? hitOf(bounce, length) : undefined;
        if (hit !== undefined) tell(hit, `copies a bounce page back to ${hex(memory)}`, 'it copies corrupts', at);
      },
      'command.prepared': ({ command }, { world }) => {
        const preparation = preparations.live.get(command)!;
        for (const leaf of leavesOf(world, preparation.descriptor)) {
          const { task } = world.descriptors.get(leaf)!;
          for (const { block, generation } of named.get(leaf) ?? []) {
            const known = history.get(keyOf(task, block.address));
            const isSame = world.tasks.get(task)!.heap.blocks.has(block.address) && known?.generation === generation;
            if (!isSame && known !== undefined) reach(preparation, task, block, { ...known, world }, false);
          }
        }
      },
    };
    return { on: together(preparations.on, bounces.on, own), beat };
  },
};

/** Where the bytes of the block lie on the bus, as far as the preparation covers them. */
function busOf(world: World, preparation: Preparation, task: number, block: HeapBlock): Range[] {
  const { descriptor, offset, length, segments } = preparation;
  const found: Range[] = [];
  let before = 0;
  for (const named of namedBy(world, descriptor, offset, length)) {
    const first = before + Math.max(block.address - named.address, 0);
    const last = before + Math.min(block.address + block.size - named.address, named.length);
    let at = 0;
    for (const segment of segments) {
      const from = Math.max(first, at);
      const to = Math.min(last, at + segment.length);
      if (named.task === task && from < to) found.push({ address: segment.address + (from - at), length: to - from });
      at += segment.length;
    }
    before += named.length;
  }
  return found;
}
