import { piecesOf, wiredPage } from '../../core/iokit/pages.ts';
import type { World } from '../../core/world.ts';
import type { Rule, Watch } from '../rule.ts';
import { Preparations, type Preparation } from './shared/preparations.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/**
 * Two live preparations share bytes, and one of them lets the device write: which of the two the bytes belong to is
 * chance, and completing one leaves the other's access (facts §4.6 "Sharing", §10 (21)).
 */
export const overlappingMappings: Rule = {
  name: 'overlapping-mappings',
  severity: 'error',
  advice: 'Complete the one before the other is prepared; only memory that the device reads may be prepared twice.',
  watch(report) {
    const preparations = new Preparations();
    const own: Watch['on'] = {
      'command.prepared': ({ command }, { seq, actor, world }) => {
        const { descriptor, offset, length } = world.commands.get(command)!;
        const mine = piecesByFrame(world, { descriptor, offset, length });
        for (const other of preparations.live.values()) {
          if (other.command === command) continue;
          const writes = [descriptor, other.descriptor].some((id) => isWritten(world, id));
          const at = writes ? sharedByte(world, mine, other) : undefined;
          if (at === undefined) continue;
          report({
            message: `two live preparations share memory that the device may write, from byte ${at.offset} of frame ${at.frame} on:
  event ${other.seq}: ${who(world, other.actor)} prepared command #${other.command} with ${tellMemory(world, other.descriptor)}
  event ${seq}: ${who(world, actor)} prepares command #${command} with ${tellMemory(world, descriptor)}`,
            seq,
            actors: [other.actor, actor],
            key: `${descriptor} ${other.descriptor}`,
          });
        }
      },
    };
    return { on: together(own, preparations.on) };
  },
};

/** A stretch of one frame. */
interface Piece {
  readonly from: number;
  readonly to: number;
}

const isWritten = (world: World, descriptor: number): boolean => {
  const direction = world.descriptors.get(descriptor)?.direction;
  return direction === 'in' || direction === 'in-out';
};

type Window = Pick<Preparation, 'descriptor' | 'offset' | 'length'>;

/** By frame, the bytes that are prepared. */
function piecesByFrame(world: World, { descriptor: memory, offset, length }: Window): Map<number, Piece> {
  const descriptor = world.descriptors.get(memory);
  const pieces = new Map<number, Piece>();
  if (descriptor === undefined) return pieces;
  for (const piece of piecesOf(world, descriptor, offset, length)) {
    const frame = wiredPage(world, piece)?.frame;
    if (frame !== undefined) pieces.set(frame, { from: piece.offsetInPage, to: piece.offsetInPage + piece.length });
  }
  return pieces;
}

/** The first byte that both are prepared for. */
function sharedByte(
  world: World,
  mine: ReadonlyMap<number, Piece>,
  other: Window,
): { frame: number; offset: number } | undefined {
  for (const [frame, { from, to }] of piecesByFrame(world, other)) {
    const own = mine.get(frame);
    const offset = Math.max(from, own?.from ?? 0);
    if (own !== undefined && offset < Math.min(to, own.to)) return { frame, offset };
  }
  return undefined;
}
