// Asks a person something in the chat where a turn runs, and waits: their next message there is the answer. Rows decide, so an answer that
// was given while Herald was away counts too; a turn that is resumed finds its question as it left it.
import type { ProcessDb } from '../../data/db.ts';
import type { InboxRow } from '../../data/process/inbox.ts';
import type { Person } from '../../data/process/people.ts';
import { answerQuestion, findOpenQuestion, findQuestionById } from '../../data/process/approvals.ts';
import { answerInbox, getTurn } from '../../data/process/turns.ts';
import {
  askQuestion,
  endQuestion,
  getQuestion,
  type PersonAnswer,
  type PersonQuestion,
  type Question,
  type QuestionField,
} from '../../data/work/questions.ts';
import { abortReason, type Clock } from '../../shared/clock.ts';
import { untilAborted, withDeadline } from '../../shared/deadline.ts';
import { AppError } from '../../shared/errors.ts';
import { addressKey, FORWARD_MARK, type Origin } from '../../shared/messages.ts';
import { parseCommand } from '../commands/parse.ts';
import { TurnCut } from '../lanes.ts';
import type { Poster } from '../outbox.ts';
import { buttonsOf, pressedAnswer, questionText, readPress, saidAnswer, type Answer } from './answers.ts';

export interface Questions {
  /**
   * Asks field by field. `expired` when one is not answered in time; then and after `declined` nothing more is asked. Asking again with the
   * same key, after a restart, shows nothing twice. Rejects with the reason of `signal`, and with AppError `not_found`.
   */
  ask(question: PersonQuestion, signal: AbortSignal): Promise<PersonAnswer>;
  /** Takes a message that answers an open question of its sender in its chat. False: it is a message like any other. */
  take(message: { row: InboxRow; text: string; person: Person }): Promise<boolean>;
}

export interface QuestionPorts {
  db: ProcessDb;
  clock: Clock;
  poster: Poster;
  /** Longest turn; whoever is asked shortly before its end must not be cut off in the middle of their answer. */
  turnTimeoutMs: number;
}

/** Left to the turn after an answer that came in the last moment. */
const TURN_REST_MS = 60_000;

export function openQuestions(ports: QuestionPorts): Questions {
  const { db, clock, poster } = ports;
  const openedAt = clock.now();
  /** By question: wakes whoever waits. */
  const waiting = new Map<string, () => void>();
  /** Whoever asked these has stopped waiting, and the rows do not say so yet. */
  const dropped = new Set<string>();
  /** Tail of the questions per person and chat: one is asked after the other, so that it is plain what an answer is to. */
  const tails = new Map<string, Promise<void>>();

  /** Questions of Herald's own from before a restart are asked again by their turns; whoever else asked is gone. */
  function isAwaited({ id, asker }: Question): boolean {
    return !dropped.has(id) && (asker === undefined || waiting.has(id));
  }

  async function ask(question: PersonQuestion, signal: AbortSignal): Promise<PersonAnswer> {
    const key = `${question.scope.person} ${addressKey(question.address)}`;
    const before = tails.get(key);
    const { promise: tail, resolve: leave } = Promise.withResolvers<void>();
    tails.set(key, tail);
    try {
      if (before) await Promise.race([before, rejectAborted(signal)]);
      return await askFields(question, signal);
    } finally {
      // The next one waits for those before it too, if this one has not.
      if (before) void before.then(leave);
      else leave();
      if (tails.get(key) === tail) tails.delete(key);
    }
  }

  async function askFields(question: PersonQuestion, signal: AbortSignal): Promise<PersonAnswer> {
    const values: Record<string, readonly string[]> = {};
    let origin: Origin = 'agent';
    for (const [index, field] of question.fields.entries()) {
      const asked = await askField(question, { field, key: `${question.key}.${index}` }, signal);
      if (asked.state === 'declined') return { state: 'declined' };
      if (asked.state !== 'answered') return { state: 'expired' };
      values[field.name] = asked.answer;
      if (origin !== 'foreign') origin = asked.origin ?? 'foreign';
    }
    return { state: 'answered', values, origin };
  }

  async function askField(
    question: PersonQuestion,
    { field, key }: { field: QuestionField; key: string },
    signal: AbortSignal,
  ): Promise<Question> {
    const { scope, turn, address, asker, canDecline = false } = question;
    if (signal.aborted) throw abortReason(signal);
    const asked = await askQuestion(db, scope, {
      turn,
      key,
      chatKey: addressKey(address),
      asker,
      choices: field.choices ?? [],
      multi: field.multi ?? false,
      canDecline,
      expiresAt: await expiryOf(question),
    });
    if (asked.state !== 'open') return asked;
    return untilEnded(question, asked, signal, () =>
      poster.post(address, questionText(field, { asker, canDecline }), {
        key: `q${asked.id}`,
        // Whole in itself: a client that waits for one answer per request gets the question as its answer.
        kind: 'command',
        person: scope.person,
        buttons: buttonsOf(asked),
      }),
    );
  }

  async function expiryOf({ turn, ttlMs }: PersonQuestion): Promise<number> {
    const known = await getTurn(db, turn);
    if (!known) throw new AppError('not_found', 'The turn that asks is gone. Nobody was asked.');
    const now = clock.now();
    // A turn that is resumed has its whole time again.
    const turnEnd = Math.max(known.startedAt, openedAt) + ports.turnTimeoutMs - TURN_REST_MS;
    return Math.min(now + ttlMs, Math.max(turnEnd, now + TURN_REST_MS));
  }

  /** The question as it is when it has been answered, has expired, or nobody waits for it any more. */
  async function untilEnded(
    { scope }: PersonQuestion,
    asked: Question,
    signal: AbortSignal,
    show: () => Promise<unknown>,
  ): Promise<Question> {
    const { id } = asked;
    const { promise: answered, resolve: wake } = Promise.withResolvers<void>();
    waiting.set(id, wake);
    let isSettled = false;
    // At once: the next message of the person must not be lost to a question that was stopped.
    const drop = () => {
      if (!isSettled && !isParked(signal)) dropped.add(id);
    };
    signal.addEventListener('abort', drop, { once: true });
    try {
      await show();
      // It may have been answered before there was anybody to wake.
      const now = await getQuestion(db, scope, id);
      if (now?.state === 'open') {
        const timeoutMs = Math.max(0, asked.expiresAt - clock.now());
        await withDeadline({ clock, timeoutMs, parent: signal }, (ended) =>
          Promise.race([answered, untilAborted(ended)]),
        );
      }
      if (signal.aborted) throw abortReason(signal);
      const end = await endQuestion(db, scope, id, 'expired');
      isSettled = true;
      return end ?? { ...asked, state: 'expired' };
    } finally {
      waiting.delete(id);
      signal.removeEventListener('abort', drop);
      drop();
      if (dropped.has(id)) await endQuestion(db, scope, id, 'closed').finally(() => dropped.delete(id));
    }
  }

  async function take({ row, text, person }: { row: InboxRow; text: string; person: Person }): Promise<boolean> {
    const { payload } = row;
    // Devices and events speak for nobody, and commands are for Herald itself.
    if (payload.foreign || payload.event || parseCommand(text)) return false;
    const press = readPress(text);
    if (press) return takePress(press, { row, person });
    const question = await findOpenQuestion(db, { person: person.id, chatKey: addressKey(row.address), isAwaited });
    if (!question) return false;
    const hasFiles = payload.attachments.length > 0 && payload.voice?.text === undefined;
    if (!hasFiles && text.trim() === '') return false;
    const said = spokenIn(payload) ?? text;
    const answer = saidAnswer(question, hasFiles ? `${said}\n${FILES_FOLLOW}`.trim() : said);
    const isTaken = await store(question, { row, person, answer, ends: !hasFiles });
    // What was sent with it is a message of its own, after this turn.
    return isTaken && !hasFiles;
  }

  async function takePress(
    { id, choice }: { id: string; choice: number },
    { row, person }: { row: InboxRow; person: Person },
  ): Promise<boolean> {
    const question = await findQuestionById(db, id);
    const isTheirs = question?.person === person.id && question.chatKey === addressKey(row.address);
    const answer = question && isTheirs && isAwaited(question) ? pressedAnswer(question, choice) : undefined;
    if (question && answer && (await store(question, { row, person, answer, ends: true }))) return true;
    const text =
      question && !isTheirs
        ? 'That question is for somebody else, so your answer does not count.'
        : 'Nobody waits for the answer to that question any more. Write it as a message if it still matters.';
    const letter = { key: `c${row.id}`, to: row.address, kind: 'command', person: person.id, text } as const;
    await answerInbox(db, { rows: [row.id], state: 'answered', person: person.id, outbox: poster.rows(letter) });
    poster.wake(row.address);
    return true;
  }

  /** The answer and the end of its message together. False when somebody was faster. */
  async function store(
    question: Question,
    { row, person, answer, ends }: { row: InboxRow; person: Person; answer: Answer; ends: boolean },
  ): Promise<boolean> {
    const stored = { ...answer, origin: originOf(row, person) };
    const isTaken = await db.query.transaction().execute(async (trx) => {
      if (!(await answerQuestion(db, question.id, stored, trx))) return false;
      const end = { rows: [row.id], state: 'answered', reason: 'answer to a question', person: person.id } as const;
      if (ends) await answerInbox(db, { ...end, outbox: [] }, trx);
      return true;
    });
    if (isTaken) waiting.get(question.id)?.();
    return isTaken;
  }

  return { ask, take };
}

const FILES_FOLLOW = '[The person sent files with it. They come with the next message, after this turn.]';

/** Herald is only restarted: the turn goes on, and so does its question. */
function isParked({ reason }: AbortSignal): boolean {
  return reason instanceof TurnCut && reason.why === 'shutdown';
}

/** What was said aloud and nothing else, without what marks it as heard. */
function spokenIn({ text, voice }: InboxRow['payload']): string | undefined {
  const isAll = voice?.by === 'voice' && voice.text !== undefined && text.startsWith('[') && text.endsWith(voice.text);
  return isAll ? voice.text : undefined;
}

/** Words that are only passed on are not the person's own. */
function originOf({ payload }: InboxRow, { role }: Person): Origin {
  if (role === 'guest' || payload.text.startsWith(FORWARD_MARK) || payload.voice?.by === 'audio') return 'foreign';
  return role === 'owner' ? 'owner' : 'member';
}

async function rejectAborted(signal: AbortSignal): Promise<never> {
  await untilAborted(signal);
  throw abortReason(signal);
}
