// A vitest reporter that writes the counts of a run, what failed, and why tests were skipped, to the file named by HERALD_TEST_TOTALS.
// Default export, because vitest loads reporters by path that way.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { FailedTest, SkippedTest, Totals } from './totals.ts';

/** Of an error, for the list at the end; all of it stands above. */
const ERROR_CHARS = 600;

export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const file = process.env['HERALD_TEST_TOTALS'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(countTests(modules, unhandledErrors)));
  }
}

function countTests(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): Totals {
  let passed = 0;
  const failed: FailedTest[] = [];
  const again: FailedTest[] = [];
  const skipped: SkippedTest[] = [];
  for (const module of modules) {
    const failedBefore = failed.length;
    for (const test of module.children.allTests()) {
      const result = test.result();
      const name = `${fileOf(module)} > ${test.fullName}`;
      if (result.state === 'passed') passed++;
      else if (result.state === 'skipped') skipped.push({ name, reason: result.note ?? skipReason(test) });
      else failed.push({ name, error: firstWords(result.errors) });
      if (test.diagnostic()?.flaky === true) again.push({ name, error: firstWords(result.errors) });
    }
    // A file that cannot be loaded, or whose hooks fail, has no failed test to count.
    if (module.state() === 'failed' && failed.length === failedBefore)
      failed.push({ name: fileOf(module), error: firstWords(module.errors()) });
  }
  // Errors outside of any test: each is a failure of its own.
  for (const error of unhandledErrors) failed.push({ name: 'outside of any test', error: firstWords([error]) });
  return { passed, failed, again, skipped };
}

function fileOf(module: TestModule): string {
  return path.relative(process.cwd(), module.moduleId);
}

function firstWords(errors: readonly { message: string }[] | undefined): string {
  return (errors?.[0]?.message ?? 'no error given').slice(0, ERROR_CHARS);
}

/** As the names of a test and of what it stands in say it ("(skipped: …)"), else as the comment right above it does. */
function skipReason(test: TestCase): string {
  const named = /\(skipped: (.*?)\)(?: > |$)/.exec(test.fullName)?.[1];
  if (named !== undefined) return named;
  const line = test.location?.line ?? 0;
  const above = readFileSync(test.module.moduleId, 'utf8')
    .split('\n')
    .slice(0, Math.max(0, line - 1));
  const comment: string[] = [];
  while (above.at(-1)?.trim().startsWith('//')) comment.unshift((above.pop() ?? '').trim().slice(2).trim());
  return comment.join(' ') || 'no reason given';
}
