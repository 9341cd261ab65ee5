/** How a test went: as the good run, as the bad run, or like neither of them. */
export type Verdict = 'pass' | 'fail' | 'unresolved';
