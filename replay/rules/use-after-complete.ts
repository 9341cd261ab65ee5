import type { EventByKind } from '../../core/events.ts';
import type { Range } from '../../core/iokit/state.ts';
import { engineOf } from '../../core/pcie/flow.ts';
import { hex } from '../../core/units.ts';
import type { Beat, Moment, Rule, Stretch } from '../rule.ts';

/** Bus addresses that a command has given back. */
interface Given {
  readonly command: number;
  readonly seq: number;
  readonly ranges: readonly Range[];
}

/** A segment that an engine sends packets of, and the commands that its first packet can belong to. */
interface Run {
  readonly request: number;
  readonly segment: number;
  /** Where its next packet goes, when it goes on. */
  end: number;
  readonly commands: readonly number[];
  /** The prepares and completes that its commands were last looked up after. */
  changes: number;
}

const covers = (ranges: readonly Range[] | undefined, address: number): boolean =>
  ranges?.some((range) => address >= range.address && address < range.address + range.length) === true;

/**
 * DMA at bus addresses whose command is complete: it faults, or worse, it does not, because no IOMMU is there, the
 * addresses live on in another command, or were handed out again (facts §10 (12), (13), (15), (21)).
 */
export const useAfterComplete: Rule = {
  name: 'use-after-complete',
  severity: 'error',
  advice: 'Stop the device, or wait until it is done, before CompleteDMA, a second PrepareForDMA or the last release.',
  watch(report) {
    /** By command: the bus addresses that are its own. */
    const live = new Map<number, readonly Range[]>();
    /** By command: what it gave back last. */
    const given = new Map<number, Given>();
    /** By engine. */
    const runs = new Map<number, Run>();
    let changes = 0;

    function giveBack(command: number, seq: number): void {
      const ranges = live.get(command);
      changes += 1;
      if (ranges === undefined) return;
      live.delete(command);
      given.set(command, { command, seq, ranges });
    }

    const owners = (address: number): number[] =>
      [...live].filter(([, ranges]) => covers(ranges, address)).map(([command]) => command);

    function tell(stray: Given, event: Beat | Packet, engine: number, { seq, world }: Moment): void {
      const verb = event.kind === 'dma.read' || event.kind === 'tlp.read' ? 'reads' : 'writes';
      const status = 'status' in event ? event.status : 'sent';
      report({
        message: `${world.actors.get(engine)!.name} ${verb} ${event.length} bytes at ${hex(event.address)} (request ${event.request} segment ${event.segment}: ${status}), which command #${stray.command} gave back in event ${stray.seq}`,
        seq,
        actors: [engine],
        key: `${stray.command} ${stray.seq}`,
      });
    }

    /** Goes on with what was begun under a command that is complete by now, whoever has its addresses today. */
    function packet(event: Packet, at: Moment): void {
      const { request, segment, address, length } = event;
      const run = runs.get(at.actor);
      if (run?.request !== request || run.segment !== segment || run.end !== address) {
        runs.set(at.actor, { request, segment, end: address + length, commands: owners(address), changes });
        return;
      }
      run.end += length;
      if (run.changes === changes || run.commands.length === 0) return;
      if (run.commands.some((command) => covers(live.get(command), address))) run.changes = changes;
      else tell(given.get(run.commands[0]!)!, event, at.actor, at);
    }

    function beat(event: Beat, at: Moment): Stretch | undefined {
      const { address, status, kind } = event;
      if (status === 'bus-lead-off') return undefined;
      for (const ranges of live.values()) {
        const range = ranges.find((one) => address >= one.address && address < one.address + one.length);
        if (range !== undefined) return { from: range.address, to: range.address + range.length };
      }
      const stray = [...given.values()].findLast(({ ranges }) => covers(ranges, address));
      if (stray !== undefined) tell(stray, event, engineOf(at.world, kind, at.actor), at);
      return undefined;
    }

    return {
      on: {
        'command.prepared': ({ command }, { seq, world }) => {
          giveBack(command, seq);
          const { iova, iovaLength, segments } = world.commands.get(command)!;
          live.set(command, iova === 0 ? [...segments] : [{ address: iova, length: iovaLength }]);
        },
        'command.complete': ({ command }, { seq }) => giveBack(command, seq),
        // An engine that takes work begins something new.
        'device.take': (_, { actor }) => void runs.delete(actor),
        'fifo.pop': (_, { actor }) => void runs.delete(actor),
        'tlp.read': packet,
        'tlp.write': packet,
      },
      beat,
      aside: ['device.take', 'fifo.pop', 'tlp.read', 'tlp.write'],
    };
  },
};

type Packet = EventByKind['tlp.read' | 'tlp.write'];
