// How the functions of data/review are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import {
  beginReview,
  clearReviewDue,
  countUnreviewedTurns,
  endReview,
  getReviewMark,
  listReviews,
  postponeReview,
  setReviewDue,
} from '../../../data/review/marks.ts';
import { addReviewNews, lastToldAt, listUntoldNews, markNewsTold } from '../../../data/review/news.ts';
import { addPattern, findPattern } from '../../../data/review/patterns.ts';
import { turnId } from '../../../shared/ids.ts';
import type { Place } from '../scope-world.ts';

const DUE = 5;

/** What looking back has left in a space of the world; the id of its running review. */
export async function fillReview(
  db: Db,
  place: Pick<Place, 'scope' | 'idle' | 'idleTurn' | 'spaceMark' | 'personMark'>,
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

const nothing = { kept: 0, pending: 0, drafts: 0, detail: '' };

export const reviewProbes = {
  'review/marks.ts': {
    getReviewMark: (db: Db, me: Place, target: Place) => getReviewMark(db, me.scope, target.idle),
    setReviewDue: (db: Db, me: Place, target: Place) =>
      setReviewDue(db, me.scope, target.idle, { dueAt: 9, cause: 'turns' }),
    countUnreviewedTurns: (db: Db, me: Place, target: Place) => countUnreviewedTurns(db, me.scope, target.idle),
    clearReviewDue: (db: Db, me: Place, target: Place) => clearReviewDue(db, me.scope, target.idle, DUE),
    postponeReview: (db: Db, me: Place, target: Place) =>
      postponeReview(db, me.scope, target.idle, { notBefore: 9, failed: true }),
    beginReview: (db: Db, me: Place, target: Place) =>
      beginReview(db, me.scope, { session: target.idle, from: 0, through: 1, cause: 'idle' }),
    endReview: (db: Db, me: Place, target: Place) =>
      endReview(db, me.scope, target.review, { ...nothing, state: 'done', through: 1, dueAt: DUE }),
    listReviews: (db: Db, me: Place) => listReviews(db, me.scope, { limit: 10 }),
  },
  'review/patterns.ts': {
    addPattern: (db: Db, me: Place, target: Place) =>
      addPattern(db, me.scope, { session: target.idle, turn: turnId('mine'), steps: 'mine' }),
    findPattern: (db: Db, me: Place, target: Place) => findPattern(db, me.scope, target.spaceMark, 10),
  },
  'review/news.ts': {
    addReviewNews: (db: Db, me: Place) =>
      addReviewNews(db, me.scope, { key: 'mine', session: me.idle, kind: 'memory', text: 'mine' }),
    listUntoldNews: (db: Db, me: Place) => listUntoldNews(db, me.scope),
    markNewsTold: (db: Db, me: Place, target: Place) =>
      markNewsTold(db, me.scope, `untold ${target.spaceMark} ${target.personMark}`),
    lastToldAt: (db: Db, me: Place) => lastToldAt(db, me.scope),
  },
};
