// Who the agent is: SOUL.md under the home when there is one, else a short default.
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

/** Text of `home`/SOUL.md, cleaned and capped; the default identity when the file is missing, empty or unreadable (logged). */
export async function readIdentity(home: string, log: Logger): Promise<string> {
  try {
    const text = cleanText(await readFile(path.join(home, SOUL_FILE), 'utf8')).trim();
    return text === '' ? DEFAULT_IDENTITY : cutMiddle(text, MAX_SOUL_CHARS, SOUL_FILE);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing) log.warn({ file: SOUL_FILE, error: String(error) }, 'identity file could not be read');
    return DEFAULT_IDENTITY;
  }
}
