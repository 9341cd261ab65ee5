import { everywhere, type Beat, type Moment, type Rule, type Watch, type Stretch } from '../rule.ts';
import { Preparations, type Preparation } from './shared/preparations.ts';
import { tellBeat, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A dext has died, and its device goes on: until it is reset, it works on memory that nobody looks after (facts §4.4, §7.3, §10 (36)). */
export const dextDiedInDma: Rule = {
  name: 'dext-died-in-dma',
  severity: 'error',
  advice: 'Find why the dext died; the device must bear being cut off, and the app must treat the output as undefined.',
  watch(report) {
    const preparations = new Preparations();
    let dead: { readonly seq: number; readonly reason: string } | undefined;
    let orphans: Preparation[] = [];
    const beat = (event: Beat, { seq, actor, world }: Moment): Stretch | undefined => {
      if (dead === undefined) return everywhere;
      const { address } = event;
      const hit = orphans.find(({ segments }) =>
        segments.some((s) => address >= s.address && address < s.address + s.length),
      );
      if (hit === undefined) return undefined;
      const { seq: died, reason } = dead;
      report({
        message: `the device goes on after the dext has died:
  event ${hit.seq}: ${who(world, hit.actor)} prepared command #${hit.command}
  event ${died}: the dext died: ${reason}
  event ${seq}: ${who(world, actor)} ${tellBeat(event)}: ${event.status}`,
        seq,
        actors: [hit.actor, actor],
        key: String(hit.command),
      });
      return undefined;
    };
    const own: Watch['on'] = {
      'task.kill': ({ task, reason }, { seq, world }) => {
        if (![...world.services.values()].some((service) => service.task === task)) return;
        dead = { seq, reason };
        orphans = [...preparations.live.values()];
      },
    };
    return { on: together(own, preparations.on), beat };
  },
};
