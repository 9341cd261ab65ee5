import type { RuleHead } from '../rule.ts';

/** What races can be; one detector tells them apart. */
export const raceRules: readonly RuleHead[] = [
  {
    name: 'late-write',
    severity: 'error',
    advice: 'Write only before the call, or after the completion has come.',
  },
  {
    name: 'write-during-fetch',
    severity: 'error',
    advice: 'Write a descriptor before the doorbell, and again only when the device is past it.',
  },
  {
    name: 'lost-update',
    severity: 'error',
    advice: "Leave the device's target alone until the completion has come.",
  },
  {
    name: 'read-before-completion',
    severity: 'error',
    advice: 'Read only after the completion has come; a status word must be polled atomically.',
  },
  {
    name: 'torn-read',
    severity: 'error',
    advice: 'Read only after the completion has come: no order of the words can be relied on.',
  },
  {
    name: 'double-fetch',
    severity: 'error',
    advice: 'Copy what is to be checked into memory of the dext, and let the device read that copy.',
  },
  {
    name: 'snapshot-race',
    severity: 'error',
    advice: 'Write before the call, or after it has returned; the snapshot is taken by the first CreateMapping.',
  },
  {
    name: 'data-race',
    severity: 'error',
    advice: 'Use a mutex, an atomic, or one queue for both.',
  },
  {
    name: 'device-race',
    severity: 'error',
    advice: 'Requests in flight at once must not share memory that one of them writes.',
  },
];
