// The costs that are the same on every machine stay within bench/budget.json. Raising a number there is a decision to be seen in a diff.
import path from 'node:path';
import { expect, it } from 'vitest';
import budget from '../../bench/budget.json' with { type: 'json' };
import { measureInstall } from '../../bench/install-size.ts';
import { measurePromptTokens } from '../../bench/prompt-tokens.ts';

const ROOT = path.join(import.meta.dirname, '../..');

it('"hi" costs no more tokens than the budget, and is really measured', async () => {
  const { tokens } = await measurePromptTokens();
  expect(tokens).toBeGreaterThan(200);
  expect(tokens).toBeLessThanOrEqual(budget.promptTokens);
});

it('an installation has no more packages and megabytes than the budget', () => {
  const { packages, bytes } = measureInstall(ROOT);
  expect(packages).toBeGreaterThan(20);
  expect(packages).toBeLessThanOrEqual(budget.packages);
  expect(bytes / 1_000_000).toBeLessThanOrEqual(budget.megabytes);
});
