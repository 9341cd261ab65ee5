import { inlineLimit } from '../../core/iokit/call.ts';
import type { Rule, Watch } from '../rule.ts';
import { Calls } from './shared/calls.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** structureOutput is set though the output is a descriptor: the dext has run, and then the call fails (facts §3.3 (5), §10 (43)). */
export const outputBesideDescriptor: Rule = {
  name: 'output-beside-descriptor',
  severity: 'error',
  advice: 'Set structureOutput only where structureOutputDescriptor is NULL; tell lengths by a scalar.',
  watch(report) {
    const calls = new Calls();
    const own: Watch['on'] = {
      refuse: ({ call: what }, { seq, actor, world }) => {
        if (what !== 'ExternalMethod output') return;
        const call = calls.underWay(actor);
        if (call === undefined || call.outputSize <= inlineLimit) return;
        report({
          message: `call #${call.call} of ${who(world, actor)} fails after the dext has done its work: it has a descriptor for ${call.outputSize} bytes of output, and structureOutput was set beside it`,
          seq,
          actors: [actor],
          key: String(call.call),
        });
      },
    };
    return { on: together(calls.on, own) };
  },
};
