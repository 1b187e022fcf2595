// Whether the optional package is here; tests of it are skipped where it is not.
import { existsSync } from 'node:fs';

export async function isExtensionInstalled(): Promise<boolean> {
  try {
    const { getLoadablePath } = await import('sqlite-vec');
    return existsSync(getLoadablePath());
  } catch {
    return false;
  }
}
