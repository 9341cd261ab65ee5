import { queueHandler } from '../iokit/source.ts';
import type { Step } from '../operation.ts';

/** An MSI arrives: it wakes the sources of its vector (facts §7.2). */
export function raise(step: Step, device: number, vector: number): void {
  step.emit({ kind: 'msi', device, vector, status: 'ok' });
  for (const source of step.world.sources.values()) {
    if (source.device === device && source.vector === vector) queueHandler(step, source.id);
  }
}
