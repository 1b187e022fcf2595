// A logger that keeps every line as JSON, so that a test can look for what must not be in it.
import type { Logger } from '../../shared/log.ts';

export function makeCollectedLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const add = (fields: Record<string, unknown>, message: string) => {
    lines.push(JSON.stringify({ ...fields, message }));
  };
  const log: Logger = { debug: add, info: add, warn: add, error: add, child: () => log };
  return { log, lines };
}
