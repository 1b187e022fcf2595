// What is known of a person: claims with their evidence, and what the person says of them, which wins for good. A group has none: in the
// scope of one nothing is read and nothing is written.
import type { Selectable } from 'kysely';
import { cleanText, preview } from '../../shared/text.ts';
import type { Db, Query } from '../db.ts';
import { foldText } from '../derived/search-text.ts';
import { makeKeeper } from '../query/keep.ts';
import { isGroupScope, type Scope } from '../scope.ts';
import { believe, certain, weigh, type Confidence } from './confidence.ts';
import type { ClaimKind, ClaimState, ProfileTables } from './tables.ts';

export interface Claim {
  id: number;
  kind: ClaimKind;
  text: string;
  state: ClaimState;
  confidence: Confidence;
  /** The person's own word. */
  isFixed: boolean;
  /** Times in ms since the epoch: last evidence for it; last change. */
  seenAt: number;
  changedAt: number;
}

export interface Evidence {
  side: 'for' | 'against';
  /** said: in a conversation · corrected: to Herald about the claim itself. */
  source: 'said' | 'corrected';
  quote: string;
  weight: number;
  platform: string | undefined;
  message: number | undefined;
  saidAt: number;
}

export const MAX_CLAIM_CHARS = 160;
/** The latest claims of a person are looked at; the rest is as good as forgotten. */
const MAX_CLAIMS = 500;
/** Below this a claim is doubtful. Without any evidence it would be 0.5. */
const DOUBTFUL = 0.55;
/** What the person says of a claim outweighs all that could be gathered. */
const CORRECTION_WEIGHT = 1_000_000;

/** All claims of the person, surest first; corrected and retracted ones too. */
export async function listClaims(db: Db, scope: Scope): Promise<readonly Claim[]> {
  if (isGroupScope(scope)) return [];
  const now = db.clock.now();
  return (await keepWeighed(db, scope.person, () => readWeighed(db, scope)))
    .map(({ row, evidence }) => claimOf(row, believeRow(row, evidence, now)))
    .sort((a, b) => Number(b.isFixed) - Number(a.isFixed) || b.confidence.mean - a.confidence.mean || b.id - a.id);
}

interface WeighedRow {
  row: ClaimRow;
  evidence: Parameters<typeof weigh>[1];
}

// Kept is what was said; what it is worth changes with time.
const keepWeighed = makeKeeper<readonly WeighedRow[]>('claims', 'claim_evidence');

async function readWeighed(db: Db, scope: Scope): Promise<readonly WeighedRow[]> {
  const rows = await db.query
    .selectFrom('claims')
    .selectAll()
    .where('person_id', '=', scope.person)
    .orderBy('id', 'desc')
    .limit(MAX_CLAIMS)
    .execute();
  if (rows.length === 0) return [];
  const evidence = await db.query
    .selectFrom('claim_evidence')
    .innerJoin('claims', 'claims.id', 'claim_evidence.claim_id')
    .select(['claim_id', 'side', 'weight', 'said_at as saidAt'])
    .where('claims.person_id', '=', scope.person)
    .execute();
  const byClaim = Map.groupBy(evidence, (one) => one.claim_id);
  return rows.map((row) => ({ row, evidence: byClaim.get(row.id) ?? [] }));
}

/** A claim with all that speaks for and against it, latest first; undefined when the person has none of that number. */
export async function getClaim(
  db: Db,
  scope: Scope,
  id: number,
): Promise<{ claim: Claim; evidence: readonly Evidence[] } | undefined> {
  const claim = (await listClaims(db, scope)).find((one) => one.id === id);
  if (!claim) return undefined;
  const rows = await db.query
    .selectFrom('claim_evidence')
    .selectAll()
    .where('claim_id', '=', id)
    .where('person_id', '=', scope.person)
    .orderBy('said_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  return {
    claim,
    evidence: rows.map((row) => ({
      side: row.side,
      source: row.source,
      quote: row.quote,
      weight: row.weight,
      platform: row.platform ?? undefined,
      message: row.message_id ?? undefined,
      saidAt: row.said_at,
    })),
  };
}

/** What the person says of themselves; it stands until they say otherwise. Undefined in a group, or when nothing is left of the words. */
export async function addOwnClaim(
  db: Db,
  scope: Scope,
  claim: { kind: ClaimKind; text: string },
): Promise<number | undefined> {
  if (isGroupScope(scope)) return undefined;
  return db.query.transaction().execute((trx) => fixClaim(trx, db, scope, claim));
}

/**
 * The person says that a claim is wrong, and how it is instead. Neither comes back by itself. False when there is no such claim.
 */
export async function correctClaim(db: Db, scope: Scope, id: number, right: string | undefined): Promise<boolean> {
  if (isGroupScope(scope)) return false;
  return db.query.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('claims')
      .selectAll()
      .where('id', '=', id)
      .where('person_id', '=', scope.person)
      .executeTakeFirst();
    if (!row) return false;
    const instead = right === undefined ? undefined : await fixClaim(trx, db, scope, { kind: row.kind, text: right });
    if (instead === id) return true;
    const now = db.clock.now();
    await trx
      .updateTable('claims')
      .set({ state: 'corrected', is_fixed: 1, replaced_by: instead ?? null, changed_at: now })
      .where('id', '=', id)
      .where('person_id', '=', scope.person)
      .execute();
    await addCorrection(trx, db, scope, { claim: id, side: 'against', quote: right ?? 'That is wrong.' });
    return true;
  });
}

/** Deletes a claim with its evidence, and what was made of it. False when there is no such claim. */
export async function forgetClaim(db: Db, scope: Scope, id: number): Promise<boolean> {
  if (isGroupScope(scope)) return false;
  return db.query.transaction().execute(async (trx) => {
    const result = await trx
      .deleteFrom('claims')
      .where('id', '=', id)
      .where('person_id', '=', scope.person)
      .executeTakeFirst();
    if (result.numDeletedRows === 0n) return false;
    // Prompts of conversations that go on would say it still.
    await trx.deleteFrom('profile_snapshots').where('person_id', '=', scope.person).execute();
    return true;
  });
}

/** One line without control characters. */
export function claimText(text: string): string {
  return preview(cleanText(text), MAX_CLAIM_CHARS);
}

/** Claims with the same key are the same. */
export function claimKey(text: string): string {
  return foldText(text)
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, ' ')
    .trim();
}

async function fixClaim(
  trx: Query,
  db: Db,
  scope: Scope,
  { kind, text }: { kind: ClaimKind; text: string },
): Promise<number | undefined> {
  const clean = claimText(text);
  const key = claimKey(clean);
  if (key === '') return undefined;
  const now = db.clock.now();
  const fixed = {
    state: 'active' as const,
    is_fixed: 1,
    replaced_by: null,
    text: clean,
    seen_at: now,
    changed_at: now,
  };
  const { id } = await trx
    .insertInto('claims')
    .values({ person_id: scope.person, kind, key, created_at: now, ...fixed })
    .onConflict((conflict) => conflict.columns(['person_id', 'key']).doUpdateSet(fixed))
    .returning('id')
    .executeTakeFirstOrThrow();
  await addCorrection(trx, db, scope, { claim: id, side: 'for', quote: clean });
  return id;
}

async function addCorrection(
  trx: Query,
  db: Db,
  scope: Scope,
  { claim, side, quote }: { claim: number; side: 'for' | 'against'; quote: string },
): Promise<void> {
  const now = db.clock.now();
  await trx
    .insertInto('claim_evidence')
    .values({
      claim_id: claim,
      person_id: scope.person,
      message_id: null,
      turn_id: null,
      side,
      source: 'corrected',
      quote: claimText(quote),
      weight: CORRECTION_WEIGHT,
      platform: null,
      said_at: now,
      created_at: now,
    })
    .execute();
}

type ClaimRow = Selectable<ProfileTables['claims']>;

function believeRow(row: ClaimRow, evidence: Parameters<typeof weigh>[1], now: number): Confidence {
  if (row.is_fixed === 1) return row.state === 'corrected' ? { mean: 0, low: 0, high: 0 } : certain;
  return believe(weigh(row.kind, evidence, now));
}

function claimOf(row: ClaimRow, confidence: Confidence): Claim {
  const isOpen = row.is_fixed === 0 && (row.state === 'active' || row.state === 'doubtful');
  return {
    id: row.id,
    kind: row.kind,
    text: row.text,
    // With time, evidence fades without anybody writing it down.
    state: isOpen ? (confidence.mean < DOUBTFUL ? 'doubtful' : 'active') : row.state,
    confidence,
    isFixed: row.is_fixed === 1,
    seenAt: row.seen_at,
    changedAt: row.changed_at,
  };
}
