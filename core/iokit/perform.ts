/** `IODMACommand::PerformOperation` (facts §4.4): the CPU copies between prepared memory and other memory. */
import { kIOReturnBadArgument, kIOReturnNotReady, kIOReturnSuccess, kIOReturnUnderrun } from '../codes.ts';
import { pageIn } from '../memory/fault.ts';
import { act, now, refuse, type Program, type Step } from '../operation.ts';
import { lockCommand, unlockCommand } from './command.ts';
import { piecesOf, referredPage, wiredPage, type PagePiece } from './pages.ts';
import type { DmaOperation } from './state.ts';
import { bounceFrame, commandOf, piecesOfWindow } from './window.ts';

/** What to copy; `data` is a descriptor's number, 0 for NULL. Offsets and length in bytes. */
export interface OperationArguments {
  readonly operation: DmaOperation;
  /** Where in the prepared window. */
  readonly dmaOffset: number;
  readonly length: number;
  readonly dataOffset: number;
  readonly data: number;
}

/**
 * Evaluates to a return code: `kIOReturnNotReady` unless the command is active, `kIOReturnBadArgument` for more than
 * the whole descriptor or the data holds, `kIOReturnUnderrun` when it runs past the prepared window.
 */
export function* performOperation(id: number, args: OperationArguments): Program<number> {
  const name = 'PerformOperation';
  yield* lockCommand(id);
  const wrong = yield* now((step) => check(step, id, args));
  const code = wrong === kIOReturnSuccess ? yield* copy(id, args) : yield* refuse(name, wrong);
  yield* unlockCommand(id);
  return code;
}

function check(step: Step, id: number, { operation, length, data }: OperationArguments): number {
  const { world } = step;
  const { active, descriptor } = commandOf(step, id);
  if (!active) return kIOReturnNotReady;
  step.look('descriptor', descriptor);
  if (data !== 0) step.look('descriptor', data);
  if (length > world.descriptors.get(descriptor)!.length) return kIOReturnBadArgument;
  if (operation === 'zero') return kIOReturnSuccess;
  return data === 0 || length > world.descriptors.get(data)!.length ? kIOReturnBadArgument : kIOReturnSuccess;
}

/** Copies piece by piece: each lies within one page on both sides. */
function* copy(id: number, { operation, dmaOffset, length, dataOffset, data }: OperationArguments): Program<number> {
  const { window, memory } = yield* now((step) => {
    const { world } = step;
    const command = commandOf(step, id);
    const room = Math.max(Math.min(length, command.length - dmaOffset), 0);
    return { window: room, memory: piecesOfWindow(world, command, command.descriptor, dmaOffset, room) };
  });
  const other: readonly PagePiece[] = yield* now((step) => {
    if (operation === 'zero') return memory;
    step.look('descriptor', data);
    return piecesOf(step.world, step.world.descriptors.get(data)!, dataOffset, window);
  });
  let done = 0;
  for (const [from, to, bytes] of together(memory, other)) {
    const copied = yield* act('PerformOperation', 'copy', (step) => {
      // As the device sees it: bounce pages where there are some (DMA:1191-1258).
      const at = physical(step, from, bounceFrame(step.world, commandOf(step, id), from));
      const peer = operation === 'zero' ? 0 : physical(step, to);
      if (at === undefined || peer === undefined) {
        step.emit({ kind: 'refuse', code: kIOReturnUnderrun, call: 'PerformOperation' });
        return false;
      }
      step.emit({ kind: 'command.copy', command: id, operation, memory: at, data: peer, length: bytes });
      return true;
    });
    if (!copied) return kIOReturnUnderrun;
    done += bytes;
  }
  return done === length ? kIOReturnSuccess : yield* refuse('PerformOperation', kIOReturnUnderrun);
}

/**
 * Where a piece lies physically: in the bounce page that stands for it, else in its wired frame; a buffer is always in
 * memory. Nothing when it is not wired.
 */
function physical(step: Step, piece: PagePiece, bounced?: number): number | undefined {
  const { world } = step;
  step.look('descriptor', piece.owner);
  const owner = world.descriptors.get(piece.owner)!;
  let frame = bounced ?? wiredPage(world, piece)?.frame;
  if (frame === undefined && owner.type === 'buffer') {
    const { object, page } = referredPage(world, owner, piece.page);
    frame = pageIn(step, object, page, true);
  }
  return frame === undefined ? undefined : frame * world.machine.pageSize + piece.offsetInPage;
}

/** Cuts two rows of pieces so that they go in step. */
function* together<A extends PagePiece>(
  a: readonly A[],
  b: readonly PagePiece[],
): Generator<[a: A, b: PagePiece, bytes: number]> {
  const shift = <Piece extends PagePiece>(piece: Piece, by: number): Piece => ({
    ...piece,
    offsetInPage: piece.offsetInPage + by,
    length: piece.length - by,
  });
  let [i, j, doneA, doneB] = [0, 0, 0, 0];
  while (i < a.length && j < b.length) {
    const [left, right] = [shift(a[i]!, doneA), shift(b[j]!, doneB)];
    const bytes = Math.min(left.length, right.length);
    yield [left, right, bytes];
    doneA = bytes === left.length ? 0 : doneA + bytes;
    doneB = bytes === right.length ? 0 : doneB + bytes;
    if (doneA === 0) i += 1;
    if (doneB === 0) j += 1;
  }
}
