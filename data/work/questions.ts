// Questions that the agent asks a person in the middle of a turn. A row each, so that an answer counts that is given while Herald is away,
// and a turn that is resumed asks nothing twice.
import type { Selectable } from 'kysely';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { PersonId, TurnId } from '../../shared/ids.ts';
import type { Address, Origin } from '../../shared/messages.ts';
import type { Db } from '../db.ts';
import { newRowId } from '../row-id.ts';
import type { Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';
import type { QuestionState } from './tables.ts';

/** One thing to be said. */
export interface QuestionField {
  /** Key of its answer; unique in its question. */
  name: string;
  /** Markdown. */
  text: string;
  /** What may be chosen; anything else may be typed all the same. Default: none. */
  choices?: readonly string[] | undefined;
  /** Several choices may be taken. Default false. */
  multi?: boolean | undefined;
}

/** What a person is asked; its fields one after another. */
export interface PersonQuestion {
  scope: Scope;
  turn: TurnId;
  /** Chat of the turn: only there it can be answered. */
  address: Address;
  /** Unique in the turn, at most 80 characters: the same key is asked once, and a replay gets the answer of the first time. */
  key: string;
  /**
   * Who wants to know, when it is not Herald itself: shown with the question, whose text is then taken as plain text. Such a question ends with
   * the process, as whoever asked does.
   */
  asker?: string | undefined;
  /** At least one. */
  fields: readonly QuestionField[];
  /** Offers a way to refuse. Default false. */
  canDecline?: boolean | undefined;
  /** For each field. */
  ttlMs: number;
}

export type PersonAnswer =
  /** By field; several values only where several could be chosen. `foreign` when an answer holds words of others. */
  | { state: 'answered'; values: Readonly<Record<string, readonly string[]>>; origin: Origin }
  | { state: 'declined' | 'expired' };

/** A field as it is stored. */
export interface Question {
  id: string;
  turn: TurnId;
  person: PersonId;
  /** addressKey of the chat that was asked. */
  chatKey: string;
  asker: string | undefined;
  choices: readonly string[];
  multi: boolean;
  canDecline: boolean;
  state: QuestionState;
  answer: readonly string[];
  origin: Origin | undefined;
  createdAt: number;
  expiresAt: number;
}

export interface NewQuestion extends Pick<Question, 'turn' | 'chatKey' | 'choices' | 'multi' | 'canDecline'> {
  asker?: string | undefined;
  key: string;
  expiresAt: number;
}

const texts = z.array(z.string());

/**
 * The question of this key in the person's own turn: a new one, or the one that an earlier start of the turn asked, which is open for as
 * long as a new one would be, unless it has been answered. Rejects with AppError `not_found` when the turn is not theirs.
 */
export async function askQuestion(db: Db, scope: Scope, question: NewQuestion): Promise<Question> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const turn = await trx
      .selectFrom('turns')
      .select('id')
      .where('id', '=', question.turn)
      .where('space_id', '=', scope.space)
      .where('person_id', '=', scope.person)
      .executeTakeFirst();
    if (!turn) throw new AppError('not_found', 'There is no such turn that could ask anything.');
    const open = { state: 'open', expires_at: question.expiresAt } as const;
    const row = await trx
      .insertInto('questions')
      .values({
        id: newRowId(now),
        space_id: scope.space,
        person_id: scope.person,
        turn_id: question.turn,
        key: question.key,
        chat_key: question.chatKey,
        asker: question.asker ?? null,
        choices: JSON.stringify(question.choices),
        multi: question.multi ? 1 : 0,
        can_decline: question.canDecline ? 1 : 0,
        answer: null,
        origin: null,
        created_at: now,
        ended_at: null,
        ...open,
      })
      .onConflict((conflict) =>
        conflict
          .columns(['turn_id', 'key'])
          .doUpdateSet(open)
          // One that was closed with its call is open again when the call is made again.
          .where('questions.state', 'in', ['open', 'closed']),
      )
      .returningAll()
      .executeTakeFirst();
    const known =
      row ??
      (await trx
        .selectFrom('questions')
        .selectAll()
        .where('turn_id', '=', question.turn)
        .where('key', '=', question.key)
        .executeTakeFirstOrThrow());
    return questionOf(known);
  });
}

/** Ends a question that nobody has answered. What it is afterwards: an answer may have come first. Undefined when it is not theirs. */
export async function endQuestion(
  db: Db,
  scope: Scope,
  id: string,
  state: 'expired' | 'closed',
): Promise<Question | undefined> {
  return db.query.transaction().execute(async (trx) => {
    await trx
      .updateTable('questions')
      .set({ state, ended_at: db.clock.now() })
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .where('person_id', '=', scope.person)
      .where('state', '=', 'open')
      .execute();
    const row = await trx
      .selectFrom('questions')
      .selectAll()
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .where('person_id', '=', scope.person)
      .executeTakeFirst();
    return row && questionOf(row);
  });
}

export async function getQuestion(db: Db, scope: Scope, id: string): Promise<Question | undefined> {
  const row = await db.query
    .selectFrom('questions')
    .selectAll()
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .executeTakeFirst();
  return row && questionOf(row);
}

/** As the gateway reads it too, which finds questions by chat. */
export function questionOf(row: Selectable<Tables['questions']>): Question {
  return {
    id: row.id,
    turn: row.turn_id,
    person: row.person_id,
    chatKey: row.chat_key,
    asker: row.asker ?? undefined,
    choices: texts.parse(JSON.parse(row.choices)),
    multi: row.multi === 1,
    canDecline: row.can_decline === 1,
    state: row.state,
    answer: row.answer === null ? [] : texts.parse(JSON.parse(row.answer)),
    origin: row.origin ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
