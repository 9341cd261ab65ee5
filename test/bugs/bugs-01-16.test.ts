/** Bugs 1 to 16 of facts §10, and their correct twins. */
import { allBugs, testBugs } from './catalogue.ts';

testBugs(await allBugs(), 1, 16);
