import { kindNames, type AnyEvent } from '../../core/events.ts';
import { formatEvent } from '../format.ts';
import type { Moment, Rule } from '../rule.ts';

/** The run went through something that no source establishes: on a Mac it may go another way (facts §13). */
export const unspecified: Rule = {
  name: 'unspecified',
  severity: 'warning',
  advice: 'Do not rely on what the model does here.',
  watch(report) {
    const say = (event: AnyEvent, { seq, actor }: Moment): void => {
      const message = formatEvent(event);
      report({ message, seq, actors: [actor], key: message });
    };
    const marked = kindNames.filter((name) => name.endsWith('unspecified'));
    return { on: Object.fromEntries(marked.map((name) => [name, say])) };
  },
};
