// What a look back at a person's own words makes of the claims: each change must cite a message of theirs, and the quote must stand in it.
// What does not is left out. A correction of the person is never touched.
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Db, Query } from '../db.ts';
import { isGroupScope, type Scope } from '../scope.ts';
import { believe, weigh } from './confidence.ts';
import { claimKey, claimText } from './claims.ts';
import type { ClaimKind } from './tables.ts';

/** What the person said, in a conversation of their own. */
export interface OwnMessage {
  id: number;
  session: SessionId;
  turn: TurnId | undefined;
  text: string;
  platform: string | undefined;
  saidAt: number;
  /** Whether it is evidence for or against something already. */
  isCited: boolean;
}

export interface Citation {
  message: number;
  quote: string;
  /** 2: they said so · less: it shows in what they said. */
  weight: number;
}

/** `claim` is the id of one, or its text. */
export type ClaimChange =
  | { op: 'new'; kind: ClaimKind; text: string; cites: Citation }
  | { op: 'support' | 'contradict' | 'retire'; claim: number | string; cites: Citation };

export interface RevisionResult {
  applied: number;
  /** Changes that cited nothing, went against the person's own word, or were about no claim. */
  dropped: number;
}

/** One message counts for no more than this. */
const MAX_WEIGHT = 2;
const MIN_QUOTE_CHARS = 6;
const RETRACTED_BELOW = 0.5;

/** What the person said in their own conversations after the last look back (or `after`), oldest first. What others said there is left out. */
export async function listOwnMessages(
  db: Db,
  scope: Scope,
  page: { limit: number; after?: number | undefined; turn?: TurnId | undefined },
): Promise<readonly OwnMessage[]> {
  if (isGroupScope(scope)) return [];
  const after = page.after ?? (await readThrough(db, scope));
  let query = db.query
    .selectFrom('messages')
    .innerJoin('sessions', 'sessions.id', 'messages.session_id')
    .leftJoin('turns', 'turns.id', 'messages.turn_id')
    .select([
      'messages.id',
      'messages.session_id',
      'messages.turn_id',
      'messages.text',
      'turns.platform',
      'messages.created_at',
    ])
    .select((eb) =>
      eb
        .exists(
          eb
            .selectFrom('claim_evidence')
            .select('claim_evidence.id')
            .whereRef('claim_evidence.message_id', '=', 'messages.id')
            .where('claim_evidence.person_id', '=', scope.person),
        )
        .as('is_cited'),
    )
    .where('messages.space_id', '=', scope.space)
    .where('messages.role', '=', 'user')
    .where('messages.origin', 'in', ['owner', 'member'])
    .where('messages.state', '<>', 'undone')
    .where('messages.text', '<>', '')
    .where('sessions.task_id', 'is', null)
    .where('messages.id', '>', after)
    .orderBy('messages.id')
    .limit(page.limit);
  if (page.turn !== undefined) query = query.where('messages.turn_id', '=', page.turn);
  const rows = await query.execute();
  return rows.map((row) => ({
    id: row.id,
    session: row.session_id,
    turn: row.turn_id ?? undefined,
    text: row.text,
    platform: row.platform ?? undefined,
    saidAt: row.created_at,
    isCited: Boolean(row.is_cited),
  }));
}

/**
 * Applies changes that cite `messages`, whose texts hold the person's own words and nothing else, in one transaction. The same change of the
 * same message counts once. `through`: up to this message nothing needs to be looked at again.
 */
export async function reviseClaims(
  db: Db,
  scope: Scope,
  {
    changes,
    messages,
    through,
  }: { changes: readonly ClaimChange[]; messages: readonly OwnMessage[]; through?: number | undefined },
): Promise<RevisionResult> {
  if (isGroupScope(scope)) return { applied: 0, dropped: changes.length };
  const known = await listOwnIds(db, scope, messages);
  const cited = new Map(messages.filter(({ id }) => known.has(id)).map((message) => [message.id, message]));
  return db.query.transaction().execute(async (trx) => {
    let applied = 0;
    for (const change of changes) {
      const message = cited.get(change.cites.message);
      if (!message || !holdsQuote(message.text, change.cites.quote)) continue;
      if (await applyChange(trx, db, scope, { change, message })) applied++;
    }
    if (through !== undefined)
      await trx
        .insertInto('profile_state')
        .values({ person_id: scope.person, through })
        .onConflict((conflict) => conflict.column('person_id').doUpdateSet({ through }))
        .execute();
    return { applied, dropped: changes.length - applied };
  });
}

/** Whichever texts a caller hands in: only messages that are the person's own count. */
async function listOwnIds(db: Db, scope: Scope, messages: readonly OwnMessage[]): Promise<ReadonlySet<number>> {
  const rows = await db.query
    .selectFrom('messages')
    .select('id')
    .where('space_id', '=', scope.space)
    .where('role', '=', 'user')
    .where('origin', 'in', ['owner', 'member'])
    .where('state', '<>', 'undone')
    .where(
      'id',
      'in',
      messages.map(({ id }) => id),
    )
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/** Whether the quote stands in the text, letter by letter but for case and spaces; a few letters stand anywhere. */
function holdsQuote(text: string, quote: string): boolean {
  const plain = (words: string) => words.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
  const [said, wanted] = [plain(text), plain(quote)];
  return (
    wanted !== '' && said.includes(wanted) && (wanted.length >= MIN_QUOTE_CHARS || wanted === said || isDense(wanted))
  );
}

/** Few signs say much in scripts without spaces. */
function isDense(text: string): boolean {
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]{2}/u.test(text);
}

interface Applied {
  change: ClaimChange;
  message: OwnMessage;
}

async function applyChange(trx: Query, db: Db, scope: Scope, { change, message }: Applied): Promise<boolean> {
  const row = await findClaim(trx, scope, change.op === 'new' ? change.text : change.claim);
  if (!row && change.op !== 'new') return false;
  if (row?.is_fixed === 1) return false;
  const now = db.clock.now();
  const id =
    row?.id ??
    (change.op === 'new' ? await addClaim(trx, scope, { ...change, now, seenAt: message.saidAt }) : undefined);
  if (id === undefined) return false;
  const side = change.op === 'new' || change.op === 'support' ? 'for' : 'against';
  const added = await trx
    .insertInto('claim_evidence')
    .values({
      claim_id: id,
      person_id: scope.person,
      message_id: message.id,
      turn_id: message.turn ?? null,
      side,
      source: 'said',
      quote: claimText(change.cites.quote),
      weight: Math.min(MAX_WEIGHT, Math.max(0, change.cites.weight)),
      platform: message.platform ?? null,
      said_at: message.saidAt,
      created_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (added.numInsertedOrUpdatedRows === 0n) return false;
  const isRetracted = change.op === 'retire' || (await meanOf(trx, id, now)) < RETRACTED_BELOW - 0.15;
  await trx
    .updateTable('claims')
    .set({
      state: side === 'against' && isRetracted ? 'retracted' : 'active',
      ...(side === 'for' && { seen_at: Math.max(message.saidAt, row?.seen_at ?? 0) }),
      changed_at: now,
    })
    .where('id', '=', id)
    .where('person_id', '=', scope.person)
    .execute();
  return true;
}

async function findClaim(trx: Query, scope: Scope, claim: number | string) {
  const query = trx.selectFrom('claims').select(['id', 'is_fixed', 'seen_at']).where('person_id', '=', scope.person);
  return (
    typeof claim === 'number' ? query.where('id', '=', claim) : query.where('key', '=', claimKey(claimText(claim)))
  ).executeTakeFirst();
}

async function addClaim(
  trx: Query,
  scope: Scope,
  { kind, text, now, seenAt }: { kind: ClaimKind; text: string; now: number; seenAt: number },
): Promise<number | undefined> {
  const clean = claimText(text);
  const key = claimKey(clean);
  if (key === '') return undefined;
  const { id } = await trx
    .insertInto('claims')
    .values({
      person_id: scope.person,
      kind,
      text: clean,
      key,
      state: 'active',
      replaced_by: null,
      created_at: now,
      seen_at: seenAt,
      changed_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

async function meanOf(trx: Query, id: number, now: number): Promise<number> {
  const { kind } = await trx.selectFrom('claims').select('kind').where('id', '=', id).executeTakeFirstOrThrow();
  const evidence = await trx
    .selectFrom('claim_evidence')
    .select(['side', 'weight', 'said_at as saidAt'])
    .where('claim_id', '=', id)
    .execute();
  return believe(weigh(kind, evidence, now)).mean;
}

async function readThrough(db: Db, scope: Scope): Promise<number> {
  const row = await db.query
    .selectFrom('profile_state')
    .select('through')
    .where('person_id', '=', scope.person)
    .executeTakeFirst();
  return row?.through ?? 0;
}
