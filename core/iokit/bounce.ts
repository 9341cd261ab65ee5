/**
 * Bounce buffers: without a mapper, what lies above a command's address limit is copied to low pages, which the device
 * works on, and back when the command is completed (facts §4.6; xnu IODMACommand.cpp segmentOp 494-620, walkAll 631-754).
 */
import { kIOReturnInternalError, kIOReturnNoResources, kIOReturnSuccess, kIOReturnVMError } from '../codes.ts';
import { lowAllocator, lowFramesLeft, nextLowFrame } from '../memory/frames.ts';
import { makeObject, reap } from '../memory/space.ts';
import { act, now, type Program, type Step } from '../operation.ts';
import { wiredPage } from './pages.ts';
import type { Direction, SyncDirection } from './state.ts';
import { bounceFrame, commandOf, limitOf, piecesOfWindow, type WindowPiece } from './window.ts';

/**
 * Gives the command's window of the memory bounce pages where it needs some, and fills them with what is to go out.
 * Errors: `kIOReturnNoResources` when not enough low pages are left, `kIOReturnVMError` for what is not wired.
 */
export function* bounce(id: number, memory: number): Program<number> {
  const high = yield* now((step) => highPieces(step, id, memory));
  if (high?.length === 0) return kIOReturnSuccess;
  const code = yield* act('allocate bounce pages', 'kernel', (step) => allocate(step, id, memory));
  if (code === kIOReturnSuccess) yield* syncBounce(id, memory, 'out');
  return code;
}

/** The pieces that the device cannot reach; nothing when one is not wired. */
function highPieces(step: Step, id: number, memory: number): WindowPiece[] | undefined {
  const { world } = step;
  const command = commandOf(step, id);
  const limit = limitOf(command);
  if (command.mapper !== 'none' || limit === Infinity) return [];
  const high: WindowPiece[] = [];
  for (const piece of piecesOfWindow(world, command, memory, 0, command.length)) {
    step.look('descriptor', piece.owner);
    const wired = wiredPage(world, piece);
    if (wired === undefined) return undefined;
    if (wired.frame * world.machine.pageSize >= limit) high.push(piece);
  }
  return high;
}

/** Takes a low page for each piece, all or none: it does not wait for one (DMA:672-678, KMA_LOMEM and KMA_NOPAGEWAIT). */
function allocate(step: Step, id: number, memory: number): number {
  const { world } = step;
  const refuse = (code: number): number => {
    step.emit({ kind: 'refuse', code, call: 'PrepareForDMA' });
    return code;
  };
  const high = highPieces(step, id, memory);
  if (high === undefined) return refuse(kIOReturnVMError);
  step.look('allocator', lowAllocator);
  if (high.length > lowFramesLeft(world)) return refuse(kIOReturnNoResources);
  const pages = (high.at(-1)?.index ?? 0) + 1;
  const object = makeObject(step, pages * world.machine.pageSize, 'none');
  step.emit({ kind: 'command.bounce', command: id, object, pages: high.length });
  for (const { index: page } of high) step.emit({ kind: 'page.take', object, page, frame: nextLowFrame(world) });
  return kIOReturnSuccess;
}

/** Whether memory of the direction is copied that way (DMA:70-76, SHOULD_COPY_DIR). */
const goes = (direction: Direction, way: SyncDirection): boolean =>
  direction === way || direction === 'in-out' || direction === 'none';

/**
 * Copies each bounced page from the memory (`out`) or back (`in`), if the memory's direction says so or `always`.
 * Anybody can move between two pages. Nothing happens where nothing is bounced.
 */
export function* syncBounce(id: number, memory: number, way: SyncDirection, always = false): Program {
  const pieces = yield* now((step) => {
    const { world } = step;
    const command = commandOf(step, id);
    if (command.bounce === 0 || !(always || goes(world.descriptors.get(memory)!.direction, way))) return [];
    const all = piecesOfWindow(world, command, memory, 0, command.length);
    return all.filter((piece) => bounceFrame(world, command, piece) !== undefined);
  });
  for (const piece of pieces) yield* act(`bounce ${way}`, 'copy', (step) => copyPiece(step, id, piece, way));
}

function copyPiece(step: Step, id: number, piece: WindowPiece, direction: SyncDirection): void {
  const { world } = step;
  step.look('descriptor', piece.owner);
  const bounced = bounceFrame(world, commandOf(step, id), piece);
  const wired = wiredPage(world, piece);
  if (bounced === undefined || wired === undefined) {
    // Another thread was faster: commands have no lock before macOS 13.3, struct arguments never (facts §4.5, §4.3).
    step.emit({ kind: 'refuse', code: kIOReturnInternalError, call: `bounce ${direction}` });
    return;
  }
  const at = (frame: number): number => frame * world.machine.pageSize + piece.offsetInPage;
  const [from, to] = [at(wired.frame), at(bounced)];
  step.emit({ kind: 'command.sync', command: id, direction, memory: from, bounce: to, length: piece.length });
}

/** Ends the bouncing of a command: what the device wrote is copied in, unless `synchronize` is false, and the pages go back. */
export function* endBounce(id: number, memory: number, synchronize = true): Program {
  if (yield* now((step) => commandOf(step, id).bounce === 0)) return;
  if (synchronize) yield* syncBounce(id, memory, 'in');
  yield* act('free bounce pages', 'kernel', (step) => {
    const { bounce: object } = commandOf(step, id);
    if (object === 0) {
      step.emit({ kind: 'refuse', code: kIOReturnInternalError, call: 'free bounce pages' });
      return;
    }
    step.emit({ kind: 'command.unbounce', command: id });
    reap(step, object);
  });
}
