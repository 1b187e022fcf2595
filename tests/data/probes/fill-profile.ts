// What a place of the world holds of the model of its person; see scope-world.ts.
import type { Db } from '../../../data/db.ts';
import { addOwnClaim } from '../../../data/profile/claims.ts';
import { keepProfileSnapshot } from '../../../data/profile/snapshots.ts';
import type { Speaker } from '../conversation.ts';

/** A claim of the place's person, and what its session was told of it; the claim's id, 0 in a group. */
export async function fillProfile(
  db: Db,
  { scope, session, spaceMark }: Pick<Speaker, 'scope' | 'session'> & { spaceMark: string },
): Promise<number> {
  const id = await addOwnClaim(db, scope, { kind: 'fact', text: `known ${spaceMark}` });
  if (id !== undefined) await keepProfileSnapshot(db, scope, session.id, `told ${spaceMark}`);
  return id ?? 0;
}
