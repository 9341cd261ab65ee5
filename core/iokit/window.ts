/** What a command has prepared: a window of its memory, page by page, and where the device finds it. */
import type { Step } from '../operation.ts';
import type { World } from '../world.ts';
import { piecesOf, wiredPage, type PagePiece } from './pages.ts';
import type { Command, Range } from './state.ts';

/** The command, as what the step looks at. */
export function commandOf(step: Step, id: number): Command {
  step.look('command', id);
  return step.world.commands.get(id)!;
}

/** Where the command's addresses must end: exclusive. */
export function limitOf({ maxAddressBits }: Command): number {
  return maxAddressBits === 0 || maxAddressBits >= 64 ? Infinity : 2 ** maxAddressBits;
}

/** A stretch of the window within one page. */
export interface WindowPiece extends PagePiece {
  /** Which one it is, from the window's start. */
  readonly index: number;
}

/** Cuts `[offset, offset + length)` of the command's window of the memory at page borders. */
export function piecesOfWindow(
  world: World,
  command: Command,
  memory: number,
  offset: number,
  length: number,
): WindowPiece[] {
  const descriptor = world.descriptors.get(memory)!;
  const first = offset === 0 ? 0 : piecesOf(world, descriptor, command.offset, offset + 1).length - 1;
  return piecesOf(world, descriptor, command.offset + offset, length).map((piece, index) => ({
    ...piece,
    index: first + index,
  }));
}

/** The bounce page that stands for a piece of the window: its frame. Nothing where the device works on the memory itself. */
export function bounceFrame(world: World, command: Command, { index }: WindowPiece): number | undefined {
  return world.objects.get(command.bounce)?.pages.get(index);
}

/** The frame that a device without a mapper finds a piece in; nothing when it is not wired. */
export function frameFor(world: World, command: Command, piece: WindowPiece): number | undefined {
  return bounceFrame(world, command, piece) ?? wiredPage(world, piece)?.frame;
}

/** The bus addresses of `[offset, offset + length)` of the window of the memory; nothing when somebody has unwired it. */
export function runsOf(step: Step, id: number, memory: number, offset: number, length: number): Range[] | undefined {
  const { world } = step;
  const { pageSize } = world.machine;
  const command = commandOf(step, id);
  const runs: { address: number; length: number; bounced: boolean }[] = [];
  for (const piece of piecesOfWindow(world, command, memory, offset, length)) {
    step.look('descriptor', piece.owner);
    const bounced = bounceFrame(world, command, piece) !== undefined;
    const frame = command.iova === 0 ? frameFor(world, command, piece) : undefined;
    if (command.iova === 0 && frame === undefined) return undefined;
    // A bus page for each page of the window.
    const page = frame === undefined ? command.iova + piece.index * pageSize : frame * pageSize;
    const address = page + piece.offsetInPage;
    const last = runs.at(-1);
    // What lies next to each other is one segment (DMA:1449-1455), but a bounce page is always one of its own (1493-1530).
    if (last !== undefined && !last.bounced && !bounced && last.address + last.length === address) {
      last.length += piece.length;
    } else runs.push({ address, length: piece.length, bounced });
  }
  return runs.map(({ address, length: bytes }) => ({ address, length: bytes }));
}
