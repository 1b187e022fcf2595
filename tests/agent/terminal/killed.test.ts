// kill -9 of the process that runs commands: what ran in the foreground ends, what ran in the background goes on and is found again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../../agent/terminal/job-watch.ts';
import { openTerminals } from '../../../agent/terminal/terminals.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';
import { openLocal, sandboxProblem, type LocalUnderTest } from '../../support/terminal/local.ts';
import { countSleeping } from '../../support/terminal/processes.ts';

const CHILD = fileURLToPath(new URL('../../support/terminal/gateway-child.ts', import.meta.url));
const noSandbox = await sandboxProblem();
const never = new AbortController().signal;
let local: LocalUnderTest | undefined;
afterEach(async () => {
  if (local === undefined) return;
  const machine = await local.backend.open({ key: 'killed', workspace: local.workspace, limits: {}, signal: never });
  await machine.destroy();
  await local.close();
});

describe.each(['off', 'require'] as const)('after kill -9 of Herald, sandbox %s', (sandbox) => {
  it.skipIf(process.platform !== 'linux' || (sandbox === 'require' && noSandbox !== undefined))(
    'the command is ended and the job goes on',
    async () => {
      const under = await openLocal(sandbox);
      local = under;
      const mark = `87${randomBytes(3).readUIntBE(0, 3)}`;
      const root = path.join(under.data, 'terminal');
      const child = spawn(process.execPath, [CHILD, root, under.home, under.workspace, sandbox, mark], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let id = '';
      for await (const line of readline.createInterface({ input: child.stdout })) {
        if (line.startsWith('job ')) id = line.slice(4);
        if (line === 'up') break;
      }
      await expect.poll(() => countSleeping(mark)).toBe(3);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await expect.poll(() => countSleeping(mark), { timeout: 8_000 }).toBe(0);

      const events: JobEvent[] = [];
      const terminals = openTerminals({
        backend: under.backend,
        limits: {},
        notesDir: path.join(root, 'notes'),
        events: { onEvent: (event) => Promise.resolve(void events.push(event)) },
        clock: systemClock,
        log: silentLog,
      });
      await terminals.adopt();
      const at = { key: 'killed', workspace: under.workspace, signal: never };
      const state = await terminals.use(at, async ({ jobs }) => {
        const [job] = await jobs.list(never);
        expect(job).toMatchObject({ id, state: 'running' });
        await jobs.write(id, 'word\n', never);
        return jobs.wait(id, 10_000, never);
      });
      expect(state).toMatchObject({ state: 'exited', code: 5, output: 'begun\ngot word\n' });
      await expect.poll(() => events.length, { timeout: 5_000 }).toBe(1);
      expect(events[0]).toMatchObject({ job: id, kind: 'exited', owner: 'x', key: 'killed' });
      await terminals.close();
    },
  );
});
