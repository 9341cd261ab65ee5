import { faultsIn, faultsOption, machinePrefix, type Options, type Scenario } from '../../core/scenario.ts';

/**
 * Options a little simpler than these, the simplest first: one that is as it was `given` back at its default, one fault
 * fewer, or one of the scenario's own numbers halved.
 */
export function smallerOptions(scenario: Scenario, set: Options, given: Options): Options[] {
  const back = Object.keys(set)
    .filter((name) => set[name] === given[name])
    .map((name) => Object.fromEntries(Object.entries(set).filter(([key]) => key !== name)));
  const asked = faultsIn(set);
  const armed = asked ?? scenario.build(set).faults;
  // Without the only one that was asked for, there is no need to ask.
  const disarmed =
    asked?.length === 1
      ? []
      : armed.map((name) => ({ ...set, [faultsOption]: armed.filter((one) => one !== name).join(',') }));
  const numbers = Object.entries({ ...scenario.options, ...set }).filter(
    ([name, value]) => typeof value === 'number' && !name.startsWith(machinePrefix),
  ) as [name: string, value: number][];
  const halved = numbers
    .filter(([, value]) => value >= 1)
    .map(([name, value]) => ({ ...set, [name]: Math.floor(value / 2) }));
  return [...back, ...disarmed, ...halved];
}
