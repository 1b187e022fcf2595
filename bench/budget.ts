// The budget of what can be measured without a clock: the same on every machine, so a test holds it. The numbers, in budget.json, are a
// little above what was measured when they were set; whoever raises one says why in the commit.
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { measureInstall } from './install-size.ts';
import { measurePromptTokens } from './prompt-tokens.ts';
import { measureStatements } from './statements.ts';

const budgetSchema = z.strictObject({
  /** Whole request that says "hi", by Herald's estimator. */
  promptTokens: z.number(),
  /** Its text and tool definitions, in UTF-16 units. */
  promptChars: z.number(),
  /** Packages that an installation without development packages has. */
  packages: z.number(),
  /** Their files, in MB of 1024 * 1024 bytes. */
  installMb: z.number(),
  /** SQL statements that are run for one message. */
  statements: z.number(),
  /** Commits for one message. */
  commits: z.number(),
});
export type Budget = z.infer<typeof budgetSchema>;

export function readBudget(): Budget {
  const json = fs.readFileSync(path.join(import.meta.dirname, 'budget.json'), 'utf8');
  return budgetSchema.parse(JSON.parse(json));
}

/** Today's numbers; `root` is the checkout, with its packages installed. */
export async function measureBudget(root: string): Promise<Budget> {
  const prompt = await measurePromptTokens();
  const install = measureInstall(root);
  const database = await measureStatements();
  return {
    promptTokens: prompt.tokens,
    promptChars: prompt.chars,
    packages: install.packages,
    installMb: install.bytes / (1024 * 1024),
    ...database,
  };
}

/** What is over, in words; empty when all is within. */
export function findOverruns(measured: Budget, budget: Budget): string[] {
  const names = ['promptTokens', 'promptChars', 'packages', 'installMb', 'statements', 'commits'] as const;
  return names
    .filter((name) => !(measured[name] <= budget[name]))
    .map((name) => `${name} is ${measured[name].toFixed(0)}, the budget is ${budget[name]}`);
}
