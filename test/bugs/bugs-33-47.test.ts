/** Bugs 33 to 47 of facts §10, and their correct twins. */
import { allBugs, testBugs } from './catalogue.ts';

testBugs(await allBugs(), 33, 47);
