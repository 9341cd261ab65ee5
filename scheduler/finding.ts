/** Stable names of what can be found, and what each means; a rule that can be found has a section in docs/findings.md. */
export const ruleMeanings = {
  // The run itself.
  deadlock: 'nobody can move, and somebody waits',
  'queue-deadlock': 'a deadlock whose waits go in a circle through a dispatch queue',
  unanswered: 'the run is over, and somebody was never answered',
  'step-bound': 'not finished after `--max-steps` steps',
  crash: 'a process died as the real one would',
  panic: 'a kernel extension crashed, and the machine with it',
  'program-error': 'a program of the scenario threw',
  always: 'what the scenario says must always hold did not',
  check: "the scenario's own check failed",
  unspecified: 'the run went through something that no source establishes',
  // Races: accesses to the same bytes that nothing orders.
  'late-write': 'a CPU writes what a device reads, unordered',
  'write-during-fetch': 'a CPU writes a descriptor that a device fetches, unordered',
  'lost-update': 'a CPU and a device write the same bytes, unordered',
  'read-before-completion': 'a CPU reads what a device writes, unordered',
  'torn-read': 'a CPU has read old and new bytes of one device write, unordered',
  'double-fetch': 'a dext looks at a snapshot, a device reads the live bytes, and they differ',
  'snapshot-race': 'bytes are written, unordered with the moment of their snapshot',
  'data-race': 'two CPUs, at least one writes, unordered',
  'device-race': 'two engines, at least one writes, unordered',
  'stale-snapshot': 'a later CreateMapping shows the first snapshot, though the memory was written since',
  'output-overwritten': 'a device writes an output again before the app has read it',
  'stale-output': 'an app reads bytes of an output that the device never wrote',
  // Memory and its lifetime.
  'remapped-before-resolve': 'a descriptor was resolved after the app had put other memory at its address',
  'use-after-free': 'a device accesses a heap block that was freed',
  'use-after-unmap': 'a device accesses pages that the app has unmapped',
  'use-after-complete': 'a device accesses bus addresses that were given back',
  'use-after-release': 'an object is used after its last release',
  'null-argument': 'a dext uses a descriptor that did not come',
  // Preparing and completing.
  'leaked-preparation': 'wires that nobody will give back',
  'completion-before-complete': 'a completion is sent while the command is still prepared',
  'complete-while-running': 'CompleteDMA with transfers in flight',
  'completed-twice': 'CompleteDMA of a command that is complete',
  'prepared-twice': 'PrepareForDMA of a command that is prepared with the same memory',
  'prepared-busy': 'PrepareForDMA of a command that holds other memory',
  'half-dead-command': 'a command is used after a prepare of it failed late',
  'segments-truncated': 'segments did not fit the room and were dropped',
  'prepare-past-end': 'a prepare runs past the end of its descriptor',
  'no-segment-room': 'PrepareForDMA with room for no segment',
  'unlocked-prepare': 'two threads prepare or complete a descriptor that has no lock',
  'overlapping-mappings': 'live mappings of one device share memory, and one lets it write',
  'address-too-high': 'memory lies above what the device can address',
  'wrong-service': 'a command was made for a service without the device',
  // The device's accesses.
  'wrong-direction': 'a device accesses memory against its direction',
  'dma-outside-mapping': 'a device accesses bus addresses that nothing maps',
  'dma-without-bus-lead': 'a device has work, but may not lead the bus',
  'neighbour-exposed': 'a page that a device can reach holds bytes of somebody else',
  'neighbour-overwritten': "a device writes outside its descriptor's bytes",
  'interrupt-coalesced': 'one callback came for several interrupts, and a request stays unanswered',
  'register-after-close': 'registers or configuration space are used after Close',
  // Calls, completions, and the end of things.
  'completion-lost': 'an asynchronous call is never completed',
  'completion-doubled': 'an asynchronous call is completed twice',
  'completion-before-return': 'a completion arrives before its call has returned',
  'completion-after-error': 'a completion of a call that had failed',
  'completion-after-close': 'a completion after the connection was closed',
  'kept-past-stop': "a dext uses a client's memory after its Stop",
  'stop-while-running': 'Stop is done while transfers are in flight',
  'dext-died-in-dma': 'a dext died while its device moved data',
  'output-beside-descriptor': 'a dext sets structureOutput though the output is a descriptor',
  'unmap-mismatch': 'IOConnectUnmapMemory was answered with another descriptor than the mapping has',
} as const;

export type RuleName = keyof typeof ruleMeanings;

/** What the run itself finds; the rest is found by rules that watch it. */
export const runRules: readonly RuleName[] = [
  'deadlock',
  'queue-deadlock',
  'unanswered',
  'step-bound',
  'crash',
  'panic',
  'use-after-release',
  'null-argument',
  'program-error',
  'always',
  'check',
];

/** An error fails the run; a warning is only reported. */
export type Severity = 'error' | 'warning';

/** Something wrong that a run has found. */
export interface Finding {
  readonly rule: RuleName;
  readonly severity: Severity;
  /** The whole story, in a few lines. */
  readonly message: string;
  /** Sequence number of the event that showed it. */
  readonly seq: number;
  /** The actors it is about. */
  readonly actors: readonly number[];
}
