// Starts a gateway on each folder given, one after the other in one process, sends it the message anew as a client does that got no
// answer, and prints a line of JSON per folder: what is wrong with the answers, or null.
// node tests/crash/recover.ts --token TOKEN HOME…
import { parseArgs } from 'node:util';
import type * as compose from '../../gateway/compose.ts';
import { moduleFile } from '../support/built.ts';
import { findFault, readTimeline, say, settled } from './scenario.ts';

const { startGateway } = (await import(moduleFile('gateway/compose'))) as typeof compose;
const { values, positionals } = parseArgs({ options: { token: { type: 'string' } }, allowPositionals: true });
const token = values.token ?? '';
for (const home of positionals) {
  const gateway = await startGateway({ home });
  if (!(await say(gateway, `message-${token}`, `TOKEN-${token}`))) throw new Error(`no gateway on ${home}`);
  await settled(gateway);
  const fault = findFault(await readTimeline(gateway), token);
  console.log(JSON.stringify({ home, fault: fault ?? null }));
  await gateway.actions.stop('SIGTERM');
  await gateway.done;
}
