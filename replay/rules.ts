import { raceRules } from './races/rules.ts';
import type { Rule, RuleHead } from './rule.ts';
import { addressTooHigh } from './rules/address-too-high.ts';
import { completeWhileRunning } from './rules/complete-while-running.ts';
import { completedTwice } from './rules/completed-twice.ts';
import { completionAfterClose } from './rules/completion-after-close.ts';
import { completionAfterError } from './rules/completion-after-error.ts';
import { completionBeforeComplete } from './rules/completion-before-complete.ts';
import { completionBeforeReturn } from './rules/completion-before-return.ts';
import { completionDoubled } from './rules/completion-doubled.ts';
import { completionLost } from './rules/completion-lost.ts';
import { dextDiedInDma } from './rules/dext-died-in-dma.ts';
import { dmaOutsideMapping } from './rules/dma-outside-mapping.ts';
import { dmaWithoutBusLead } from './rules/dma-without-bus-lead.ts';
import { halfDeadCommand } from './rules/half-dead-command.ts';
import { interruptCoalesced } from './rules/interrupt-coalesced.ts';
import { keptPastStop } from './rules/kept-past-stop.ts';
import { leakedPreparation } from './rules/leaked-preparation.ts';
import { neighbourExposed } from './rules/neighbour-exposed.ts';
import { neighbourOverwritten } from './rules/neighbour-overwritten.ts';
import { noSegmentRoom } from './rules/no-segment-room.ts';
import { outputBesideDescriptor } from './rules/output-beside-descriptor.ts';
import { outputOverwritten } from './rules/output-overwritten.ts';
import { overlappingMappings } from './rules/overlapping-mappings.ts';
import { preparePastEnd } from './rules/prepare-past-end.ts';
import { preparedBusy } from './rules/prepared-busy.ts';
import { preparedTwice } from './rules/prepared-twice.ts';
import { registerAfterClose } from './rules/register-after-close.ts';
import { remappedBeforeResolve } from './rules/remapped-before-resolve.ts';
import { segmentsTruncated } from './rules/segments-truncated.ts';
import { staleOutput } from './rules/stale-output.ts';
import { staleSnapshot } from './rules/stale-snapshot.ts';
import { stopWhileRunning } from './rules/stop-while-running.ts';
import { unlockedPrepare } from './rules/unlocked-prepare.ts';
import { unmapMismatch } from './rules/unmap-mismatch.ts';
import { unspecified } from './rules/unspecified.ts';
import { useAfterComplete } from './rules/use-after-complete.ts';
import { useAfterFree } from './rules/use-after-free.ts';
import { useAfterUnmap } from './rules/use-after-unmap.ts';
import { wrongDirection } from './rules/wrong-direction.ts';
import { wrongService } from './rules/wrong-service.ts';

/** Rules about the use of the API: cheap, so every run is watched for them unless it is told otherwise. */
export const misuseRules: readonly Rule[] = [
  addressTooHigh,
  completeWhileRunning,
  completedTwice,
  completionAfterClose,
  completionAfterError,
  completionBeforeComplete,
  completionBeforeReturn,
  completionDoubled,
  completionLost,
  dextDiedInDma,
  dmaOutsideMapping,
  dmaWithoutBusLead,
  halfDeadCommand,
  interruptCoalesced,
  keptPastStop,
  leakedPreparation,
  neighbourExposed,
  neighbourOverwritten,
  noSegmentRoom,
  outputBesideDescriptor,
  outputOverwritten,
  overlappingMappings,
  preparePastEnd,
  preparedBusy,
  preparedTwice,
  registerAfterClose,
  remappedBeforeResolve,
  segmentsTruncated,
  staleOutput,
  staleSnapshot,
  stopWhileRunning,
  unlockedPrepare,
  unmapMismatch,
  unspecified,
  useAfterComplete,
  useAfterFree,
  useAfterUnmap,
  wrongDirection,
  wrongService,
];

/** Every rule that a run can be watched for; what else there is, the run itself finds. */
export const watchedRules: readonly RuleHead[] = [...misuseRules, ...raceRules];
