// Standing rules of a person or group: their words, and what was made of them. They only ever hold back.
import type { Db } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import { newRowId } from '../row-id.ts';
import type { Scope } from '../scope.ts';

export interface StoredRule {
  id: string;
  words: string;
  verdict: 'ask' | 'deny';
  /** JSON; agent/policy/rules.ts reads it. */
  spec: string;
  createdAt: number;
}

/** Rules of one space; more would make no one safer. */
const MAX_RULES = 100;

/** Adds a rule; undefined when there are too many. */
export async function addRule(
  db: Db,
  scope: Scope,
  rule: Pick<StoredRule, 'words' | 'verdict' | 'spec'>,
): Promise<StoredRule | undefined> {
  const now = db.clock.now();
  if ((await listRules(db, scope)).length >= MAX_RULES) return undefined;
  const stored = { ...rule, id: newRowId(now), createdAt: now };
  await db.query
    .insertInto('rules')
    .values({
      id: stored.id,
      space_id: scope.space,
      person_id: scope.person,
      words: rule.words,
      verdict: rule.verdict,
      spec: rule.spec,
      created_at: now,
      removed_at: null,
    })
    .execute();
  return stored;
}

const kept = makeKeeper<readonly StoredRule[]>('rules');

/** What holds in this space, whoever of it made it; oldest first. */
export async function listRules(db: Db, scope: Scope): Promise<readonly StoredRule[]> {
  return kept(db, scope.space, () => readRules(db, scope));
}

async function readRules(db: Db, scope: Scope): Promise<readonly StoredRule[]> {
  const rows = await db.query
    .selectFrom('rules')
    .select(['id', 'words', 'verdict', 'spec', 'created_at'])
    .where('space_id', '=', scope.space)
    .where('removed_at', 'is', null)
    .orderBy('id')
    .execute();
  return rows.map(({ created_at: createdAt, ...row }) => ({ ...row, createdAt }));
}

/** Takes a rule of this space back; only the person who made it can. */
export async function removeRule(db: Db, scope: Scope, id: string): Promise<boolean> {
  const result = await db.query
    .updateTable('rules')
    .set({ removed_at: db.clock.now() })
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
