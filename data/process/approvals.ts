// What turns wait for people with, as the gateway sees it: whether a request was answered, and which question a message answers.
import type { PersonId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { ProcessDb, Query } from '../db.ts';
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

/** The question that waits for what this person says in this chat next: the latest one whose turn still runs. */
export async function findOpenQuestion(
  db: ProcessDb,
  at: { person: PersonId; chatKey: string },
): Promise<Question | undefined> {
  const row = await db.query
    .selectFrom('questions')
    .innerJoin('turns', 'turns.id', 'questions.turn_id')
    .selectAll('questions')
    .where('questions.chat_key', '=', at.chatKey)
    .where('questions.person_id', '=', at.person)
    .where('questions.state', '=', 'open')
    // The turn may have ended in another way: then nobody waits any more.
    .where('turns.state', '=', 'running')
    .orderBy('questions.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && questionOf(row);
}

/** The question with this id, whoever was asked, when somebody waits for its answer. */
export async function findQuestionById(db: ProcessDb, id: string): Promise<Question | undefined> {
  const row = await db.query
    .selectFrom('questions')
    .innerJoin('turns', 'turns.id', 'questions.turn_id')
    .selectAll('questions')
    .where('questions.id', '=', id)
    .where('questions.state', '=', 'open')
    .where('turns.state', '=', 'running')
    .executeTakeFirst();
  return row && questionOf(row);
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
