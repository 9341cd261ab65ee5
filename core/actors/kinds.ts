import { kind } from '../catalogue.ts';
import { roles } from '../operation.ts';

/** Machine start, actors, time, threads and mutexes. */
export const actorKinds = {
  'machine.start': kind({
    doc: 'The machine comes up; every switch of the model, as JSON.',
    source: 'facts §12 "Switches"',
    fields: { options: 'text' },
    text: 'machine {options}',
    footprint: () => {},
  }),
  'actor.create': kind({
    doc: 'An actor comes into being: the scheduler can pick it from now on.',
    source: 'design §2',
    fields: { actor: 'actor', role: roles, task: 'task', device: 'id', daemon: 'flag', name: 'text' },
    text: '{name} is actor {actor} ({role}, task {task})',
    footprint: (e, touch) => touch('actor', e.actor, 'sync'),
    order: (e, order) => order.release(`start ${e.actor}`),
  }),
  'actor.start': kind({
    doc: 'An actor runs for the first time.',
    source: 'design §2',
    fields: { actor: 'actor' },
    text: 'actor {actor} starts',
    footprint: (e, touch) => touch('actor', e.actor, 'sync'),
    order: (e, order) => order.acquire(`start ${e.actor}`),
  }),
  'actor.exit': kind({
    doc: 'An actor ends.',
    source: 'design §2',
    fields: { actor: 'actor', reason: ['returned', 'crashed', 'killed', 'reset', 'stalled', 'removed'] },
    text: 'actor {actor} ends: {reason}',
    footprint: (e, touch) => touch('actor', e.actor, 'sync'),
    order: (e, order) => order.release(`exit ${e.actor}`),
  }),
  'thread.join': kind({
    doc: 'pthread_join returns: the other thread has ended.',
    source: 'POSIX pthread_join',
    fields: { thread: 'actor' },
    text: 'join actor {thread}',
    footprint: (e, touch) => touch('actor', e.thread, 'read'),
    order: (e, order) => order.acquire(`exit ${e.thread}`),
  }),
  'thread.sleep': kind({
    doc: 'A thread asks to be woken no earlier than a time.',
    source: 'design idea 11',
    fields: { until: 'ticks' },
    text: 'sleep until {until}',
    footprint: () => {},
  }),
  'thread.wake': kind({
    doc: 'A sleeping thread runs again.',
    source: 'design idea 11',
    fields: { until: 'ticks' },
    text: 'wake, due at {until}',
    footprint: () => {},
  }),
  'mutex.create': kind({
    doc: 'A mutex is initialised.',
    source: 'POSIX pthread_mutex_init',
    fields: { mutex: 'id' },
    text: 'mutex #{mutex}',
    footprint: (e, touch) => touch('mutex', e.mutex, 'sync'),
  }),
  'mutex.lock': kind({
    doc: 'A thread takes a mutex.',
    source: 'POSIX pthread_mutex_lock',
    fields: { mutex: 'id' },
    text: 'lock mutex #{mutex}',
    footprint: (e, touch) => touch('mutex', e.mutex, 'sync'),
    order: (e, order) => order.acquire(`mutex ${e.mutex}`),
  }),
  'mutex.unlock': kind({
    doc: 'A thread gives a mutex back.',
    source: 'POSIX pthread_mutex_unlock',
    fields: { mutex: 'id' },
    text: 'unlock mutex #{mutex}',
    footprint: (e, touch) => touch('mutex', e.mutex, 'sync'),
    order: (e, order) => order.release(`mutex ${e.mutex}`),
  }),
  refuse: kind({
    doc: 'A call returns an error without doing anything.',
    source: 'facts §1.3, §4, §5: the error rows',
    fields: { code: 'code', call: 'text' },
    text: '{call} returns {code}',
    // Not said by the event: what it was refused for. Anything that calls look at may be it.
    footprint: (_e, touch, world) => {
      for (const id of world.tasks.keys()) touch('task', id, 'read');
      for (const id of world.connections.keys()) touch('connection', id, 'read');
      for (const id of world.descriptors.keys()) touch('descriptor', id, 'read');
      for (const id of world.commands.keys()) touch('command', id, 'read');
    },
  }),
  unspecified: kind({
    doc: 'The run goes through something that is not established: a Mac may do otherwise.',
    source: 'facts §13, and the rules marked so',
    fields: { what: 'text' },
    text: 'unspecified: {what}',
    footprint: () => {},
  }),
  note: kind({
    doc: 'A line that a program wrote for the reader of the log.',
    source: 'design §6',
    fields: { text: 'text' },
    text: 'note: {text}',
    footprint: () => {},
  }),
};
