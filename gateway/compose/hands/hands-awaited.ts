// Whether the tools for machines are needed without anybody asking: else they are loaded with the first turn.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { LoadedConfig } from '../../../config/load.ts';

/** Under $HERALD_HOME: what is remembered of background jobs. */
export const NOTES_DIR = path.join('machines', 'notes');

/** True for background jobs to watch, and servers to get to know. */
export async function areHandsAwaited({ home, config }: LoadedConfig): Promise<boolean> {
  if (Object.values(config.mcp_servers).some((server) => server.enabled)) return true;
  const notes = await readdir(path.join(home, NOTES_DIR)).catch(() => []);
  return notes.length > 0;
}
