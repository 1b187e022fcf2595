// What was typed before, one JSON string per line, so that messages of several lines stay one entry.
import { appendFile, chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

const MAX_ENTRIES = 1000;
/** Codes open doors while they are fresh; they are not kept. */
const NOT_KEPT = /^(?: |\/(?:link|pair)\b)/;

export interface InputHistory {
  readonly entries: readonly string[];
  /** Remembers a message, except for a repetition of the last one, one that begins with a blank, and codes. Never rejects. */
  add(text: string): Promise<void>;
}

/** History in `file`, or in memory only without one. A file that cannot be read counts as empty, lines that are broken are left out. */
export async function openHistory(file: string | undefined): Promise<InputHistory> {
  const entries = file === undefined ? [] : parse(await readFile(file, 'utf8').catch(() => ''));
  if (file !== undefined && entries.length > MAX_ENTRIES) {
    entries.splice(0, entries.length - MAX_ENTRIES);
    await rewrite(file, entries).catch(() => undefined);
  }
  let writing: Promise<void> = Promise.resolve();
  return {
    entries,
    add(text) {
      if (text.trim() === '' || text === entries.at(-1) || NOT_KEPT.test(text)) return writing;
      entries.push(text);
      if (file !== undefined) writing = writing.then(() => append(file, text)).catch(() => undefined);
      return writing;
    },
  };
}

function parse(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === 'string' ? [value] : [];
    } catch {
      return [];
    }
  });
}

async function append(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await appendFile(file, `${JSON.stringify(text)}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
}

async function rewrite(file: string, entries: readonly string[]): Promise<void> {
  const next = `${file}.new`;
  await writeFile(next, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 });
  await rename(next, file);
}
