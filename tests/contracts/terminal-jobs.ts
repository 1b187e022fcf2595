// Background jobs, as every machine must run them.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../agent/terminal/job-watch.ts';
import { openJobNotes } from '../../agent/terminal/job-notes.ts';
import { openJobs, type JobRequest, type Jobs } from '../../agent/terminal/jobs.ts';
import type { Machine } from '../../agent/terminal/machine.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLog } from '../../shared/log.ts';
import { describeUnless, never, output, type Rig } from './terminal-rig.ts';

/** Jobs of one machine, like those of one life of the gateway. */
interface Life {
  jobs: Jobs;
  events: JobEvent[];
  start(command: string, extra?: Partial<JobRequest>): Promise<string>;
}

export function describeJobs(rig: Rig): void {
  describe('background jobs', () => {
    let folder = '';
    beforeAll(() => {
      folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-job-notes-'));
    });
    const lives: Jobs[] = [];
    afterAll(async () => {
      for (const jobs of lives) await jobs.close();
      fs.rmSync(folder, { recursive: true, force: true });
    });

    /** With `notes`, those of an earlier life are found. */
    function begin(
      machine: Machine,
      notes: string,
      { fail = () => false, maxRunning = 16 }: { fail?: () => boolean; maxRunning?: number } = {},
    ): Life {
      const events: JobEvent[] = [];
      const jobs = openJobs(machine, {
        clock: systemClock,
        log: silentLog,
        notes: openJobNotes(path.join(folder, notes), 'k', machine.workspace),
        events: {
          onEvent(event) {
            if (fail()) return Promise.reject(new Error('the database is locked'));
            events.push(event);
            return Promise.resolve();
          },
        },
        key: 'k',
        maxRunning,
        firstAskMs: 200,
      });
      lives.push(jobs);
      const start = (command: string, extra: Partial<JobRequest> = {}) =>
        jobs.start({ command, owner: 'somebody', signal: never, ...extra });
      return { jobs, events, start };
    }

    it('go on while other calls are made, begin where the last call ended, and change nothing of it', async () => {
      const { jobs, start } = begin(rig.machine(), 'place');
      await output(rig, `cd '${rig.machine().workspace}' && mkdir -p place && cd place && export SEEN=yes`);
      const id = await start('pwd; echo "$SEEN"; cd /; export SEEN=changed; sleep 30');
      await expect
        .poll(async () => (await jobs.log(id, { limit: 10 }, never)).lines, {
          timeout: 10_000 + rig.slowMs,
          interval: 250,
        })
        .toBe(2);
      expect((await jobs.poll(id, never)).output).toBe(`${rig.machine().workspace}/place\nyes\n`);
      expect(await output(rig, `pwd; echo "$SEEN"; cd '${rig.machine().workspace}'; unset SEEN`)).toBe(
        `${rig.machine().workspace}/place\nyes\n`,
      );
      expect((await jobs.wait(id, 300, never)).state).toBe('running');
      expect(await jobs.kill(id, never)).toMatchObject({ state: 'exited', code: 143 });
      expect((await jobs.kill(id, never)).state).toBe('exited');
    });

    it.concurrent('run, are waited for, and say how they ended', async ({ expect }) => {
      const { jobs, start } = begin(rig.machine(), 'run');
      const id = await start('echo begun; sleep 0.3; echo "it\'s over" >&2; exit 7');
      expect(id).toMatch(/^[0-9a-f]{6}$/);
      const result = await jobs.wait(id, 10_000 + rig.slowMs, never);
      expect(result).toMatchObject({ state: 'exited', code: 7, output: "begun\nit's over\n", droppedBytes: 0 });
      expect(result.title).toContain('echo begun');
      expect(await jobs.poll(id, never)).toMatchObject({ state: 'exited', output: '' });
      const listed = await jobs.list(never);
      expect(listed.find((job) => job.id === id)).toMatchObject({ state: 'exited', code: 7, printedBytes: 16 });
    });

    it.concurrent('read what is written to them', async ({ expect }) => {
      const { jobs, start } = begin(rig.machine(), 'write');
      const id = await start('read -r a; read -r b; printf "<%s> <%s>" "$a" "$b"');
      await jobs.write(id, "one 'two'\n", never);
      await jobs.write(id, '$(id)\n', never);
      expect((await jobs.wait(id, 10_000 + rig.slowMs, never)).output).toBe("<one 'two'> <$(id)>");
      await expect(jobs.write(id, 'x', never)).rejects.toMatchObject({ code: 'not_allowed' });
    });

    it.concurrent('end with all that they started, also what ignores TERM or left the group', async ({ expect }) => {
      const { jobs, start } = begin(rig.machine(), 'kill');
      const file = `${rig.machine().workspace}/beat-${randomBytes(4).toString('hex')}`;
      const beat = `while :; do echo x >> '${file}'; sleep 0.1; done`;
      const id = await start(
        `trap '' TERM; (trap '' TERM; ${beat}) & setsid sh -c "trap '' TERM HUP; ${beat}" & wait; sleep 60`,
      );
      await expect
        .poll(() => output(rig, `wc -l < '${file}' 2>/dev/null || echo 0`).then(Number), {
          timeout: 10_000 + rig.slowMs,
          interval: 250,
        })
        .toBeGreaterThan(2);
      expect((await jobs.kill(id, never)).state).toBe('exited');
      const size = await output(rig, `wc -c < '${file}'`);
      expect(await output(rig, `sleep 0.5; wc -c < '${file}'`)).toBe(size);
    });

    it.concurrent('do not run when their start was stopped', async ({ expect }) => {
      const { jobs, events } = begin(rig.machine(), 'stopped');
      const controller = new AbortController();
      const request = { command: 'sleep 47', owner: '', notify: true };
      const started = jobs.start({ ...request, signal: controller.signal });
      setTimeout(() => controller.abort(), 15);
      const id = await started.catch(() => undefined);
      const running = (await jobs.list(never)).filter((job) => job.state === 'running' && job.title === 'sleep 47');
      expect(running.map((job) => job.id)).toEqual(id === undefined ? [] : [id]);
      if (id !== undefined) await jobs.kill(id, never);
      await jobs.close();
      expect(events.filter((event) => event.job !== id)).toEqual([]);
    });

    it.concurrent('are found again after a restart: still running, and told of once', async ({ expect }) => {
      const before = begin(rig.machine(), 'restart');
      const id = await before.start('echo first; read -r line; echo "second $line"; exit 3', {
        notify: true,
        patterns: ['first', 'second'],
      });
      await expect.poll(() => before.events.length, { timeout: 15_000 + rig.slowMs }).toBe(1);
      await before.jobs.close();
      const after = begin(await rig.reopen(), 'restart');
      after.jobs.adopt();
      expect((await after.jobs.list(never)).find((job) => job.id === id)).toMatchObject({ state: 'running' });
      await after.jobs.write(id, 'time\n', never);
      await expect.poll(() => after.events.length, { timeout: 15_000 + rig.slowMs }).toBe(2);
      expect(after.events.map(({ kind, text }) => [kind, text.split('\n')[0]])).toEqual([
        ['matched', 'second time'],
        ['exited', 'Exit status 3. Last output:'],
      ]);
      const later = begin(await rig.reopen(), 'restart');
      later.jobs.adopt();
      await later.jobs.close();
      expect(later.events).toEqual([]);
    });

    describeUnless(rig.skipScripts, 'what the scripts and the watch do', () => {
      it.concurrent('are lost with the life of their machine', async ({ expect }) => {
        const { jobs, start } = begin(rig.machine(), 'reboot');
        // Longer than the two calls that follow, also where calls are slow.
        const id = await start(`sleep ${20 + rig.slowMs / 100}`);
        await output(rig, `echo another > '${rig.machine().stateDir}/jobs/${id}/epoch'`);
        expect((await jobs.poll(id, never)).state).toBe('lost');
      });

      it.concurrent('are told of as lost when their supervisor died', async ({ expect }) => {
        const { jobs, events, start } = begin(rig.machine(), 'lost');
        const id = await start('read -r go; kill -KILL "$PPID" 2>/dev/null; sleep 30', { notify: true });
        // Only once the supervisor answers: one that dies before is given ten seconds, and whoever lists jobs meanwhile too.
        await jobs.write(id, 'go\n', never);
        expect(await jobs.wait(id, 10_000 + rig.slowMs, never)).toMatchObject({ state: 'lost', code: undefined });
        await expect.poll(() => events.length, { timeout: 10_000 + rig.slowMs }).toBe(1);
        expect(events[0]?.text).toContain('not known');
      });

      it('are limited in number, and say what is not there', async () => {
        const { jobs, start } = begin(rig.machine(), 'limit', { maxRunning: 4 });
        const ids = [
          await start('sleep 60'),
          await start('sleep 60'),
          await start('sleep 60'),
          await start('sleep 60'),
        ];
        await expect(start('sleep 60')).rejects.toMatchObject({ code: 'not_allowed' });
        await Promise.all(ids.map((id) => jobs.kill(id, never)));
        await expect(start('pwd', { cwd: '/no/where' })).rejects.toMatchObject({ code: 'bad_input' });
        await expect(jobs.poll('ffffff', never)).rejects.toMatchObject({ code: 'not_found' });
        await expect(jobs.kill('../../x', never)).rejects.toMatchObject({ code: 'not_found' });
        await expect(start('a\0b')).rejects.toMatchObject({ code: 'bad_input' });
      });

      it.concurrent('show their output by lines, new output by poll, and keep a bounded log', async ({ expect }) => {
        const { jobs, start } = begin(rig.machine(), 'log');
        const id = await start('seq 1 200; echo; yes 0123456789abcdef | head -c 20000000; echo; echo the end');
        const done = await jobs.wait(id, 60_000, never);
        expect(done.output.endsWith('\nthe end\n')).toBe(true);
        expect(done.output.length).toBeLessThanOrEqual(32 * 1024);
        expect(done.droppedBytes).toBeGreaterThan(19_900_000);
        const head = await jobs.log(id, { offset: 1, limit: 3 }, never);
        expect(head.output).toBe('1\n2\n3\n');
        expect((await jobs.log(id, { limit: 1 }, never)).output).toBe('the end\n');
        const kept = await output(rig, `cat '${rig.machine().stateDir}/jobs/${id}/'log.* | wc -c`);
        expect(Number(kept)).toBeLessThan(13 * 1024 * 1024);
      }, 90_000);

      it.concurrent('tell once that they are over, and once of each text that was waited for', async ({ expect }) => {
        const { events, start } = begin(rig.machine(), 'watch');
        const id = await start('echo "ready on 1234"; echo ready again; printf "no newline: failed"; exit 2', {
          notify: true,
          patterns: ['ready', 'failed', 'never seen'],
        });
        await expect.poll(() => events.length, { timeout: 15_000 + rig.slowMs }).toBe(3);
        expect(events.map(({ kind, text }) => [kind, text])).toEqual([
          ['matched', 'ready on 1234'],
          ['matched', 'no newline: failed'],
          ['exited', expect.stringMatching(/^Exit status 2\. Last output:\n[\s\S]*failed$/)],
        ]);
        expect(events.every((event) => event.job === id && event.owner === 'somebody' && event.key === 'k')).toBe(true);
        expect(new Set(events.map((event) => event.id)).size).toBe(3);
      });

      it.concurrent('are told of again when the telling failed', async ({ expect }) => {
        let isDown = true;
        const first = begin(rig.machine(), 'again', { fail: () => isDown });
        const id = await first.start('exit 4', { notify: true });
        await first.jobs.wait(id, 10_000 + rig.slowMs, never);
        await first.jobs.close();
        expect(first.events).toEqual([]);
        isDown = false;
        const second = begin(rig.machine(), 'again');
        second.jobs.adopt();
        await expect.poll(() => second.events.length, { timeout: 10_000 + rig.slowMs }).toBe(1);
        expect(second.events[0]).toMatchObject({ job: id, kind: 'exited', text: 'Exit status 4.' });
      });

      it.concurrent('tell the truth at every moment of their end', async ({ expect }) => {
        const { jobs, start } = begin(rig.machine(), 'truth');
        const id = await start('sleep 0.4; exit 6');
        const seen = new Set<string>();
        for (let asked = 0; asked < 100 && !seen.has('exited'); asked++) seen.add((await jobs.poll(id, never)).state);
        expect([...seen].filter((state) => state !== 'running')).toEqual(['exited']);
      });
    });
  });
}
