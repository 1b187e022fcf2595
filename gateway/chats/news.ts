// Where a person hears what no message asked for just now: the chat that they chose, else the one in which they wrote last.
import { parseMarkdown, plainText } from '../../adapters/markdown.ts';
import type { ProcessDb } from '../../data/db.ts';
import { listDmChats } from '../../data/process/chats.ts';
import { getPersonSettings } from '../../data/process/person-settings.ts';
import type { Turn } from '../../data/process/turns.ts';
import type { PersonId } from '../../shared/ids.ts';
import { addressKey, type Address } from '../../shared/messages.ts';
import { preview } from '../../shared/text.ts';
import type { Letter } from '../outbox.ts';

/** After this long, a person who went on elsewhere no longer looks where they asked. */
const LONG_MS = 60_000;
const PREVIEW_CHARS = 600;

/** Undefined when the person never wrote in a direct chat. */
export async function newsAddress(db: ProcessDb, person: PersonId): Promise<Address | undefined> {
  const { home } = await getPersonSettings(db, person);
  return home ?? (await listDmChats(db, person))[0]?.address;
}

/** A letter that tells of a finished turn where its person is by now; undefined when they are still where they asked. */
export async function newsOfTurn(db: ProcessDb, turn: Turn, answer: string): Promise<Letter | undefined> {
  if (turn.address.kind !== 'dm' || answer === '' || db.clock.now() - turn.startedAt < LONG_MS) return undefined;
  const [latest] = await listDmChats(db, turn.person);
  const { home } = await getPersonSettings(db, turn.person);
  const wentOn = latest !== undefined && latest.lastInboundAt > turn.startedAt ? latest.address : undefined;
  const to = home ?? wentOn;
  if (to === undefined || addressKey(to) === addressKey(turn.address)) return undefined;
  return {
    key: `${turn.id}.news`,
    to,
    kind: 'notice',
    turn: turn.id,
    person: turn.person,
    text: `What you asked me on ${turn.address.platform} is done:\n\n${preview(plainText(parseMarkdown(answer)), PREVIEW_CHARS)}`,
  };
}
