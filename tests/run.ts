// What `npm test` runs: all tests, and beside them format, types, lint and unused code. Words after `npm test --` go to vitest (names of test files).
// Ends with a line of totals, and with code 1 when anything failed.
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CONTRACT_RESULTS_DIR } from './contracts/contract-results.ts';
import { runStep, type Step, type StepResult } from './run/step.ts';
import { formatTotals, readTotals, sumTotals } from './run/totals.ts';
import { RECORDINGS_DIR } from './support/recordings.ts';

const ROOT = path.join(import.meta.dirname, '..');
const BIN = path.join(ROOT, 'node_modules', '.bin');
/** After this, whatever still runs is ended: the command never hangs. */
const DEADLINE_MS = 15 * 60_000;

const SHARED_MEMORY = '/dev/shm';
const ROOM_BYTES = 4 * 1024 ** 3;

/** Of what the contract suites have shown. */
const MATRIX: Step = { name: 'platforms page', command: 'node', args: ['tests/run/platform-matrix.ts'] };

const GATES: readonly Step[] = [
  { name: 'format', command: 'oxfmt', args: ['--check', '.'] },
  // In one look at the code, with the errors that tsc has: each look takes 30 s of processor time.
  { name: 'types and lint', command: 'oxlint', args: ['--type-aware', '--type-check', '--deny-warnings'] },
  { name: 'unused code', command: 'knip', args: ['--no-progress', '--no-config-hints'] },
];

async function runAll(filters: readonly string[]): Promise<number> {
  const folder = mkdtempSync(path.join(temporaryRoot(), 'herald-test-'));
  // As the folder that it stands for: servers and commands of other users make theirs in it.
  chmodSync(folder, 0o1777);
  const totalsFile = path.join(folder, 'totals.json');
  for (const dir of [RECORDINGS_DIR, CONTRACT_RESULTS_DIR]) rmSync(dir, { recursive: true, force: true });
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), DEADLINE_MS);
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  try {
    const env = {
      ...process.env,
      PATH: `${BIN}${path.delimiter}${process.env['PATH'] ?? ''}`,
      HERALD_TEST_TOTALS: totalsFile,
      TMPDIR: folder,
    };
    const options = { cwd: ROOT, env, signal: stop.signal };
    // The gates use what the tests leave: these wait for processes and timers, and go first where both want the processor.
    const beside = runInTurn(GATES, options);
    const tests = await runStep(vitestStep(filters), options);
    const gates = await beside;
    if (filters.length === 0) gates.push(await runStep(MATRIX, options));
    for (const result of [...gates, tests]) report(result);
    const totals = sumTotals({ gates, vitestOk: tests.ok, vitest: readTotals(totalsFile) });
    if (stop.signal.aborted)
      console.log(`Ended before it was finished, after ${Math.round(DEADLINE_MS / 60_000)} minutes at most.`);
    console.log(formatTotals(totals));
    return totals.failed.length === 0 && !stop.signal.aborted ? 0 : 1;
  } finally {
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In memory, where there is room: thousands of databases and homes are made, and the disk takes a minute for them. */
function temporaryRoot(): string {
  if (process.env['TMPDIR'] !== undefined) return os.tmpdir();
  try {
    accessSync(SHARED_MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(SHARED_MEMORY);
    return bavail * bsize < ROOM_BYTES ? os.tmpdir() : SHARED_MEMORY;
  } catch {
    return os.tmpdir();
  }
}

function vitestStep(filters: readonly string[]): Step {
  const reporters = ['--reporter=default', `--reporter=${path.join(ROOT, 'tests/run/totals-reporter.ts')}`];
  return {
    name: 'tests',
    command: 'vitest',
    args: ['run', '--includeTaskLocation', ...reporters, ...filters],
    live: true,
  };
}

async function runInTurn(steps: readonly Step[], options: Parameters<typeof runStep>[1]): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const step of steps) {
    results.push(await runStep({ ...step, yields: true }, options));
  }
  return results;
}

function report(result: StepResult): void {
  const state = result.late ? 'ended at the deadline' : result.ok ? 'ok' : 'FAILED';
  console.log(`${result.name}: ${state} (${(result.elapsedMs / 1000).toFixed(1)} s)`);
  if (!result.ok && result.output !== '') console.log(result.output.trimEnd());
}

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error('The tests need Node 24. Run them with `npm test`, which uses the Node that `npm install` brings.');
  process.exitCode = 1;
} else {
  process.exitCode = await runAll(process.argv.slice(2));
}
