import type { RuleHead } from '../rule.ts';

/** What races can be; one detector tells them apart. */
export const raceRules: readonly RuleHead[] = [
  {
    name: 'late-write',
    severity: 'error',
    advice: 'Write only before the call, or after the completion has come.',
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
