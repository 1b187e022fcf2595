// The real gateway in a process that kills itself: at the n-th boundary after the first message came in, or never.
// node tests/crash/gateway-child.ts --kill-at N [--log FILE] [--copy-to DIR]
// A boundary is the moment just before or just after a statement that writes outside a transaction, or the commit of one. Between
// any two of them nothing on disk changes, so these are all the states that a crash can leave.
// With --copy-to the home is copied at each boundary n to DIR/n: what a kill there would have left, without ending the process.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startGateway } from '../../gateway/compose.ts';

const { values } = parseArgs({
  options: { 'kill-at': { type: 'string' }, log: { type: 'string' }, 'copy-to': { type: 'string' } },
});
const killAt = Number(values['kill-at'] ?? 0);
let count = 0;
let armed = false;
let inTransaction = false;

function boundary(name: string): void {
  count++;
  if (values.log !== undefined) fs.appendFileSync(values.log, `${name}\n`);
  // By a process of its own: closing a file of the database here would drop the locks that this process holds on it.
  if (values['copy-to'] !== undefined)
    execFileSync('cp', ['-a', gateway.home, path.join(values['copy-to'], String(count))]);
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
