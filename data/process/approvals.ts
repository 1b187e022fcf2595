// What turns wait for people with, as the gateway sees it: whether a request was answered, and which question a message answers.
import { sql } from 'kysely';
import type { PersonId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { ProcessDb, Query } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import type { ApprovalState } from '../schema.ts';
import { questionOf, type Question } from '../work/questions.ts';

/** State of a request; one that waits beyond its time becomes `expired` here. */
export async function readApprovalState(db: ProcessDb, id: string): Promise<ApprovalState | undefined> {
  await db.query
    .updateTable('approvals')
    .set({ state: 'expired' })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .where('expires_at', '<=', db.clock.now())
    .execute();
  const row = await db.query.selectFrom('approvals').select('state').where('id', '=', id).executeTakeFirst();
  return row?.state;
}

const keptOpen = makeKeeper<readonly Question[]>('questions');

/** Latest first. Asked with each message, and there is seldom one. */
async function listOpen(db: ProcessDb): Promise<readonly Question[]> {
  return keptOpen(db, '', async () => {
    const rows = await db.query
      .selectFrom('questions')
      .selectAll()
      // Written out, so that the index of open ones serves.
      .where(sql<boolean>`state = 'open'`)
      .execute();
    return rows.map(questionOf).toSorted((a, b) => (a.id < b.id ? 1 : -1));
  });
}

/** The first that fits and whose turn still runs: where it ended in another way, nobody waits any more. */
async function firstAwaited(db: ProcessDb, fits: (question: Question) => boolean): Promise<Question | undefined> {
  for (const question of (await listOpen(db)).filter(fits)) {
    const turn = await db.query.selectFrom('turns').select('state').where('id', '=', question.turn).executeTakeFirst();
    if (turn?.state === 'running') return question;
  }
  return undefined;
}

/** The question that waits for what this person says in this chat next: the latest one. */
export async function findOpenQuestion(
  db: ProcessDb,
  at: { person: PersonId; chatKey: string; isAwaited(question: Question): boolean },
): Promise<Question | undefined> {
  return firstAwaited(
    db,
    (question) => question.person === at.person && question.chatKey === at.chatKey && at.isAwaited(question),
  );
}

/** The question with this id, whoever was asked, when somebody waits for its answer. */
export async function findQuestionById(db: ProcessDb, id: string): Promise<Question | undefined> {
  return firstAwaited(db, (question) => question.id === id);
}

/** open → answered or declined. False when it was not open any more. */
export async function answerQuestion(
  db: ProcessDb,
  id: string,
  answer: { state: 'answered' | 'declined'; values: readonly string[]; origin: Origin },
  query: Query = db.query,
): Promise<boolean> {
  const result = await query
    .updateTable('questions')
    .set({
      state: answer.state,
      answer: JSON.stringify(answer.values),
      origin: answer.origin,
      ended_at: db.clock.now(),
    })
    .where('id', '=', id)
    .where('state', '=', 'open')
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
