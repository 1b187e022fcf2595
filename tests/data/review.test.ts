// What is due to be looked back at, over all people, and how long what came of it is kept.
import { describe, expect, test } from 'vitest';
import { pruneEnded } from '../../data/process/retention.ts';
import { listDueReviews, listUntoldPlaces, nextReviewAt, recoverReviews } from '../../data/process/review.ts';
import {
  beginReview,
  clearReviewDue,
  countUnreviewedTurns,
  endReview,
  getReviewMark,
  listReviews,
  postponeReview,
  setReviewDue,
} from '../../data/review/marks.ts';
import { addReviewNews, listUntoldNews, markNewsTold } from '../../data/review/news.ts';
import { addPattern, findPattern } from '../../data/review/patterns.ts';
import { createSession } from '../../data/sessions.ts';
import { turnId } from '../../shared/ids.ts';
import { converse, makePerson, makeSpeaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const DAY = 24 * 3_600_000;
const nothing = { kept: 0, pending: 0, drafts: 0, detail: '' };

async function setUp() {
  const { db, clock } = await openTemporaryData();
  const ann = await makeSpeaker(db, await makePerson(db, 'Ann'));
  await converse(db, ann, 'hello');
  return { db, clock, ann, scope: ann.scope, session: ann.session.id };
}

describe('what is due', () => {
  test('is due from its time on, not before what it waits for, and once', async () => {
    const { db, clock, ann, scope, session } = await setUp();
    expect(await nextReviewAt(db)).toBeUndefined();
    const at = clock.now() + 1_000;
    await setReviewDue(db, scope, session, { dueAt: at, cause: 'idle' });
    expect(await nextReviewAt(db)).toBe(at);
    expect(await listDueReviews(db, 10)).toEqual([]);
    await clock.advance(1_000);
    expect(await listDueReviews(db, 10)).toMatchObject([{ session, cause: 'idle', dueAt: at, address: ann.address }]);
    await postponeReview(db, scope, session, { notBefore: at + 500, failed: true });
    expect(await nextReviewAt(db)).toBe(at + 500);
    expect(await listDueReviews(db, 10)).toEqual([]);
    await clock.advance(500);
    expect(await listDueReviews(db, 10)).toHaveLength(1);
    await clearReviewDue(db, scope, session, at);
    expect(await nextReviewAt(db)).toBeUndefined();
    expect(await getReviewMark(db, scope, session)).toMatchObject({ failures: 1, through: 0 });
  });

  test('stays due when it was made due anew since it was read', async () => {
    const { db, clock, scope, session } = await setUp();
    await setReviewDue(db, scope, session, { dueAt: 5, cause: 'idle' });
    const begun = await beginReview(db, scope, { session, from: 0, through: 2, cause: 'idle' });
    await setReviewDue(db, scope, session, { dueAt: 9, cause: 'turns' });
    await endReview(db, scope, begun?.id ?? 0, { ...nothing, state: 'done', through: 2, dueAt: 5 });
    expect(await getReviewMark(db, scope, session)).toMatchObject({ through: 2, dueAt: 9, cause: 'turns' });
    expect(await endReview(db, scope, begun?.id ?? 0, { ...nothing, state: 'failed', dueAt: 9 })).toBe(false);
    expect(await listReviews(db, scope, { limit: 5 })).toMatchObject([{ state: 'done', endedAt: clock.now() }]);
  });

  test('is not, where the chat is not known', async () => {
    const { db, scope, session } = await setUp();
    await setReviewDue(db, scope, session, { dueAt: 5, cause: 'idle' });
    await db.query.deleteFrom('turns').execute();
    expect(await listDueReviews(db, 10)).toEqual([]);
    expect(await nextReviewAt(db)).toBeUndefined();
  });

  test('counts turns, not messages, since the last time', async () => {
    const { db, ann, scope, session } = await setUp();
    await converse(db, ann, 'again');
    expect(await countUnreviewedTurns(db, scope, session)).toBe(2);
    await setReviewDue(db, scope, session, { dueAt: 5, cause: 'idle' });
    const begun = await beginReview(db, scope, { session, from: 0, through: 2, cause: 'idle' });
    await endReview(db, scope, begun?.id ?? 0, { ...nothing, state: 'done', through: 2, dueAt: 5 });
    expect(await countUnreviewedTurns(db, scope, session)).toBe(1);
  });

  test('after a start: sessions used lately that nobody noted, each once', async () => {
    const { db, clock, scope, session } = await setUp();
    await clock.advance(1_000);
    await recoverReviews(db, clock.now() - DAY);
    expect(await listDueReviews(db, 10)).toMatchObject([{ session }]);
    await clearReviewDue(db, scope, session, clock.now());
    await clock.advance(1_000);
    await recoverReviews(db, clock.now() - DAY);
    expect(await nextReviewAt(db)).toBeUndefined();
  });
});

test('what came of it goes after a month, patterns after half a year; what is untold stays', async () => {
  const { db, clock, scope, session } = await setUp();
  await setReviewDue(db, scope, session, { dueAt: 5, cause: 'idle' });
  const begun = await beginReview(db, scope, { session, from: 0, through: 2, cause: 'idle' });
  await endReview(db, scope, begun?.id ?? 0, { ...nothing, state: 'done', through: 2, dueAt: 5 });
  for (const key of ['told', 'untold']) await addReviewNews(db, scope, { key, session, kind: 'memory', text: key });
  await markNewsTold(db, scope, 'told');
  await addPattern(db, scope, { session, turn: turnId('t'), steps: 'a > b' });
  await clock.advance(29 * DAY);
  await pruneEnded(db);
  expect(await listReviews(db, scope, { limit: 5 })).toHaveLength(1);
  await clock.advance(2 * DAY);
  await pruneEnded(db);
  expect(await listReviews(db, scope, { limit: 5 })).toEqual([]);
  expect((await listUntoldNews(db, scope)).map(({ key }) => key)).toEqual(['untold']);
  expect(await listUntoldPlaces(db)).toEqual([{ scope, session }]);
  expect(await db.query.selectFrom('review_news').selectAll().execute()).toHaveLength(1);
  expect(await findPattern(db, scope, 'a > b', 5)).toHaveLength(1);
  await clock.advance(150 * DAY);
  await pruneEnded(db);
  expect(await findPattern(db, scope, 'a > b', 5)).toEqual([]);
});

test('what waits in a space is told where the latest of it is from; whoever paid for a conversation still does after a start', async () => {
  const { db, clock, ann, scope, session } = await setUp();
  // By their ids the older one comes first as often as not.
  const sessions = [session];
  for (let count = 0; count < 6; count++) {
    await clock.advance(1_000);
    const next = await createSession(db, scope);
    await addReviewNews(db, scope, { key: `k${count}`, session: next.id, kind: 'memory', text: 'x' });
    sessions.push(next.id);
    expect(await listUntoldPlaces(db)).toEqual([{ scope, session: next.id }]);
  }
  await markNewsTold(db, scope, 'k5');
  expect(await listUntoldPlaces(db)).toEqual([{ scope, session: sessions[5] }]);

  await setReviewDue(db, scope, session, { dueAt: 5, cause: 'turns' });
  const before = await getReviewMark(db, scope, session);
  await clearReviewDue(db, scope, session, 5);
  await clock.advance(1_000);
  await converse(db, ann, 'more');
  await recoverReviews(db, 0);
  expect(await getReviewMark(db, scope, session)).toMatchObject({ person: before?.person, cause: 'idle' });
});
