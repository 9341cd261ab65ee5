import type { AnyEvent, KindName } from '../../../core/events.ts';
import type { Moment, Watch } from '../../rule.ts';

type Handlers = Watch['on'];
type Handler = (event: AnyEvent, at: Moment) => void;

/** Several sets of handlers as one: for each kind, they are called in the order given. */
export function together(...sets: readonly Handlers[]): Handlers {
  const all: Partial<Record<KindName, Handler>> = {};
  for (const set of sets) {
    for (const [kind, handler] of Object.entries(set) as [KindName, Handler][]) {
      const before = all[kind];
      all[kind] =
        before === undefined
          ? handler
          : (event, at) => {
              before(event, at);
              handler(event, at);
            };
    }
  }
  return all;
}
