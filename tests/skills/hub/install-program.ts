// Updates or removes a skill from a folder and kills itself at the named step: what a power cut does. Arguments: home, what, step.
import path from 'node:path';
import { systemClock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeHub } from '../../../skills/hub/hub.ts';

const [home = '', what = '', step = ''] = process.argv.slice(2);
const hub = makeHub({
  home,
  fetch: () => Promise.reject(new Error('no network here')),
  clock: systemClock,
  log: silentLog,
  lookup: () => undefined,
  reached: (now) => {
    if (now === step) process.kill(process.pid, 'SIGKILL');
  },
});
if (what === 'install') await hub.install(`folder:${path.join(home, 'source')}`, { force: false });
else if (what === 'remove') await hub.remove('pdf');
else await hub.rollback('pdf');
