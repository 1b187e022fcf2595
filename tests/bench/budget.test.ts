// The deterministic numbers of the benchmark stay within bench/budget.json. Nothing here measures time.
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findOverruns, measureBudget, readBudget, type Budget } from '../../bench/budget.ts';

const ROOT = path.join(import.meta.dirname, '../..');

describe('budget', () => {
  let measured: Budget;
  beforeAll(async () => {
    measured = await measureBudget(ROOT);
  });

  it('holds: prompt for "hi", production packages and their size, what a message asks of the database', () => {
    expect(findOverruns(measured, readBudget())).toEqual([]);
  });

  it('is measured on the real thing: the prompt carries tools and identity, the install every dependency', () => {
    const manifest: { dependencies: Record<string, string> } = JSON.parse(
      fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'),
    );
    expect(measured.packages).toBeGreaterThanOrEqual(Object.keys(manifest.dependencies).length);
    expect(measured.installMb).toBeGreaterThan(10);
    expect(measured.promptTokens).toBeGreaterThan(300);
    expect(measured.promptChars).toBeGreaterThan(measured.promptTokens);
    // The question, the turn, the model call, the answer, its sending and what became of it are on disk one after the other.
    expect(measured.commits).toBeGreaterThanOrEqual(6);
    expect(measured.statements).toBeGreaterThan(measured.commits);
  });

  it('stays far below what the aim allows, so that a new tool does not eat it unseen', () => {
    expect(readBudget().promptTokens).toBeLessThan(3_000);
  });

  it('names each number that is over', () => {
    const budget = { promptTokens: 10, promptChars: 40, packages: 5, installMb: 1, statements: 9, commits: 3 };
    expect(findOverruns(budget, budget)).toEqual([]);
    expect(findOverruns({ ...budget, packages: 6, installMb: Number.NaN }, budget)).toEqual([
      'packages is 6, the budget is 5',
      'installMb is NaN, the budget is 1',
    ]);
  });
});
