// Counts of a test run, and how they are told.
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const failedTest = z.object({ name: z.string(), error: z.string() });
const skippedTest = z.object({ name: z.string(), reason: z.string() });
const totalsSchema = z.object({
  passed: z.int(),
  failed: z.array(failedTest),
  /** Passed when they were tried again; with the error of the first try. */
  again: z.array(failedTest),
  skipped: z.array(skippedTest),
});

export type FailedTest = z.infer<typeof failedTest>;
export type SkippedTest = z.infer<typeof skippedTest>;
export type Totals = z.infer<typeof totalsSchema>;

/** What the reporter wrote to `file`; undefined when vitest ended before it could, or found no test. */
export function readTotals(file: string): Totals | undefined {
  try {
    const totals = totalsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return totals.passed + totals.failed.length + totals.skipped.length === 0 ? undefined : totals;
  } catch {
    return undefined;
  }
}

export interface RunOutcome {
  gates: readonly { name: string; ok: boolean }[];
  /** Whether vitest ended well. */
  vitestOk: boolean;
  vitest: Totals | undefined;
}

/** All counts: each gate is one; a vitest that failed without a failed test is one failure. */
export function sumTotals({ gates, vitestOk, vitest }: RunOutcome): Totals {
  const failed = gates.filter((gate) => !gate.ok).map(({ name }) => ({ name, error: 'its output is above' }));
  const crashed = (vitest === undefined || !vitestOk) && (vitest?.failed ?? []).length === 0;
  if (crashed) failed.push({ name: 'vitest', error: 'it ended without a result' });
  return {
    passed: gates.filter((gate) => gate.ok).length + (vitest?.passed ?? 0),
    failed: [...failed, ...(vitest?.failed ?? [])],
    again: vitest?.again ?? [],
    skipped: vitest?.skipped ?? [],
  };
}

/** The last lines of the test command: what was skipped and why, by file; what passed at the second try only; what failed; the counts. */
export function formatTotals({ passed, failed, again, skipped }: Totals): string {
  const reasons = new Map<string, SkippedTest[]>();
  for (const test of skipped) {
    const key = `${test.name.split(' > ')[0]}: ${test.reason}`;
    reasons.set(key, [...(reasons.get(key) ?? []), test]);
  }
  return [
    ...[...reasons].map(([reason, tests]) => `skipped: ${tests.length} in ${reason}`),
    ...again.map(({ name, error }) => `passed when tried again: ${name}: ${error}`),
    ...failed.map(({ name, error }) => `failed: ${name}: ${error}`),
    `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`,
  ].join('\n');
}
