// What vitest does before all tests: builds Herald for them, and makes an empty database that they copy.
import fs from 'node:fs';
import path from 'node:path';
import { openData } from '../../data/db.ts';
import { build } from '../../packaging/build.ts';

const ROOT = path.join(import.meta.dirname, '../..');
/** Programs of tests that have modules of Herald in them, and what others load. */
const PROGRAMS = ['gateway/compose', 'tests/crash/gateway-child', 'tests/cli/command-host'];

// Inside of the checkout, so that packages are found.
const FOLDER = path.join(ROOT, '.test-build', String(process.pid));

export async function setup(): Promise<void> {
  process.env['HERALD_TEST_BUILD'] = await buildOnce();
  await (await openData({ home: path.join(FOLDER, 'data') })).close();
}

export function teardown(): void {
  fs.rmSync(FOLDER, { recursive: true, force: true });
}

/** The folder of the build; `teardown` removes it. */
export async function buildOnce(): Promise<string> {
  await build(ROOT, path.join(FOLDER, 'dist'), PROGRAMS);
  fs.cpSync(path.join(ROOT, 'bin'), path.join(FOLDER, 'bin'), { recursive: true });
  return FOLDER;
}
