// Revisions of skills, per space: each with all of its files, so that none depends on what its folder holds later.
import type { Selectable } from 'kysely';
import { sha256Hex } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import { turnId, type SessionId, type TurnId } from '../../shared/ids.ts';
import type { Db, Query } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import { newRowId } from '../row-id.ts';
import type { Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';
import type { SkillAuthorRow, SkillRevisionState } from './tables.ts';

export interface StoredRevision {
  id: string;
  skill: string;
  number: number;
  parent: string | undefined;
  author: SkillAuthorRow;
  reason: string;
  turns: readonly TurnId[];
  session: SessionId | undefined;
  isForeign: boolean;
  isDeletion: boolean;
  category: string | undefined;
  trust: 'own' | 'community';
  state: SkillRevisionState;
  findings: string;
  createdAt: number;
  decidedAt: number | undefined;
  /** Why it is in its state; '' when nobody said. */
  decidedWhy: string;
}

export interface RevisionFile {
  path: string;
  content: Buffer;
}

export type NewRevision = Pick<
  StoredRevision,
  | 'skill'
  | 'parent'
  | 'author'
  | 'reason'
  | 'turns'
  | 'session'
  | 'isForeign'
  | 'isDeletion'
  | 'category'
  | 'trust'
  | 'state'
  | 'findings'
> & {
  files: readonly RevisionFile[];
  /** States that revisions of the skill had when this one was made; when they are others now, it is not stored. */
  seen: string;
  /** Proposal that this one takes the place of. */
  replaces?: string | undefined;
};

/** In force, or about to be: what a list of skills is made of. */
const LIVE: readonly SkillRevisionState[] = ['active', 'trial', 'archived'];

const keepLive = makeKeeper<readonly (StoredRevision & { text: string })[]>('skill_revisions', 'skill_files');

/** Revisions in force, on trial or put away, with their SKILL.md ('' for a deletion); kept in memory until something is written. */
export async function listLiveRevisions(db: Db, scope: Scope): Promise<readonly (StoredRevision & { text: string })[]> {
  return keepLive(db, scope.space, async () => {
    const rows = await db.query
      .selectFrom('skill_revisions')
      .leftJoin('skill_files', (join) =>
        join.onRef('skill_files.revision_id', '=', 'skill_revisions.id').on('skill_files.path', '=', 'SKILL.md'),
      )
      .leftJoin('skill_blobs', (join) =>
        join
          .onRef('skill_blobs.hash', '=', 'skill_files.hash')
          .onRef('skill_blobs.space_id', '=', 'skill_files.space_id'),
      )
      .selectAll('skill_revisions')
      .select('skill_blobs.content')
      .where('skill_revisions.space_id', '=', scope.space)
      .where('skill_revisions.state', 'in', LIVE)
      .orderBy('skill_revisions.id')
      .execute();
    return rows.map((row) => ({ ...revisionOf(row), text: row.content?.toString('utf8') ?? '' }));
  });
}

/** Oldest first; of one skill, or of all. */
export async function listRevisions(db: Db, scope: Scope, skill?: string): Promise<readonly StoredRevision[]> {
  let query = db.query.selectFrom('skill_revisions').selectAll().where('space_id', '=', scope.space);
  if (skill !== undefined) query = query.where('skill', '=', skill);
  return (await query.orderBy('id').execute()).map(revisionOf);
}

export async function getRevision(db: Db, scope: Scope, id: string): Promise<StoredRevision | undefined> {
  const row = await db.query
    .selectFrom('skill_revisions')
    .selectAll()
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
  return row && revisionOf(row);
}

/** Files of a revision by path; empty for a deletion, or when there is no such revision here. */
export async function readRevisionFiles(db: Db, scope: Scope, id: string): Promise<readonly RevisionFile[]> {
  return db.query
    .selectFrom('skill_files')
    .innerJoin('skill_blobs', (join) =>
      join
        .onRef('skill_blobs.hash', '=', 'skill_files.hash')
        .onRef('skill_blobs.space_id', '=', 'skill_files.space_id'),
    )
    .select(['skill_files.path', 'skill_blobs.content'])
    .where('skill_files.revision_id', '=', id)
    .where('skill_files.space_id', '=', scope.space)
    .orderBy('skill_files.path')
    .execute();
}

/** What `NewRevision.seen` is compared with: who is in force, on trial or proposed. */
export function seenStates(revisions: readonly StoredRevision[]): string {
  return revisions
    .filter(({ state }) => state === 'proposed' || LIVE.includes(state))
    .map(({ id, state }) => `${id} ${state}`)
    .join('\n');
}

/** Stores it with its files, and puts what it takes the place of out of force. Rejects with `bad_input` when the skill has changed meanwhile. */
export async function addRevision(db: Db, scope: Scope, revision: NewRevision): Promise<StoredRevision> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const known = await revisionsOf(trx, scope, revision.skill);
    if (seenStates(known) !== revision.seen)
      throw new AppError(
        'bad_input',
        `The skill ${revision.skill} was changed by somebody else just now. Nothing was stored; look at it again.`,
        { retryable: true },
      );
    const row = {
      id: newRowId(now),
      space_id: scope.space,
      person_id: scope.person,
      skill: revision.skill,
      number: (known.at(-1)?.number ?? 0) + 1,
      parent_id: revision.parent ?? null,
      author: revision.author,
      reason: revision.reason,
      turns: JSON.stringify(revision.turns),
      session_id: revision.session ?? null,
      is_foreign: revision.isForeign ? 1 : 0,
      is_deletion: revision.isDeletion ? 1 : 0,
      category: revision.category ?? null,
      trust: revision.trust,
      state: revision.state,
      findings: revision.findings,
      created_at: now,
      decided_at: revision.state === 'proposed' ? null : now,
      decided_why: '',
    };
    await supersede(trx, known, { state: revision.state, id: row.id, now });
    if (known.some(({ id }) => id === revision.replaces) && revision.replaces !== undefined)
      await setStates(trx, [revision.replaces], { state: 'superseded', why: `replaced by ${row.id}`, now });
    await trx.insertInto('skill_revisions').values(row).execute();
    await insertFiles(trx, scope, { id: row.id, files: revision.files });
    return revisionOf(row);
  });
}

async function insertFiles(
  trx: Query,
  scope: Scope,
  { id, files }: { id: string; files: readonly RevisionFile[] },
): Promise<void> {
  for (const { path, content } of files) {
    const hash = sha256Hex(content);
    await trx
      .insertInto('skill_blobs')
      .values({ space_id: scope.space, hash, content })
      .onConflict((conflict) => conflict.columns(['space_id', 'hash']).doNothing())
      .execute();
    await trx
      .insertInto('skill_files')
      .values({ revision_id: id, space_id: scope.space, path, hash, bytes: content.length })
      .execute();
  }
}

/** Ends of a revision: only `rollbackSkill` leads back from them. */
const ENDS: readonly SkillRevisionState[] = ['superseded', 'rolled_back', 'rejected'];

/**
 * Another state for a revision; what it takes the place of goes out of force with it. False when it is not of this space. Rejects with
 * AppError `bad_input` when it was decided meanwhile: of a yes and a no at the same time the first one counts.
 */
export async function setRevisionState(
  db: Db,
  scope: Scope,
  id: string,
  change: { state: SkillRevisionState; why: string },
): Promise<boolean> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('skill_revisions')
      .select(['skill', 'state'])
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    if (!row) return false;
    if (ENDS.includes(row.state) || (change.state === 'rejected' && row.state !== 'proposed'))
      throw new AppError('bad_input', `This version of ${row.skill} was decided just now. Nothing was changed.`);
    await supersede(trx, await revisionsOf(trx, scope, row.skill), { state: change.state, id, now });
    await setStates(trx, [id], { ...change, now });
    return true;
  });
}

/** Puts `to` in force (undefined: none) and takes out of force what is. Returns the ids that were taken out. */
export async function rollbackSkill(
  db: Db,
  scope: Scope,
  skill: string,
  change: { to: string | undefined; why: string },
): Promise<readonly string[]> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const known = await revisionsOf(trx, scope, skill);
    const out = known.filter(({ id, state }) => LIVE.includes(state) && id !== change.to).map(({ id }) => id);
    await setStates(trx, out, { state: 'rolled_back', why: change.why, now });
    const target = known.find(({ id }) => id === change.to);
    if (target) await setStates(trx, [target.id], { state: 'active', why: change.why, now });
    return out;
  });
}

/** One active revision and one on trial at most. */
async function supersede(
  trx: Query,
  known: readonly StoredRevision[],
  { state, id, now }: { state: SkillRevisionState; id: string; now: number },
): Promise<void> {
  const replaced: readonly SkillRevisionState[] =
    state === 'active' ? LIVE : state === 'archived' ? ['active', 'trial'] : state === 'trial' ? ['trial'] : [];
  const out = known.filter((one) => one.id !== id && replaced.includes(one.state)).map((one) => one.id);
  await setStates(trx, out, { state: 'superseded', why: `replaced by ${id}`, now });
}

async function setStates(
  trx: Query,
  ids: readonly string[],
  { state, why, now }: { state: SkillRevisionState; why: string; now: number },
): Promise<void> {
  if (ids.length === 0) return;
  await trx
    .updateTable('skill_revisions')
    .set({ state, decided_at: now, decided_why: why })
    .where('id', 'in', ids)
    .execute();
}

async function revisionsOf(trx: Query, scope: Scope, skill: string): Promise<readonly StoredRevision[]> {
  const rows = await trx
    .selectFrom('skill_revisions')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('skill', '=', skill)
    .orderBy('number')
    .execute();
  return rows.map(revisionOf);
}

function revisionOf(row: Selectable<Tables['skill_revisions']>): StoredRevision {
  const turns: unknown = JSON.parse(row.turns);
  return {
    id: row.id,
    skill: row.skill,
    number: row.number,
    parent: row.parent_id ?? undefined,
    author: row.author,
    reason: row.reason,
    turns: Array.isArray(turns) ? turns.map((turn) => turnId(String(turn))) : [],
    session: row.session_id ?? undefined,
    isForeign: row.is_foreign === 1,
    isDeletion: row.is_deletion === 1,
    category: row.category ?? undefined,
    trust: row.trust,
    state: row.state,
    findings: row.findings,
    createdAt: row.created_at,
    decidedAt: row.decided_at ?? undefined,
    decidedWhy: row.decided_why,
  };
}
