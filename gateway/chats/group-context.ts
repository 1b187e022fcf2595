// What was said in a group since we last answered, by people who may talk to us but did not: the answer is blind without it.
// It is told as foreign text, since nobody asked anything with it.
import type { TurnInput } from '../../agent/port.ts';
import type { ProcessDb } from '../../data/db.ts';
import { listUnaddressed, type InboxRow } from '../../data/process/inbox.ts';
import { findPerson } from '../../data/process/people.ts';
import { preview } from '../../shared/text.ts';

/** The latest messages, and no more of each than this. */
const MAX_MESSAGES = 20;
const MAX_CHARS = 400;
/** What was said before that belongs to another conversation. */
const MAX_AGE_MS = 12 * 3_600_000;
/** Rows looked at, edits and strangers' messages among them. */
const LOOK_BACK = 100;

/** Of `row`, the first message of a turn: what went before it, as an input of its own; undefined when there is nothing. */
export async function earlierInChat({ db }: { db: ProcessDb }, row: InboxRow): Promise<TurnInput | undefined> {
  if (row.address.kind !== 'group') return undefined;
  const before = await listUnaddressed(db, {
    address: row.address,
    before: row.id,
    since: row.receivedAt - MAX_AGE_MS,
    limit: LOOK_BACK,
  });
  const said = await ofKnownPeople(db, withAmendments(before));
  if (said.length === 0) return undefined;
  const lines = said
    .slice(-MAX_MESSAGES)
    .map(({ payload }) => `${payload.senderName || 'someone'}: ${preview(describe(payload), MAX_CHARS)}`);
  return {
    inbox: row.id,
    text: lines.join('\n'),
    files: [],
    author: 'earlier in this chat',
    origin: 'foreign',
    sentAt: said.at(-1)?.payload.sentAt ?? row.payload.sentAt,
  };
}

/** Messages as they stand after what their authors did to them since. */
function withAmendments(rows: readonly InboxRow[]): readonly InboxRow[] {
  const standing = new Map<string, InboxRow>();
  for (const row of rows) {
    const known = standing.get(row.message);
    if (row.kind === 'message') standing.set(row.message, row);
    else if (row.kind === 'delete') standing.delete(row.message);
    else if (known?.user === row.user)
      standing.set(row.message, { ...known, payload: { ...known.payload, text: row.payload.text } });
  }
  return [...standing.values()];
}

async function ofKnownPeople(db: ProcessDb, rows: readonly InboxRow[]): Promise<readonly InboxRow[]> {
  const known = new Map<string, boolean>();
  const kept: InboxRow[] = [];
  for (const row of rows) {
    const { platform, account } = row.address;
    const isKnown = known.get(row.user) ?? (await findPerson(db, { platform, account, user: row.user })) !== undefined;
    known.set(row.user, isKnown);
    if (isKnown && describe(row.payload) !== '') kept.push(row);
  }
  return kept;
}

function describe({ text, attachments }: InboxRow['payload']): string {
  const files = attachments.map((file) => `(${file.kind}${file.name === undefined ? '' : ` ${file.name}`})`);
  return [text, ...files]
    .filter((part) => part !== '')
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
}
