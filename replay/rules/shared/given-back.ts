import type { Moment, Watch } from '../../rule.ts';

/** How a page of bus addresses came to be nobody's any more. */
export interface GivenBack {
  /** The command that had it. */
  readonly command: number;
  /** The event that prepared the command. */
  readonly prepared: number;
  /** The event that took the page away, and who did it. */
  readonly seq: number;
  readonly actor: number;
  /** Register writes of drivers until then. */
  readonly doorbells: number;
}

/** Remembers pages of bus addresses that commands had: out of the IOMMU, or without one, unwired or no longer bounced to. */
export class GivenBackPages {
  /** Register writes of drivers so far. */
  doorbells = 0;
  /** By page of bus addresses. */
  readonly pages = new Map<number, GivenBack>();
  private readonly owners = new Map<number, { readonly command: number; readonly prepared: number }>();

  readonly on: Watch['on'] = {
    'mmio.write': () => void (this.doorbells += 1),
    'command.prepared': ({ command }, { world, seq }) => {
      const { pageSize } = world.machine;
      const owner = { command, prepared: seq };
      for (const { address, length } of world.commands.get(command)!.segments) {
        for (let page = Math.floor(address / pageSize); page * pageSize < address + length; page += 1) {
          this.owners.set(page, owner);
          this.pages.delete(page);
        }
      }
    },
    'iommu.unmap': ({ address }, at) => this.gone(address / at.world.machine.pageSize, at),
    'page.unwire': ({ frame }, at) => {
      if (at.world.machine.mapper === 'none' && at.world.frames.get(frame)!.wires === 1) this.gone(frame, at);
    },
    'command.unbounce': ({ command }, at) => {
      const { machine, commands, objects } = at.world;
      if (machine.mapper !== 'none') return;
      for (const frame of objects.get(commands.get(command)!.bounce)!.pages.values()) this.gone(frame, at);
    },
  };

  /** Whether the page was part of a command, or is. */
  known(page: number): boolean {
    return this.pages.has(page) || this.owners.has(page);
  }

  private gone(page: number, { seq, actor }: Moment): void {
    const owner = this.owners.get(page);
    if (owner === undefined) return;
    this.owners.delete(page);
    const { command, prepared } = owner;
    this.pages.set(page, { command, prepared, seq, actor, doorbells: this.doorbells });
  }
}
