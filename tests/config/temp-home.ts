// A home folder of its own for each test, removed afterwards.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

export async function makeHome(
  files: { yaml?: string | Uint8Array; env?: string; envMode?: number } = {},
): Promise<string> {
  const home = await mkdtemp(path.join(tmpdir(), 'herald-config-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  if (files.yaml !== undefined) await writeFile(path.join(home, 'config.yaml'), files.yaml);
  if (files.env !== undefined) {
    await writeFile(path.join(home, '.env'), files.env);
    await chmod(path.join(home, '.env'), files.envMode ?? 0o600);
  }
  return home;
}
