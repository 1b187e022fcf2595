import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runStep } from './step.ts';

const run = (script: string, signal = new AbortController().signal) =>
  runStep({ name: 'x', command: process.execPath, args: ['-e', script] }, { cwd: tmpdir(), env: process.env, signal });

test('keeps what was printed, and the end', async () => {
  expect(await run('console.log(1); console.error(2)')).toMatchObject({
    name: 'x',
    ok: true,
    late: false,
    output: '1\n2\n',
  });
  expect(await run('process.exit(3)')).toMatchObject({ ok: false, late: false });
  expect(await run('process.kill(process.pid)')).toMatchObject({ ok: false, late: false });
});

test('a program that does not exist is a failed step', async () => {
  const step = { name: 'x', command: 'herald-no-such-program', args: [] };
  const result = await runStep(step, { cwd: tmpdir(), env: process.env, signal: new AbortController().signal });
  expect(result.ok).toBe(false);
  expect(result.output).toContain('herald-no-such-program');
});

test('at the deadline it ends with all that it started', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'herald-step-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const pidFile = path.join(folder, 'pid');
  const stop = new AbortController();
  const forever = 'setInterval(() => {}, 1000)';
  const script = `require('fs').writeFileSync(${JSON.stringify(pidFile)}, String(require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(forever)}]).pid)); ${forever}`;
  const running = run(script, stop.signal);
  const grandchild = await vi.waitFor(
    () => Number(readFileSync(pidFile, 'utf8')) || Promise.reject(new Error('not yet')),
    { timeout: 10_000 },
  );
  stop.abort();
  expect(await running).toMatchObject({ ok: false, late: true });
  await vi.waitFor(() => expect(isRunning(grandchild)).toBe(false), { timeout: 5000 });
  expect(await run(forever, stop.signal)).toMatchObject({ ok: false, late: true });
});

test('a step that yields goes after what else runs', async () => {
  const step = { name: 'x', command: process.execPath, args: ['-p', 'os.getPriority()'], yields: true };
  const result = await runStep(step, { cwd: tmpdir(), env: process.env, signal: new AbortController().signal });
  expect(result).toMatchObject({ ok: true, output: `${constants.priority.PRIORITY_LOW}\n` });
});

/** A process that ended but was not yet waited for still has an entry. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
