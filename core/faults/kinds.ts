import { kind } from '../catalogue.ts';
import { faultNames } from './names.ts';

/** What goes wrong because the scenario asked for it. */
export const faultKinds = {
  'fault.plan': kind({
    doc: 'The run has a fault: it may strike whenever the scheduler picks it.',
    source: 'design §2 "actor"',
    fields: { fault: faultNames },
    text: 'fault {fault} may strike',
    footprint: (e, touch) => touch('fault', faultNames.indexOf(e.fault), 'sync'),
  }),
  'fault.strike': kind({
    doc: 'A fault strikes. What it does follows, or the next call that it concerns fails.',
    source: 'design §2 "actor"',
    fields: { fault: faultNames },
    text: 'fault {fault} strikes',
    footprint: (e, touch, world) => {
      touch('fault', faultNames.indexOf(e.fault), 'sync');
      for (const { id, name } of world.tasks.values()) if (name === 'app') touch('task', id, 'read');
    },
  }),
  'fault.check': kind({
    doc: 'A call that a fault can make fail: with which code it does, 0 when it goes through.',
    source: 'design §2 "actor"',
    fields: { fault: faultNames, code: 'code', call: 'text' },
    text: 'fault {fault}: {call} returns {code}',
    footprint: (e, touch) => touch('fault', faultNames.indexOf(e.fault), 'sync'),
  }),
};
