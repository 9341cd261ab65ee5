/** Bugs 17 to 32 of facts §10, and their correct twins. */
import { allBugs, testBugs } from './catalogue.ts';

testBugs(await allBugs(), 17, 32);
