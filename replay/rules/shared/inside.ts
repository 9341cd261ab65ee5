import type { Watch } from '../../rule.ts';

/**
 * What the call into the kernel that an actor is in was given. Such a call keeps its objects until it
 * returns (facts §1.5), so the last command that an actor has retained is the one that it calls.
 */
export class Inside {
  private readonly commands = new Map<number, number>();
  private readonly descriptors = new Map<number, number>();

  readonly on: Watch['on'] = {
    'object.retain': ({ object }, { actor, world }) => {
      if (world.commands.has(object)) this.commands.set(actor, object);
      else if (world.descriptors.has(object)) this.descriptors.set(actor, object);
    },
  };

  command(actor: number): number {
    return this.commands.get(actor) ?? 0;
  }

  descriptor(actor: number): number {
    return this.descriptors.get(actor) ?? 0;
  }
}
