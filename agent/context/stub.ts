// Old tool results in one line that says how to get them back. The stored row stays whole; only what the model sees is shorter.
import type { StoredMessage } from '../../data/messages.ts';
import { preview } from '../../shared/text.ts';

/** Shorter results are left as they are: their line would hardly be shorter. In UTF-16 units. */
export const MIN_STUBBED_CHARS = 200;
const BEGINNING_CHARS = 80;
/** As the dispatcher marks what it cut out of a long result. */
const KEPT_RESULT = /characters of result:([0-9A-Za-z]{10,40}) are left out here/;

/** What stands for the result. The same row always gives the same line. */
export function stubText(row: Pick<StoredMessage, 'id' | 'text'>): string {
  const kept = KEPT_RESULT.exec(row.text)?.[1] ?? `m${row.id}`;
  const about = `${row.text.length} characters, put away to save room`;
  return `[${about}. It begins: ${preview(row.text, BEGINNING_CHARS)} … read_file "result:${kept}" shows it whole.]`;
}
