// What prompts say of a person: the surest claims in few words, the same throughout a session.
import type { SessionId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import { isGroupScope, type Scope } from '../scope.ts';
import { listClaims, type Claim } from './claims.ts';

/** Less sure claims are not for prompts. */
const MIN_MEAN = 0.6;
/** What a line takes beside its text: "- " and its end. */
const LINE_CHARS = 3;

export interface ProfileSnapshot {
  text: string;
  madeAt: number;
}

/** The surest claims, one on a line, in at most `maxChars`; ties go to what was seen last. Nothing in a group. */
export async function profileLines(db: Db, scope: Scope, maxChars: number): Promise<readonly string[]> {
  const claims = (await listClaims(db, scope))
    .filter((claim) => claim.state === 'active' && claim.confidence.mean >= MIN_MEAN)
    .sort((a, b) => Number(b.isFixed) - Number(a.isFixed) || score(b) - score(a) || b.seenAt - a.seenAt);
  const lines: string[] = [];
  let left = maxChars;
  for (const { text } of claims) {
    if (text.length + LINE_CHARS > left) continue;
    left -= text.length + LINE_CHARS;
    lines.push(text);
  }
  return lines;
}

/** What holds for sure at least; in steps, so that a little more evidence does not change the order. */
function score({ confidence }: Claim): number {
  return Math.round(confidence.low * 10);
}

const keepSnapshots = makeKeeper<ProfileSnapshot | undefined>('profile_snapshots');

export async function getProfileSnapshot(
  db: Db,
  scope: Scope,
  session: SessionId,
): Promise<ProfileSnapshot | undefined> {
  if (isGroupScope(scope)) return undefined;
  return keepSnapshots(db, `${scope.person}\u001f${session}`, async () => {
    const row = await db.query
      .selectFrom('profile_snapshots')
      .select(['text', 'made_at'])
      .where('session_id', '=', session)
      .where('person_id', '=', scope.person)
      .executeTakeFirst();
    return row && { text: row.text, madeAt: row.made_at };
  });
}

/** Keeps the first one of a session; returns the one that counts. Nothing is kept for a session that is not of the scope. */
export async function keepProfileSnapshot(
  db: Db,
  scope: Scope,
  session: SessionId,
  text: string,
): Promise<ProfileSnapshot> {
  const madeAt = db.clock.now();
  if (isGroupScope(scope)) return { text: '', madeAt };
  await db.query
    .insertInto('profile_snapshots')
    .columns(['session_id', 'person_id', 'text', 'made_at'])
    .expression((eb) =>
      eb
        .selectFrom('sessions')
        .select((inner) => [
          'sessions.id',
          inner.val(scope.person).as('person'),
          inner.val(text).as('text'),
          inner.val(madeAt).as('made'),
        ])
        .where('sessions.id', '=', session)
        .where('sessions.space_id', '=', scope.space),
    )
    .onConflict((conflict) => conflict.column('session_id').doNothing())
    .execute();
  return (await getProfileSnapshot(db, scope, session)) ?? { text, madeAt };
}

/** The session is told anew at its next turn. */
export async function dropProfileSnapshot(db: Db, scope: Scope, session: SessionId): Promise<void> {
  if (isGroupScope(scope)) return;
  await db.query
    .deleteFrom('profile_snapshots')
    .where('session_id', '=', session)
    .where('person_id', '=', scope.person)
    .execute();
}
