// What an installation without development packages takes, read from the lock file and node_modules.
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const lockSchema = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().optional() })) });

export interface InstallSize {
  /** Packages that are installed and not for development only. */
  packages: number;
  /** Bytes of their files. */
  bytes: number;
}

/** Counts what is in `root`/node_modules; packages for other machines, which npm left out, do not count. */
export function measureInstall(root: string): InstallSize {
  const lock: unknown = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const folders = Object.entries(lockSchema.parse(lock).packages)
    .filter(([name, { dev }]) => name !== '' && dev !== true)
    .map(([name]) => path.join(root, name))
    .filter((folder) => fs.existsSync(folder));
  return { packages: folders.length, bytes: folders.reduce((sum, folder) => sum + sizeOf(folder), 0) };
}

/** Without packages inside it, which are in the lock file themselves. */
function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) bytes += entry.name === 'node_modules' ? 0 : sizeOf(file);
    else if (entry.isFile()) bytes += fs.statSync(file).size;
  }
  return bytes;
}
