import type { Command, Range } from '../../../core/iokit/state.ts';
import type { Watch } from '../../rule.ts';

/** A command that is prepared, from PrepareForDMA to CompleteDMA. */
export interface Preparation {
  readonly command: number;
  readonly descriptor: number;
  /** The event that prepared it. */
  readonly seq: number;
  /** Who prepared it. */
  readonly actor: number;
  /** Bus addresses of its bytes, in their order. */
  readonly segments: readonly Range[];
  /** Segments that did not fit. */
  readonly dropped: number;
  /** Where in the descriptor it begins, in bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

/** Remembers who prepared which command when; `ends` is called as one ends. */
export class Preparations {
  /** Those that live, by command. */
  readonly live = new Map<number, Preparation>();
  private readonly ends: (preparation: Preparation) => void;

  constructor(ends: (preparation: Preparation) => void = () => {}) {
    this.ends = ends;
  }

  readonly on: Watch['on'] = {
    'command.prepared': ({ command, dropped }, { world, seq, actor }) => {
      const { descriptor, segments, offset, length }: Command = world.commands.get(command)!;
      this.live.set(command, { command, descriptor, seq, actor, segments, dropped, offset, length });
    },
    'command.activate': ({ command }) => this.end(command),
    'command.complete': ({ command }) => this.end(command),
  };

  /** The one that has a segment around all of these bytes. */
  around(address: number, length: number): Preparation | undefined {
    for (const preparation of this.live.values()) {
      if (preparation.segments.some((s) => address >= s.address && address + length <= s.address + s.length)) {
        return preparation;
      }
    }
    return undefined;
  }

  private end(command: number): void {
    const preparation = this.live.get(command);
    if (preparation === undefined) return;
    this.live.delete(command);
    this.ends(preparation);
  }
}
