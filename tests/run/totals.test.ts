import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runStep } from './step.ts';
import { formatTotals, readTotals, sumTotals, type Totals } from './totals.ts';

function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'herald-totals-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const totals = (passed: number, failed: number): Totals => ({ passed, failed, skipped: [] });

test('each gate counts as one', () => {
  const gates = [{ ok: true }, { ok: false }, { ok: true }];
  expect(sumTotals({ gates, vitestOk: true, vitest: totals(10, 0) })).toEqual(totals(12, 1));
  expect(sumTotals({ gates: [], vitestOk: false, vitest: totals(10, 2) })).toEqual(totals(10, 2));
});

test('vitest that fails without a failed test, or tells nothing, is a failure', () => {
  expect(sumTotals({ gates: [], vitestOk: false, vitest: totals(10, 0) }).failed).toBe(1);
  expect(sumTotals({ gates: [{ ok: true }], vitestOk: true, vitest: undefined })).toEqual(totals(1, 1));
});

test('no file, a broken file and no tests at all are no totals', () => {
  const file = path.join(makeFolder(), 'totals.json');
  expect(readTotals(file)).toBeUndefined();
  writeFileSync(file, '{');
  expect(readTotals(file)).toBeUndefined();
  writeFileSync(file, JSON.stringify(totals(0, 0)));
  expect(readTotals(file)).toBeUndefined();
  writeFileSync(file, JSON.stringify(totals(1, 0)));
  expect(readTotals(file)).toEqual(totals(1, 0));
});

test('the line', () => {
  expect(formatTotals({ passed: 3, failed: 1, skipped: [{ name: 'a', reason: 'b' }] })).toBe(
    '3 passed, 1 failed, 1 skipped',
  );
});

test('the reporter counts a real run: files that cannot load, failed hooks, loose errors, reasons of skipped tests', async () => {
  const folder = makeFolder();
  const files = {
    'vitest.config.mjs': 'export default {};',
    'loose.test.js':
      "test('h', async () => { setTimeout(() => { throw new Error('loose'); }, 0); await new Promise((done) => setTimeout(done, 50)); });",
    'good.test.js': "test('a', () => {});\ntest('b', (context) => context.skip('no microphone'));",
    'skips.test.js':
      "describe('s', () => {\n  // Needs a moon,\n  // and a dog.\n  test.skip('c', () => {});\n});\n\ntest.skip('d', () => {});",
    'bad.test.js': "test('e', () => { expect(1).toBe(2); });\ntest('f', () => {});",
    'broken.test.js': "throw new Error('cannot load');",
    'hook.test.js': "beforeAll(() => { throw new Error('hook'); });\ntest('g', () => {});",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const file = path.join(folder, 'totals.json');
  const root = path.join(import.meta.dirname, '../..');
  const args = [
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--globals',
    `--root=${folder}`,
    '--includeTaskLocation',
  ];
  const reporter = `--reporter=${path.join(root, 'tests/run/totals-reporter.ts')}`;
  const env = { PATH: process.env['PATH'], HERALD_TEST_TOTALS: file };
  const signal = AbortSignal.timeout(18_000);
  const result = await runStep(
    { name: 'vitest', command: process.execPath, args: [...args, reporter] },
    { cwd: folder, env, signal },
  );
  expect(result.ok).toBe(false);
  const read = readTotals(file);
  expect(read, result.output).toBeDefined();
  // a, f and h pass; e, broken.test.js, hook.test.js and the loose error fail; g never ran.
  expect(read).toMatchObject({ passed: 3, failed: 4 });
  expect(Object.fromEntries(read?.skipped.map(({ name, reason }) => [name, reason]) ?? [])).toEqual({
    'good.test.js > b': 'no microphone',
    'skips.test.js > s > c': 'Needs a moon, and a dog.',
    'skips.test.js > d': 'no reason given',
    'hook.test.js > g': 'no reason given',
  });
});
