// Who the agent is: SOUL.md under the home when there is one, else a short default.
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../shared/log.ts';
import { cleanText } from '../../shared/text.ts';
import { cutMiddle } from '../context/cut.ts';

export const SOUL_FILE = 'SOUL.md';

/** Longest SOUL.md that is read, in UTF-16 units; the middle of a longer one is left out. */
const MAX_SOUL_CHARS = 20_000;

const DEFAULT_IDENTITY =
  'You are Herald, the personal agent of the people who run this machine; they talk to you through their chat apps. ' +
  'Be useful, honest and brief: answer first, then reasons if they help. Use the language of the person. ' +
  'Never claim to have done something unless a tool result says so; when you do not know, say so and offer what you can do. ' +
  'Ask only when a wrong guess would cost the person something.';

/** What was read last of each file, with the state of the file that it was read in. */
const lastRead = new Map<string, { state: string; text: string }>();

/**
 * Text of `home`/SOUL.md, cleaned and capped; the default identity when the file is missing, empty or unreadable (logged). A changed file
 * counts from the next call on.
 */
export async function readIdentity(home: string, log: Logger): Promise<string> {
  const file = path.join(home, SOUL_FILE);
  try {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (!stat) return DEFAULT_IDENTITY;
    const state = `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
    const known = lastRead.get(file);
    if (known?.state === state) return known.text;
    const read = cleanText(await readFile(file, 'utf8')).trim();
    const text = read === '' ? DEFAULT_IDENTITY : cutMiddle(read, MAX_SOUL_CHARS, SOUL_FILE);
    lastRead.set(file, { state, text });
    return text;
  } catch (error) {
    log.warn({ file: SOUL_FILE, error: String(error) }, 'identity file could not be read');
    return DEFAULT_IDENTITY;
  }
}
