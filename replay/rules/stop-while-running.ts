import type { Rule } from '../rule.ts';
import { stoppedTransfers } from './shared/stopped-transfers.ts';
import { tellBeat, tellMemory, who } from './shared/tell.ts';

/**
 * super::Stop does not wait for the device: a transfer of the client is under way, and its provider may be closed and
 * lose bus lead in the middle of it (facts §3.6, §7.3, §10 (33)).
 */
export const stopWhileRunning: Rule = {
  name: 'stop-while-running',
  severity: 'error',
  advice:
    'In Stop, stop the device or wait for its last status, complete the commands, and only then call super::Stop.',
  watch(report) {
    return stoppedTransfers(
      ({ preparation, connection, seq: stop, actor: stopper }, event, { seq, actor, world }, running) => {
        if (!running) return;
        const { command, descriptor, seq: prepared, actor: preparer } = preparation;
        report({
          message: `the device works for connection #${connection}, which is past Stop:
  event ${prepared}: ${who(world, preparer)} prepared command #${command} with ${tellMemory(world, descriptor)}
  event ${stop}: ${who(world, stopper)} called super::Stop
  event ${seq}: ${who(world, actor)} ${tellBeat(event)}: ${event.status}; nothing has told the device to since`,
          seq,
          actors: [stopper, actor],
          key: `${connection} ${command}`,
        });
      },
    );
  },
};
