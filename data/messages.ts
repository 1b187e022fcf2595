// The conversation as the model sees it. History is read with a Scope; another space's session is simply not there.
import { z } from 'zod';
import type { Selectable } from 'kysely';
import type { SessionId, SpaceId, TurnId } from '../shared/ids.ts';
import { MEDIA_KINDS, type Origin, type StoredFile } from '../shared/messages.ts';
import type { Db } from './db.ts';
import { prepare } from './query/prepared.ts';
import type { MessageRole, MessageState, Tables } from './schema.ts';
import type { Scope } from './scope.ts';
import type { TableWrites } from './query/table-writes.ts';

export interface NewMessage {
  role: MessageRole;
  /** Display name of who speaks; '' for the agent. */
  author: string;
  text: string;
  toolCallId?: string | undefined;
  toolName?: string | undefined;
  /** JSON of ToolCall[]. */
  toolCalls?: string | undefined;
  /** JSON of ReasoningItem[]. */
  reasoning?: string | undefined;
  files?: readonly StoredFile[] | undefined;
  isError?: boolean | undefined;
  origin: Origin;
}

export interface StoredMessage extends NewMessage {
  id: number;
  session: SessionId;
  turn: TurnId | undefined;
  state: MessageState;
  /** An old tool result that the model sees as one line. */
  stubbed?: boolean | undefined;
  createdAt: number;
}

const selectActive = prepare<
  { space: SpaceId; session: SessionId; after: number; limit: number },
  Selectable<Tables['messages']>
>((query, { space, session, after, limit }) =>
  query
    .selectFrom('messages')
    .selectAll()
    .where('space_id', '=', space)
    .where('session_id', '=', session)
    .where('state', '=', 'active')
    .where('id', '>', after)
    .orderBy('id', 'desc')
    .limit(limit),
);

const MAX_HISTORY = 2_000;
/** So many more leave when there are too many: the beginning then stays the same for a while, and what was made of it is of use. */
const LEAVE_AT_ONCE = 200;
/** Texts of histories kept in memory, in UTF-16 units; the longest unused go first. */
const MAX_KEPT_CHARS = 8_000_000;
/** What a message takes beside its text. */
const MESSAGE_CHARS = 500;

interface KeptHistory {
  /** Of what is read: 0 until then. */
  chars: number;
  count: number;
  /** The last of them. */
  last: number | undefined;
  /** Changes of the table when it was read; what is only added since is read on top. */
  changes: number;
  /** All writes to it: while there are no others, nothing is read. */
  writes: number;
  messages: Promise<readonly StoredMessage[]>;
  isRead: boolean;
}
/** Longest unused first. */
interface KeptHistories {
  chars: number;
  bySession: Map<string, KeptHistory>;
}
const keptHistories = new WeakMap<TableWrites, KeptHistories>();

/** Active messages of a session, the summary first, then oldest first: at most the last `limit`, and 2,000. They are shared: nobody may change them. */
export async function listHistory(
  db: Db,
  scope: Scope,
  session: SessionId,
  limit = MAX_HISTORY,
): Promise<readonly StoredMessage[]> {
  const messages = await readActive(db, scope, session);
  return messages.length > limit ? messages.slice(-limit) : messages;
}

function readActive(db: Db, scope: Scope, session: SessionId): Promise<readonly StoredMessage[]> {
  const kept = keptHistories.get(db.writes) ?? { chars: 0, bySession: new Map<string, KeptHistory>() };
  keptHistories.set(db.writes, kept);
  const key = `${scope.space}\u001f${session}`;
  // Taken before the read: what is changed meanwhile makes it old at once.
  const changes = db.writes.countChanges('messages');
  const writes = db.writes.count('messages');
  const known = kept.bySession.get(key);
  // A transaction must not wait for a read that waits for its end.
  const usable = known?.isRead || !db.query.isTransaction ? known : undefined;
  if (usable?.writes === writes) return usable.messages;
  const before = usable?.changes === changes ? usable : undefined;
  const messages = readOn(db, scope, session, before?.messages);
  const history: KeptHistory = { chars: 0, count: 0, last: undefined, changes, writes, messages, isRead: false };
  drop(kept, key);
  kept.bySession.set(key, history);
  messages.then(
    (read) => {
      history.isRead = true;
      if (kept.bySession.get(key) !== history) return;
      // What was counted before is not counted again, unless the oldest have left.
      const counted = before && read[before.count - 1]?.id === before.last ? before : { chars: 0, count: 0 };
      history.count = read.length;
      history.last = read.at(-1)?.id;
      history.chars = counted.chars + charsOf(read.slice(counted.count));
      kept.chars += history.chars;
      for (const oldest of kept.bySession.keys()) {
        if (kept.chars <= MAX_KEPT_CHARS) break;
        drop(kept, oldest);
      }
    },
    () => {
      if (kept.bySession.get(key) === history) drop(kept, key);
    },
  );
  return messages;
}

function charsOf(messages: readonly StoredMessage[]): number {
  return messages.reduce((sum, message) => sum + message.text.length + MESSAGE_CHARS, 0);
}

function drop(kept: KeptHistories, key: string): void {
  kept.chars -= kept.bySession.get(key)?.chars ?? 0;
  kept.bySession.delete(key);
}

/** `before` and what came after it. */
async function readOn(
  db: Db,
  { space }: Scope,
  session: SessionId,
  before: KeptHistory['messages'] | undefined,
): Promise<readonly StoredMessage[]> {
  const known = (await before?.catch(() => undefined)) ?? [];
  // A summary is younger than the messages it stands before.
  const after = Math.max(known.at(-1)?.id ?? 0, ...known.slice(0, countSummaries(known)).map(({ id }) => id));
  const { rows } = await selectActive(db.query, { space, session, after, limit: MAX_HISTORY });
  const added = rows.reverse().map(storedMessage);
  const all = [...known, ...added];
  if (added.some(isSummary)) all.sort((a, b) => Number(isSummary(b)) - Number(isSummary(a)));
  return all.length > MAX_HISTORY ? all.toSpliced(countSummaries(all), all.length - MAX_HISTORY + LEAVE_AT_ONCE) : all;
}

function isSummary({ role }: StoredMessage): boolean {
  return role === 'summary';
}

/** Those in front of a history. */
export function countSummaries(messages: readonly StoredMessage[]): number {
  const first = messages.findIndex((message) => !isSummary(message));
  return first === -1 ? messages.length : first;
}

/** Those of one turn, which stand together, mostly at the end: a long history is not looked through for them. */
export function messagesOfTurn(history: readonly StoredMessage[], turn: TurnId): readonly StoredMessage[] {
  const last = history.findLastIndex((message) => message.turn === turn);
  let first = last;
  while (history[first - 1]?.turn === turn) first--;
  return history.slice(Math.max(0, first), last + 1);
}

/** Everything said in a session, undone and compacted messages included: all of it, or what came after a message, the last `limit` of it. */
export async function listTranscript(
  db: Db,
  scope: Scope,
  session: SessionId,
  { after = 0, limit }: { after?: number; limit?: number } = {},
): Promise<readonly StoredMessage[]> {
  const query = db.query
    .selectFrom('messages')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('session_id', '=', session)
    .where('id', '>', after)
    .orderBy('id', limit === undefined ? 'asc' : 'desc');
  const rows = await (limit === undefined ? query : query.limit(limit)).execute();
  return (limit === undefined ? rows : rows.reverse()).map(storedMessage);
}

export interface SaidPage {
  /** Default: all sessions of the scope. */
  session?: SessionId | undefined;
  /** Only what is younger than this message. */
  after?: number | undefined;
  /** Only what is older than this message: the latest of them. */
  before?: number | undefined;
  limit: number;
}

/** What people and the agent said, oldest first: the first after `after`, else the last before `before`. Nothing that was taken back. */
export async function listSaid(db: Db, scope: Scope, page: SaidPage): Promise<readonly StoredMessage[]> {
  let query = db.query
    .selectFrom('messages')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('role', 'in', ['user', 'assistant'])
    .where('state', '<>', 'undone')
    .where((eb) => eb.or([eb('text', '<>', ''), eb('files', 'is not', null)]))
    .orderBy('id', page.after === undefined ? 'desc' : 'asc')
    .limit(page.limit);
  if (page.session !== undefined) query = query.where('session_id', '=', page.session);
  if (page.after !== undefined) query = query.where('id', '>', page.after);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  const rows = await query.execute();
  return (page.after === undefined ? rows.reverse() : rows).map(storedMessage);
}

/** One message of the scope, whatever became of it. */
export async function getMessage(db: Db, scope: Scope, id: number): Promise<StoredMessage | undefined> {
  const row = await db.query
    .selectFrom('messages')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && storedMessage(row);
}

export interface Exchange {
  turn: TurnId;
  /** What the person said, joined. */
  text: string;
}

/** The last exchange (all messages of the last active turn) and the person's text in it; undefined when there is none. */
export async function lastExchange(db: Db, scope: Scope, session: SessionId): Promise<Exchange | undefined> {
  const last = await db.query
    .selectFrom('messages')
    .select('turn_id')
    .where('space_id', '=', scope.space)
    .where('session_id', '=', session)
    .where('state', '=', 'active')
    .where('role', '=', 'user')
    .where('turn_id', 'is not', null)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!last?.turn_id) return undefined;
  const rows = await db.query
    .selectFrom('messages')
    .select('text')
    .where('space_id', '=', scope.space)
    .where('turn_id', '=', last.turn_id)
    .where('role', '=', 'user')
    .orderBy('id')
    .execute();
  return { turn: last.turn_id, text: rows.map((row) => row.text).join('\n') };
}

/** Takes a turn's messages out of the history; they stay searchable by export only. Returns how many. */
export async function undoTurn(db: Db, scope: Scope, turn: TurnId): Promise<number> {
  const result = await db.query
    .updateTable('messages')
    .set({ state: 'undone' })
    .where('space_id', '=', scope.space)
    .where('turn_id', '=', turn)
    .where('state', '=', 'active')
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Replaces active messages up to `throughId` by one summary. Returns how many were summarized. */
export async function compactMessages(
  db: Db,
  scope: Scope,
  compaction: { session: SessionId; throughId: number; summary: string },
): Promise<number> {
  return db.query.transaction().execute(async (trx) => {
    const replaced = await trx
      .updateTable('messages')
      .set({ state: 'compacted' })
      .where('space_id', '=', scope.space)
      .where('session_id', '=', compaction.session)
      .where('state', '=', 'active')
      .where((eb) => eb.or([eb('id', '<=', compaction.throughId), eb('role', '=', 'summary')]))
      .executeTakeFirst();
    const count = Number(replaced.numUpdatedRows);
    if (count === 0) return 0;
    await trx
      .insertInto('messages')
      .values({
        session_id: compaction.session,
        space_id: scope.space,
        turn_id: null,
        role: 'summary',
        author: '',
        text: compaction.summary,
        tool_call_id: null,
        tool_name: null,
        tool_calls: null,
        reasoning: null,
        files: null,
        is_error: 0,
        origin: 'agent',
        state: 'active',
        created_at: db.clock.now(),
      })
      .execute();
    return count;
  });
}

/** From now on the model sees tool results of a session, up to `throughId` and of at least `minChars`, as one line. Returns how many more. */
export async function stubResults(
  db: Db,
  scope: Scope,
  stubs: { session: SessionId; throughId: number; minChars: number },
): Promise<number> {
  const result = await db.query
    .updateTable('messages')
    .set({ stubbed: 1 })
    .where('space_id', '=', scope.space)
    .where('session_id', '=', stubs.session)
    .where('state', '=', 'active')
    .where('role', '=', 'tool')
    .where('stubbed', '=', 0)
    .where('id', '<=', stubs.throughId)
    .where((eb) => eb(eb.fn<number>('length', ['text']), '>=', stubs.minChars))
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Messages per session, for lists and status. */
export async function countMessages(db: Db, scope: Scope, session: SessionId): Promise<number> {
  const row = await db.query
    .selectFrom('messages')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('space_id', '=', scope.space)
    .where('session_id', '=', session)
    .where('state', '=', 'active')
    .executeTakeFirst();
  return row?.count ?? 0;
}

const filesSchema = z.array(
  z.object({
    kind: z.enum(MEDIA_KINDS),
    path: z.string(),
    name: z.string(),
    mime: z.string(),
    bytes: z.number(),
  }),
);

/** Stored JSON of files, checked. */
export function parseFiles(json: string | null): readonly StoredFile[] {
  return json === null || json === '[]' ? [] : filesSchema.parse(JSON.parse(json));
}

function storedMessage(row: Selectable<Tables['messages']>): StoredMessage {
  return {
    id: row.id,
    session: row.session_id,
    turn: row.turn_id ?? undefined,
    role: row.role,
    author: row.author,
    text: row.text,
    toolCallId: row.tool_call_id ?? undefined,
    toolName: row.tool_name ?? undefined,
    toolCalls: row.tool_calls ?? undefined,
    reasoning: row.reasoning ?? undefined,
    files: parseFiles(row.files),
    isError: row.is_error === 1,
    origin: row.origin,
    state: row.state,
    stubbed: row.stubbed === 1 ? true : undefined,
    createdAt: row.created_at,
  };
}
