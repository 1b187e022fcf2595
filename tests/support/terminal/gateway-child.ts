// A process like the gateway, to be killed: it starts a background job and runs a command in the foreground, and says so on its output.
import { openJobNotes } from '../../../agent/terminal/job-notes.ts';
import { openJobs } from '../../../agent/terminal/jobs.ts';
import { openLocalBackend } from '../../../agent/terminal/local/backend.ts';
import { openShell } from '../../../agent/terminal/shell.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';

const [root = '', home = '', workspace = '', sandbox = '', mark = ''] = process.argv.slice(2);
const clock = systemClock;
const signal = new AbortController().signal;
const backend = await openLocalBackend({
  clock,
  root,
  home,
  hidden: [],
  sandbox: sandbox === 'off' ? 'off' : 'require',
});
const machine = await backend.open({ key: 'killed', workspace, limits: {}, signal });
const jobs = openJobs(machine, {
  clock,
  log: silentLog,
  notes: openJobNotes(`${root}/notes`, 'killed', workspace),
  events: { onEvent: () => Promise.reject(new Error('nobody listens')) },
  key: 'killed',
});
const command = 'echo begun; read -r line; echo "got $line"; exit 5';
const id = await jobs.start({ command, owner: 'x', notify: true, signal });
process.stdout.write(`job ${id}\n`);
await openShell(machine, { clock }).run({
  command: `trap '' TERM; echo up; setsid sleep ${mark} & (sleep ${mark}) & sleep ${mark}; sleep ${mark}`,
  timeoutMs: 60_000,
  signal,
  onOutput: () => process.stdout.write('up\n'),
});
