// What was asked in one chat and what was answered to it, for clients of ours that wait for an answer.
import { turnId, type MessageId, type TurnId } from '../../shared/ids.ts';
import type { StoredFile } from '../../shared/messages.ts';
import type { ProcessDb } from '../db.ts';
import { INBOX_END_STATES, type InboxState } from '../schema.ts';
import { outboxRow } from './outbox.ts';
import type { ChatKey } from './timeline.ts';

export interface ExchangeRow {
  /** Messages of this chat that are answered together; empty when nobody asked (a question of ours, news). */
  asked: readonly MessageId[];
  /** True while an answer may still come. */
  isOpen: boolean;
  /** All that was answered to them in this chat, in order: the parts of an answer, or a command's reply. isPending: still to be sent. */
  said: readonly { key: string; text: string; files: readonly StoredFile[]; isPending: boolean }[];
}

/** message: what was asked · line: the key of an outbox row, or of a draft. */
export type ExchangeOf = { message: MessageId } | { line: string };

interface Asked {
  seq: number;
  message_id: MessageId;
  turn_id: TurnId | null;
  state: InboxState;
}

const ENDED: readonly InboxState[] = INBOX_END_STATES;
/** Replies of commands are named by the message that they answer. */
const COMMAND_KEY = /^c(\d+)\./;

export async function readExchange(db: ProcessDb, chat: ChatKey, of: ExchangeOf): Promise<ExchangeRow> {
  const begun = 'message' in of ? await byMessage(db, chat, of.message) : await byLine(db, chat, of.line);
  const [first] = begun;
  const turn = first?.turn_id ?? undefined;
  const asked = turn === undefined ? begun : await byTurn(db, chat, turn);
  const isOpen = asked.some(({ state }) => !ENDED.includes(state));
  return { asked: asked.map((row) => row.message_id), isOpen, said: await saidTo(db, chat, { turn, asked }) };
}

function ofChat(db: ProcessDb, { platform, account, chat }: ChatKey) {
  return db.query
    .selectFrom('inbox')
    .select(['seq', 'message_id', 'turn_id', 'state'])
    .where('platform', '=', platform)
    .where('account', '=', account)
    .where('chat', '=', chat)
    .where('kind', 'in', ['message', 'button'])
    .orderBy('seq');
}

async function byMessage(db: ProcessDb, chat: ChatKey, message: MessageId): Promise<readonly Asked[]> {
  return ofChat(db, chat).where('message_id', '=', message).execute();
}

async function byTurn(db: ProcessDb, chat: ChatKey, turn: TurnId): Promise<readonly Asked[]> {
  return ofChat(db, chat).where('turn_id', '=', turn).execute();
}

async function byLine(db: ProcessDb, chat: ChatKey, line: string): Promise<readonly Asked[]> {
  const command = COMMAND_KEY.exec(line)?.[1];
  if (command !== undefined) return ofChat(db, chat).where('seq', '=', Number(command)).execute();
  const row = await db.query.selectFrom('outbox').select('turn_id').where('key', '=', line).executeTakeFirst();
  // A draft is named by its turn.
  const turn = row ? row.turn_id : turnId(line);
  return turn === null ? [] : byTurn(db, chat, turn);
}

async function saidTo(
  db: ProcessDb,
  chat: ChatKey,
  { turn, asked }: { turn: TurnId | undefined; asked: readonly Asked[] },
): Promise<ExchangeRow['said']> {
  if (turn === undefined && asked.length === 0) return [];
  const rows = await db.query
    .selectFrom('outbox')
    .selectAll()
    .where('platform', '=', chat.platform)
    .where('account', '=', chat.account)
    .where('chat', '=', chat.chat)
    .where('part', '>', 0)
    .where('state', '<>', 'expired')
    .where((eb) =>
      eb.or([
        ...(turn === undefined ? [] : [eb('turn_id', '=', turn)]),
        // Digits end before '/', the character after '.'.
        ...asked.map(({ seq }) => eb.and([eb('key', '>', `c${seq}.`), eb('key', '<', `c${seq}/`)])),
      ]),
    )
    .orderBy('seq')
    .execute();
  return rows.map(outboxRow).map(({ key, text, files, state }) => ({
    key,
    text,
    files,
    isPending: state === 'pending' || state === 'sending',
  }));
}
