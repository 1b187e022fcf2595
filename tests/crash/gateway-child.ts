// The real gateway in a process that kills itself: at the n-th boundary after the first message came in, or never.
// node tests/crash/gateway-child.ts --kill-at N [--log FILE]
// A boundary is the moment just before or just after a statement that writes outside a transaction, or the commit of one. Between
// any two of them nothing on disk changes, so these are all the states that a crash can leave.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { startGateway } from '../../gateway/compose.ts';

const { values } = parseArgs({ options: { 'kill-at': { type: 'string' }, log: { type: 'string' } } });
const killAt = Number(values['kill-at'] ?? 0);
let count = 0;
let armed = false;
let inTransaction = false;

function boundary(name: string): void {
  count++;
  if (values.log !== undefined) fs.appendFileSync(values.log, `${name}\n`);
  if (count === killAt) process.kill(process.pid, 'SIGKILL');
}

const gateway = await startGateway({
  observe(when, sql) {
    if (when === 'before' && sql.startsWith('insert into "inbox"')) armed = true;
    if (sql === 'begin') {
      inTransaction = true;
      return;
    }
    const isCommit = sql === 'commit';
    const isBoundary = armed && (isCommit || !inTransaction);
    if (isCommit && when === 'after') inTransaction = false;
    if (sql === 'rollback') inTransaction = false;
    if (isBoundary) boundary(`${when} ${isCommit ? 'commit' : sql.replace(/^(\w+ (?:into |from )?"\w+").*$/s, '$1')}`);
  },
});
process.once('SIGTERM', () => void gateway.actions.stop('SIGTERM'));
process.exitCode = await gateway.done;
