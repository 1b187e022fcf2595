// What the contract suite found on each platform: docs/platforms.md is made of it (tests/run/platform-matrix.ts).
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Capabilities } from '../../adapters/capabilities.ts';

/** Emptied by `npm test` before the tests run. */
export const CONTRACT_RESULTS_DIR = path.join(import.meta.dirname, '..', '..', '.contract-results');

export type CaseResult = 'passed' | 'not there' | 'failed';

export interface ContractResult {
  /** Platform, and after a comma which way of it. */
  name: string;
  capabilities: Capabilities;
  /** In the order of the suite. */
  cases: readonly (readonly [title: string, result: CaseResult])[];
}

export function keepContractResult(result: ContractResult): void {
  mkdirSync(CONTRACT_RESULTS_DIR, { recursive: true });
  const file = `${result.name.replace(/\W+/g, '-')}.json`;
  writeFileSync(path.join(CONTRACT_RESULTS_DIR, file), JSON.stringify(result));
}

/** All that were kept, by name. */
export function readContractResults(dir = CONTRACT_RESULTS_DIR): readonly ContractResult[] {
  return readdirSync(dir)
    .map((file) => JSON.parse(readFileSync(path.join(dir, file), 'utf8')) as ContractResult)
    .toSorted((a, b) => a.name.localeCompare(b.name));
}
