// Herald as it is built for the package: what tests start as a process. A start of it takes half as long as one from the checkout.
// What runs without vitest takes the checkout.
import fs from 'node:fs';
import path from 'node:path';
import { DATABASE_FILE } from '../../data/db.ts';

const ROOT = path.join(import.meta.dirname, '../..');
/** Made by build-once.ts. */
const folder = process.env['HERALD_TEST_BUILD'];

/** The command, as a script for Node. */
export const HERALD = path.join(folder ?? ROOT, 'bin/herald.mjs');
/** What the command runs, without its settings of the process. */
export const MAIN = moduleFile('cli/main');
/** The same from the checkout, with types. */
export const CHECKOUT_MAIN = path.join(ROOT, 'cli/main.ts');
/** Environment in which code is compiled once and not at each of some hundred starts. */
export const COMPILE_CACHE = path.join(
  folder ?? ROOT,
  folder === undefined ? 'node_modules/.cache/herald' : 'compile-cache',
);

/**
 * What `herald start` sets for itself, for which it begins anew: 40 ms at each start. Without vitest nothing is set: the benchmark measures
 * those as well.
 */
export const ALLOCATOR: Readonly<Record<string, string>> =
  folder === undefined ? {} : { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' };

/** Of a module of Herald or one of the programs, named without `.ts`. */
export function moduleFile(name: string): string {
  return folder === undefined ? path.join(ROOT, `${name}.ts`) : path.join(folder, 'dist', `${name}.js`);
}

/** An empty database of this version, so that a new home needs no migrations: a sixth of the time. A home that has one keeps it. */
export function putEmptyDatabase(home: string): void {
  const file = path.join(home, DATABASE_FILE);
  if (folder !== undefined && !fs.existsSync(file)) fs.copyFileSync(path.join(folder, 'data', DATABASE_FILE), file);
}
