import { piecesOfWindow } from '../../../core/iokit/window.ts';
import { wiredPage } from '../../../core/iokit/pages.ts';
import type { World } from '../../../core/world.ts';
import type { Watch } from '../../rule.ts';

/** A piece of memory that a device works on in a bounce page: at the same place in the page. */
export interface Bounced {
  readonly command: number;
  readonly descriptor: number;
  /** The event that took bounce pages for the command, and who did it. */
  readonly seq: number;
  readonly actor: number;
  /** The frame of the memory, and of the bounce page. */
  readonly memory: number;
  readonly bounce: number;
  /** Byte bounds in the page, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** Where in the command's window `from` is. */
  readonly offset: number;
}

/** Remembers what is bounced. */
export class Bounces {
  private readonly byMemory = new Map<number, Bounced[]>();
  private readonly byBounce = new Map<number, Bounced>();
  /** By VM object of bounce pages: what its pages will stand for. */
  private readonly expected = new Map<number, ReadonlyMap<number, Omit<Bounced, 'bounce'>>>();
  private readonly ends: (bounced: Bounced) => void;

  /** `ends` is called as a bounce page goes. */
  constructor(ends: (bounced: Bounced) => void = () => {}) {
    this.ends = ends;
  }

  readonly on: Watch['on'] = {
    'command.bounce': ({ command, object }, { seq, actor, world }) => {
      const pieces = new Map<number, Omit<Bounced, 'bounce'>>();
      let offset = 0;
      for (const piece of piecesOf(world, command)) {
        const { offsetInPage: from, length, index } = piece;
        const { descriptor } = world.commands.get(command)!;
        const memory = wiredPage(world, piece)?.frame ?? -1;
        pieces.set(index, { command, descriptor, seq, actor, memory, from, to: from + length, offset });
        offset += length;
      }
      this.expected.set(object, pieces);
    },
    'page.take': ({ object, page, frame }) => {
      const expected = this.expected.get(object)?.get(page);
      if (expected === undefined) return;
      const bounced = { ...expected, bounce: frame };
      this.byBounce.set(frame, bounced);
      const others = this.byMemory.get(bounced.memory);
      if (others === undefined) this.byMemory.set(bounced.memory, [bounced]);
      else others.push(bounced);
    },
    'command.unbounce': ({ command }, { world }) => {
      const object = world.commands.get(command)!.bounce;
      this.expected.delete(object);
      for (const frame of world.objects.get(object)!.pages.values()) this.end(frame);
    },
  };

  /** Whether nothing is bounced. */
  get isEmpty(): boolean {
    return this.byBounce.size === 0;
  }

  /** What a bounce page stands for. */
  of(frame: number): Bounced | undefined {
    return this.byBounce.get(frame);
  }

  /** The pieces of a frame that devices work on elsewhere. */
  ofMemory(frame: number): readonly Bounced[] {
    return this.byMemory.get(frame) ?? none;
  }

  private end(frame: number): void {
    const bounced = this.byBounce.get(frame);
    if (bounced === undefined) return;
    this.byBounce.delete(frame);
    const others = this.byMemory.get(bounced.memory)!.filter((other) => other !== bounced);
    if (others.length === 0) this.byMemory.delete(bounced.memory);
    else this.byMemory.set(bounced.memory, others);
    this.ends(bounced);
  }
}

const none: readonly Bounced[] = [];

function piecesOf(world: World, id: number): ReturnType<typeof piecesOfWindow> {
  const command = world.commands.get(id)!;
  return piecesOfWindow(world, command, command.descriptor, 0, command.length);
}
