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

const totals = (passed: number, ...failed: string[]): Totals => ({
  passed,
  failed: failed.map((name) => ({ name, error: 'it broke' })),
  again: [],
  skipped: [],
});

test('each gate counts as one', () => {
  const gates = [
    { name: 'types', ok: true },
    { name: 'lint', ok: false },
  ];
  expect(sumTotals({ gates, vitestOk: true, vitest: totals(10) })).toEqual({
    passed: 11,
    failed: [{ name: 'lint', error: 'its output is above' }],
    again: [],
    skipped: [],
  });
  expect(sumTotals({ gates: [], vitestOk: false, vitest: totals(10, 'a', 'b') })).toEqual(totals(10, 'a', 'b'));
});

test('vitest that fails without a failed test, or tells nothing, is a failure', () => {
  const crashed = [{ name: 'vitest', error: 'it ended without a result' }];
  expect(sumTotals({ gates: [], vitestOk: false, vitest: totals(10) }).failed).toEqual(crashed);
  const gates = [{ name: 'types', ok: true }];
  expect(sumTotals({ gates, vitestOk: true, vitest: undefined })).toEqual({
    ...totals(1),
    failed: crashed,
  });
});

test('no file, a broken file and no tests at all are no totals', () => {
  const file = path.join(makeFolder(), 'totals.json');
  expect(readTotals(file)).toBeUndefined();
  writeFileSync(file, '{');
  expect(readTotals(file)).toBeUndefined();
  writeFileSync(file, JSON.stringify(totals(0)));
  expect(readTotals(file)).toBeUndefined();
  writeFileSync(file, JSON.stringify(totals(1)));
  expect(readTotals(file)).toEqual(totals(1));
});

test('the last lines: skipped tests by file and reason, second tries, what failed, the counts', () => {
  const skipped = [
    { name: 'x.test.ts > a', reason: 'no moon' },
    { name: 'x.test.ts > b', reason: 'no moon' },
    { name: 'y.test.ts > c', reason: 'no moon' },
  ];
  const again = [{ name: 'x.test.ts > e', error: 'too late' }];
  expect(formatTotals({ ...totals(3, 'x.test.ts > d'), again, skipped })).toBe(
    [
      'skipped: 2 in x.test.ts: no moon',
      'skipped: 1 in y.test.ts: no moon',
      'passed when tried again: x.test.ts > e: too late',
      'failed: x.test.ts > d: it broke',
      '3 passed, 1 failed, 3 skipped',
    ].join('\n'),
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
      "describe('s', () => {\n  // Needs a moon,\n  // and a dog.\n  test.skip('c', () => {});\n});\n\ntest.skip('d', () => {});\ndescribe.skip('t (skipped: no sun)', () => { test('i', () => {}); });",
    'again.test.js': "let tries = 0;\ntest('j', { retry: 1 }, () => { if (++tries === 1) throw new Error('first'); });",
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
  // a, f, h and, at the second try, j pass; e, broken.test.js, hook.test.js and the loose error fail; g never ran.
  expect(read?.passed).toBe(4);
  expect(read?.again).toEqual([{ name: 'again.test.js > j', error: 'first' }]);
  expect(Object.fromEntries(read?.failed.map(({ name, error }) => [name, error]) ?? [])).toEqual({
    'bad.test.js > e': expect.stringContaining('expected 1 to be 2'),
    'broken.test.js': 'cannot load',
    'hook.test.js': 'hook',
    'outside of any test': 'loose',
  });
  expect(Object.fromEntries(read?.skipped.map(({ name, reason }) => [name, reason]) ?? [])).toEqual({
    'good.test.js > b': 'no microphone',
    'skips.test.js > s > c': 'Needs a moon, and a dog.',
    'skips.test.js > d': 'no reason given',
    'skips.test.js > t (skipped: no sun) > i': 'no sun',
    'hook.test.js > g': 'no reason given',
  });
});
