// Counts of a test run, and how they are told.
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export interface SkippedTest {
  name: string;
  reason: string;
}

export interface Totals {
  passed: number;
  failed: number;
  skipped: readonly SkippedTest[];
}

const totalsFile = z.object({
  passed: z.int(),
  failed: z.int(),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
});

/** What the reporter wrote to `file`; undefined when vitest ended before it could, or found no test. */
export function readTotals(file: string): Totals | undefined {
  try {
    const totals = totalsFile.parse(JSON.parse(readFileSync(file, 'utf8')));
    return totals.passed + totals.failed + totals.skipped.length === 0 ? undefined : totals;
  } catch {
    return undefined;
  }
}

export interface RunOutcome {
  gates: readonly { ok: boolean }[];
  /** Whether vitest ended well. */
  vitestOk: boolean;
  vitest: Totals | undefined;
}

/** All counts: each gate is one; a vitest that failed without a failed test is one failure. */
export function sumTotals({ gates, vitestOk, vitest }: RunOutcome): Totals {
  const passedGates = gates.filter((gate) => gate.ok).length;
  const failedTests = vitest?.failed ?? 0;
  const crashed = (vitest === undefined || !vitestOk) && failedTests === 0 ? 1 : 0;
  return {
    passed: passedGates + (vitest?.passed ?? 0),
    failed: gates.length - passedGates + failedTests + crashed,
    skipped: vitest?.skipped ?? [],
  };
}

/** The last line of the test command. */
export function formatTotals(totals: Totals): string {
  return `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`;
}
