/** Bugs 1 to 24 of facts §10, made small and brought down to their causes. */
import { allBugs } from './catalogue.ts';
import { testCauses } from './causes.ts';

testCauses(await allBugs(), 1, 24);
