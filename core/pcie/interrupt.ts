import { queueHandler } from '../iokit/source.ts';
import type { Step } from '../operation.ts';

/** A line is asserted, or no longer: that wakes the sources of its vector which do not mask it (facts §7.2). */
export function senseLine(step: Step, device: number, vector: number, asserted: boolean): void {
  step.emit({ kind: 'line', device, vector, asserted });
  wake(step, device, vector);
}

/** An MSI arrives: it wakes the sources of its vector (facts §7.2). */
export function raise(step: Step, device: number, vector: number): void {
  step.emit({ kind: 'msi', device, vector, status: 'ok' });
  wake(step, device, vector);
}

function wake(step: Step, device: number, vector: number): void {
  for (const source of step.world.sources.values()) {
    if (source.device === device && source.vector === vector) queueHandler(step, source.id);
  }
}
