// What looking back leaves in the world of scope-world.ts.
import type { Db } from '../../../data/db.ts';
import { beginReview, setReviewDue } from '../../../data/review/marks.ts';
import { addReviewNews, markNewsTold } from '../../../data/review/news.ts';
import { addPattern } from '../../../data/review/patterns.ts';
import type { Scope } from '../../../data/scope.ts';
import type { SessionId, TurnId } from '../../../shared/ids.ts';

/** When the review of the world is due. */
export const DUE = 5;

/** What looking back has left in a space of the world; the id of its running review. */
export async function fillReview(
  db: Db,
  place: { scope: Scope; idle: SessionId; idleTurn: TurnId; spaceMark: string; personMark: string },
): Promise<number> {
  const { scope, idle: session, idleTurn: turn, spaceMark, personMark } = place;
  await setReviewDue(db, scope, session, { dueAt: DUE, cause: 'idle' });
  await addPattern(db, scope, { session, turn, steps: spaceMark });
  for (const part of ['told', 'untold']) {
    const key = `${part} ${spaceMark} ${personMark}`;
    await addReviewNews(db, scope, {
      key,
      session,
      kind: 'skill',
      skill: spaceMark,
      text: `${spaceMark} ${personMark}`,
    });
  }
  await markNewsTold(db, scope, `told ${spaceMark} ${personMark}`);
  const begun = await beginReview(db, scope, { session, from: 0, through: 1, cause: 'idle' });
  return begun?.id ?? 0;
}
