// A vitest reporter that writes the counts of a run, and why tests were skipped, to the file named by HERALD_TEST_TOTALS.
// Default export, because vitest loads reporters by path that way.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { SkippedTest, Totals } from './totals.ts';

export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const file = process.env['HERALD_TEST_TOTALS'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(countTests(modules, unhandledErrors.length)));
  }
}

function countTests(modules: readonly TestModule[], unhandledErrors: number): Totals {
  let passed = 0;
  // Errors outside of any test: each is a failure of its own.
  let failed = unhandledErrors;
  const skipped: SkippedTest[] = [];
  for (const module of modules) {
    const failedBefore = failed;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed++;
      else if (result.state === 'skipped')
        skipped.push({ name: nameOf(test), reason: result.note ?? commentAbove(test) });
      else failed++;
    }
    // A file that cannot be loaded, or whose hooks fail, has no failed test to count.
    if (module.state() === 'failed' && failed === failedBefore) failed++;
  }
  return { passed, failed, skipped };
}

function nameOf(test: TestCase): string {
  return `${path.relative(process.cwd(), test.module.moduleId)} > ${test.fullName}`;
}

/** The comment right above a skipped test tells why. */
function commentAbove(test: TestCase): string {
  const line = test.location?.line ?? 0;
  const above = readFileSync(test.module.moduleId, 'utf8')
    .split('\n')
    .slice(0, Math.max(0, line - 1));
  const comment: string[] = [];
  while (above.at(-1)?.trim().startsWith('//')) comment.unshift((above.pop() ?? '').trim().slice(2).trim());
  return comment.join(' ') || 'no reason given';
}
