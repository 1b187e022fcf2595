// Chats that we have seen: their settings, and which session they show when it is not their space's.
import { sql } from 'kysely';
import { z } from 'zod';
import { accountId, chatId, threadId, type PersonId, type SessionId, type SpaceId } from '../../shared/ids.ts';
import { addressKey, type Address } from '../../shared/messages.ts';
import type { ProcessDb, Query } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';

const settingsSchema = z.object({
  queueMode: z.enum(['queue', 'steer', 'collect', 'interrupt']).optional(),
  /** Model of this chat's conversations; one chosen for a conversation beats it. */
  model: z.string().optional(),
  /** What the agent is told in this chat, beside everything else. */
  prompt: z.string().optional(),
  /** Tools and toolsets that are off here. */
  disabledTools: z.array(z.string()).optional(),
  /** Skills by name: on = always in the list of skills here, off = never. */
  skills: z.record(z.string(), z.enum(['on', 'off'])).optional(),
  /** Only a device or program speaks here. */
  machine: z.boolean().optional(),
  /** In a group: false answers everything. Default: as the configuration says. */
  requireMention: z.boolean().optional(),
  /** on: voice messages are answered by voice too · tts: everything is. Default off. */
  voice: z.enum(['off', 'on', 'tts']).optional(),
});
export type ChatSettings = z.infer<typeof settingsSchema>;

/** Settings of a chat in which only a device or program speaks: nobody reads there. */
const MACHINE = JSON.stringify({ machine: true } satisfies ChatSettings);

export interface Chat {
  address: Address;
  title: string;
  session: SessionId | undefined;
  settings: ChatSettings;
  /** To about ten minutes; the inbox has the times themselves. */
  lastInboundAt: number;
}

/** How far `last_inbound_at` may lag behind. */
const TOUCH_MS = 10 * 60_000;

/** An address that is stored as JSON. */
export const storedAddress = z.object({
  platform: z.string(),
  account: z.string().transform(accountId),
  chat: z.string().transform(chatId),
  kind: z.enum(['dm', 'group']),
  thread: z.string().transform(threadId).optional(),
});

/** Columns that hold an address. */
export function addressColumns(at: Address) {
  return {
    platform: at.platform,
    account: at.account,
    chat: at.chat,
    thread: at.thread ?? ('' as const),
    chat_kind: at.kind,
  };
}

export function addressOf(row: ReturnType<typeof addressColumns>): Address {
  return {
    platform: row.platform,
    account: row.account,
    chat: row.chat,
    kind: row.chat_kind,
    ...(row.thread === '' ? {} : { thread: row.thread }),
  };
}

const keepChat = makeKeeper<Chat | undefined>('chats');

export async function getChat(db: ProcessDb, at: Address): Promise<Chat | undefined> {
  return keepChat(db, addressKey(at), () => readChat(db, at));
}

async function readChat(db: ProcessDb, at: Address): Promise<Chat | undefined> {
  const key = addressColumns(at);
  const row = await db.query
    .selectFrom('chats')
    .selectAll()
    .where('platform', '=', key.platform)
    .where('account', '=', key.account)
    .where('chat', '=', key.chat)
    .where('thread', '=', key.thread)
    .executeTakeFirst();
  return (
    row && {
      address: addressOf(row),
      title: row.title,
      session: row.session_id ?? undefined,
      settings: settingsSchema.parse(JSON.parse(row.settings)),
      lastInboundAt: row.last_inbound_at,
    }
  );
}

/** Remembers that a message came from this chat. */
export async function touchChat(
  db: ProcessDb,
  at: Address,
  title: string,
  { isMachine = false }: { isMachine?: boolean } = {},
): Promise<void> {
  const now = db.clock.now();
  const known = await getChat(db, at);
  if (known?.title === title && known.address.kind === at.kind && Math.abs(now - known.lastInboundAt) < TOUCH_MS)
    return;
  await db.query
    .insertInto('chats')
    .values({
      ...addressColumns(at),
      title,
      session_id: null,
      settings: isMachine ? MACHINE : '{}',
      last_inbound_at: now,
    })
    .onConflict((conflict) =>
      conflict.columns(['platform', 'account', 'chat', 'thread']).doUpdateSet({ last_inbound_at: now, title }),
    )
    .execute();
}

export async function setChat(
  db: ProcessDb,
  at: Address,
  change: { settings?: ChatSettings; session?: SessionId | null },
): Promise<void> {
  const key = addressColumns(at);
  await db.query
    .updateTable('chats')
    .set({
      ...(change.settings === undefined ? {} : { settings: JSON.stringify(change.settings) }),
      ...(change.session === undefined ? {} : { session_id: change.session }),
    })
    .where('platform', '=', key.platform)
    .where('account', '=', key.account)
    .where('chat', '=', key.chat)
    .where('thread', '=', key.thread)
    .execute();
}

/** DM chats in which the person wrote from an account that is theirs today, the latest first; at most 100. Devices are no persons. */
export async function listDmChats(
  db: ProcessDb,
  person: PersonId,
): Promise<readonly { address: Address; lastInboundAt: number }[]> {
  const rows = await db.query
    .selectFrom('identities')
    .innerJoin('inbox', (join) =>
      join
        .onRef('inbox.platform', '=', 'identities.platform')
        .onRef('inbox.account', '=', 'identities.account')
        .onRef('inbox.user_id', '=', 'identities.user_id'),
    )
    .select(['inbox.platform', 'inbox.account', 'inbox.chat', 'inbox.thread', 'inbox.chat_kind'])
    .select((eb) => eb.fn.max('inbox.received_at').as('at'))
    .where('identities.person_id', '=', person)
    // A literal, so that SQLite sees that the partial index `inbox_dm` serves the query.
    .where(sql<boolean>`inbox.chat_kind = 'dm'`)
    .groupBy(['inbox.platform', 'inbox.account', 'inbox.chat', 'inbox.thread'])
    .orderBy('at', 'desc')
    .limit(100)
    .execute();
  const chats: { address: Address; lastInboundAt: number }[] = [];
  for (const row of rows) {
    const address = addressOf(row);
    if ((await getChat(db, address))?.settings.machine !== true) chats.push({ address, lastInboundAt: row.at });
  }
  return chats;
}

/** The space's row, created when it is a group's first message. */
export async function ensureGroupSpace(
  db: ProcessDb,
  space: SpaceId,
  title: string,
  query: Query = db.query,
): Promise<void> {
  await query
    .insertInto('spaces')
    .values({ id: space, kind: 'group', person_id: null, title, session_id: null, created_at: db.clock.now() })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}
