// Runs one command in the sandbox with a limit on processes, and prints its output: as a process of its own, because the system does not limit
// the processes of root.
import fs from 'node:fs';
import { openLocalBackend } from '../../../agent/terminal/local/backend.ts';
import { openShell } from '../../../agent/terminal/shell.ts';
import { systemClock } from '../../../shared/clock.ts';

const [base = '', processes = '', command = ''] = process.argv.slice(2);
const clock = systemClock;
const signal = new AbortController().signal;
process.umask(0o077);
fs.mkdirSync(`${base}/mine`);
const backend = await openLocalBackend({
  clock,
  root: `${base}/mine/terminal`,
  home: `${base}/mine`,
  hidden: [],
  sandbox: 'require',
});
const machine = await backend.open({
  key: 'limited',
  workspace: `${base}/work`,
  limits: { processes: Number(processes) },
  signal,
});
const shell = openShell(machine, { clock });
const first = await shell.run({ command, timeoutMs: 15_000, signal });
const second = await shell.run({ command: 'echo still here', timeoutMs: 15_000, signal });
process.stdout.write(JSON.stringify({ first, second }));
