// How the functions of data/review are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import {
  beginReview,
  clearReviewDue,
  countUnreviewedTurns,
  endReview,
  getReviewMark,
  listReviews,
  markDue,
  postponeReview,
  setReviewDue,
} from '../../../data/review/marks.ts';
import { addReviewNews, lastToldAt, listUntoldNews, markNewsTold } from '../../../data/review/news.ts';
import { addPattern, findPattern } from '../../../data/review/patterns.ts';
import { turnId } from '../../../shared/ids.ts';
import type { Place } from '../scope-world.ts';
import { DUE } from './review-world.ts';

/** What was found says nothing of whose it is: the mark of the place stands for it. */
const found = (of: Place, what: unknown) => (what === undefined ? [] : of.spaceMark);

const nothing = { kept: 0, pending: 0, drafts: 0, detail: '' };

export const reviewProbes = {
  'review/marks.ts': {
    getReviewMark: async (db: Db, me: Place, target: Place) =>
      found(target, await getReviewMark(db, me.scope, target.idle)),
    markDue: (db: Db, me: Place, target: Place) =>
      markDue(db, me.scope, { session: target.idle, dueAt: 9, cause: 'turns', takesOver: true }),
    setReviewDue: (db: Db, me: Place, target: Place) =>
      setReviewDue(db, me.scope, target.idle, { dueAt: 9, cause: 'turns' }),
    countUnreviewedTurns: async (db: Db, me: Place, target: Place) =>
      found(target, (await countUnreviewedTurns(db, me.scope, target.idle)) || undefined),
    clearReviewDue: (db: Db, me: Place, target: Place) => clearReviewDue(db, me.scope, target.idle, DUE),
    postponeReview: (db: Db, me: Place, target: Place) =>
      postponeReview(db, me.scope, target.idle, { notBefore: 9, failed: true }),
    beginReview: (db: Db, me: Place, target: Place) =>
      beginReview(db, me.scope, { session: target.idle, from: 0, through: 1, cause: 'idle' }),
    endReview: (db: Db, me: Place, target: Place) =>
      endReview(db, me.scope, target.review, { ...nothing, state: 'done', through: 1, dueAt: DUE }),
    listReviews: async (db: Db, me: Place) => {
      const reviews = await listReviews(db, me.scope, { limit: 10 });
      return [reviews, found(me, reviews[0])];
    },
  },
  'review/patterns.ts': {
    addPattern: (db: Db, me: Place, target: Place) =>
      addPattern(db, me.scope, { session: target.idle, turn: turnId('mine'), steps: 'mine' }),
    findPattern: async (db: Db, me: Place, target: Place) =>
      found(target, (await findPattern(db, me.scope, target.spaceMark, 10))[0]),
  },
  'review/news.ts': {
    addReviewNews: (db: Db, me: Place) =>
      addReviewNews(db, me.scope, { key: 'mine', session: me.idle, kind: 'memory', text: 'mine' }),
    listUntoldNews: (db: Db, me: Place) => listUntoldNews(db, me.scope),
    markNewsTold: (db: Db, me: Place, target: Place) =>
      markNewsTold(db, me.scope, `untold ${target.spaceMark} ${target.personMark}`),
    lastToldAt: async (db: Db, me: Place) => found(me, await lastToldAt(db, me.scope)),
  },
};
