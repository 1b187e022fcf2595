// Looking back at conversations while nobody waits: after every few turns, when nothing was said for a while, before history becomes a summary,
// when the person turns to something else. What is due is a row, so a restart loses nothing; there is one timer, and none when nothing is due.
import { listTranscript } from '../../data/messages.ts';
import type { DueReview } from '../../data/review/due.ts';
import {
  beginReview,
  clearReviewDue,
  countUnreviewedTurns,
  endReview,
  getReviewMark,
  postponeReview,
  setReviewDue,
  type ReviewEnd,
  type ReviewMark,
} from '../../data/review/marks.ts';
import { addPattern } from '../../data/review/patterns.ts';
import type { ReviewCause } from '../../data/review/tables.ts';
import type { Scope } from '../../data/scope.ts';
import { dayOf } from '../../shared/day.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { PersonId, SessionId } from '../../shared/ids.ts';
import { untilAborted } from '../abort.ts';
import type { KnowledgeSource } from '../knowledge.ts';
import type { ReviewInput } from './ports.ts';
import type { ReviewOutcome } from './run.ts';
import { openTelling } from './telling.ts';

/** Spaces that are looked back at together. */
const MAX_PARALLEL = 2;
const MAX_DUE = 50;
const MAX_ROWS = 2_000;
/** A review that ended the process this often is not made. */
const MAX_ATTEMPTS = 2;
/** What cannot work is given up after so many failures; what may work later is not. */
const MAX_FAILURES = 3;
/** Of what is due later, so much earlier is the same: a conversation that goes on does not write with each turn. */
const SAME_MS = 60_000;
const RETRY_MS = 3_600_000;
const MAX_RETRY_MS = 24 * 3_600_000;
/** Sessions whose end of a turn nobody noted are looked for so far back. */
const RECOVER_MS = 48 * 3_600_000;

export interface Reviews {
  source: KnowledgeSource;
  /** Takes up what an earlier process left. */
  start(): Promise<void>;
  /** Resolves when no review runs and none is due now. */
  settled(): Promise<void>;
}

export function openReviews(input: ReviewInput): Reviews {
  const { db, clock, log, queue } = input;
  const telling = openTelling(input);
  const controller = new AbortController();
  /** By space: one at a time. */
  const running = new Map<string, Promise<void>>();
  let cancelTimer: (() => void) | undefined;
  let pumping: Promise<void> | undefined;
  let isAsked = false;
  let restsUntil = 0;

  /** Starts what is due and sets the timer for what is due next. Asked meanwhile, it looks once more. */
  function pump(): Promise<void> {
    isAsked = true;
    pumping ??= (async () => {
      while (isAsked && !controller.signal.aborted) {
        isAsked = false;
        await startDue();
      }
    })()
      .catch((error: unknown) => {
        isAsked = false;
        log.warn({ err: error }, 'what is due to be looked back at could not be read; the next turn asks again');
      })
      .finally(() => {
        pumping = undefined;
        // Asked between the last look and here.
        if (isAsked && !controller.signal.aborted) void pump();
      });
    return pumping;
  }

  async function startDue(): Promise<void> {
    cancelTimer?.();
    cancelTimer = undefined;
    if (!input.settings().enabled) return;
    if (clock.now() < restsUntil) return wakeAt(restsUntil);
    for (const due of await queue.listDue(MAX_DUE)) {
      if (running.size >= MAX_PARALLEL || controller.signal.aborted) return;
      const { space } = due.scope;
      if (running.has(space)) continue;
      const done = look(due)
        .catch((error: unknown) => failed(due, error))
        .finally(() => {
          running.delete(space);
          void pump();
        });
      running.set(space, done);
    }
    if (running.size > 0) return;
    const next = await queue.nextAt();
    if (next !== undefined) wakeAt(next);
  }

  function wakeAt(at: number): void {
    if (controller.signal.aborted) return;
    cancelTimer?.();
    cancelTimer = clock.after(Math.max(0, at - clock.now()), () => void pump());
  }

  async function look(due: DueReview): Promise<void> {
    const { scope, session } = due;
    const { signal } = controller;
    const { isOfPerson } = await import('./material.ts');
    const mark = await getReviewMark(db, scope, session);
    const from = mark?.through ?? 0;
    const rows = await listTranscript(db, scope, session, { after: from, limit: MAX_ROWS });
    const through = rows.at(-1)?.id;
    const isSaid = rows.some((row) => isOfPerson(row) && row.state !== 'undone');
    if (through === undefined || !isSaid || due.role === 'guest') return clearReviewDue(db, scope, session, due.dueAt);
    const begun = await beginReview(db, scope, { session, from, through, cause: due.cause });
    if (!begun) return;
    const end = (state: ReviewEnd['state'], outcome: ReviewOutcome | undefined, detail: string) =>
      endReview(db, scope, begun.id, {
        state,
        kept: outcome?.harvest.kept.length ?? 0,
        pending: outcome?.harvest.pending ?? 0,
        drafts: outcome?.harvest.drafts.length ?? 0,
        detail,
        through: state === 'cut' ? undefined : through,
        dueAt: due.dueAt,
      });
    if (begun.attempts > MAX_ATTEMPTS) {
      await end('failed', undefined, 'The process ended twice while it was looked back at; it is left out.');
      return;
    }
    const { runReview } = await import('./run.ts');
    const outcome = await runReview(input, due, rows, signal);
    // What was drafted is told even when the review did not get to its end: it is there.
    await telling.note({ scope, session, review: begun.id }, outcome.harvest);
    if (outcome.end === 'done') {
      await keepPatterns(scope, session, outcome);
      await end('done', outcome, detailOf(outcome));
      await revise(due);
    } else await putOff(due, outcome, { failures: mark?.failures ?? 0, end });
    await telling.tell();
  }

  async function keepPatterns(scope: Scope, session: SessionId, { turns }: ReviewOutcome): Promise<void> {
    const { patternOf } = await import('./triggers.ts');
    for (const turn of turns) {
      const steps = patternOf(turn);
      if (steps !== undefined) await addPattern(db, scope, { session, turn: turn.id, steps });
    }
  }

  async function revise({ scope, session }: DueReview): Promise<void> {
    try {
      const { signal } = controller;
      await untilAborted(input.revise?.({ scope, session }, signal) ?? Promise.resolve(), signal);
    } catch (error) {
      log.warn({ err: error, session }, 'what is known of the person was not revised');
    }
  }

  /** Nothing is lost: it stays due, for the next day without a budget, for later after a failure. */
  async function putOff(
    due: DueReview,
    outcome: ReviewOutcome,
    {
      failures,
      end,
    }: {
      failures: number;
      end(state: ReviewEnd['state'], outcome: ReviewOutcome, detail: string): Promise<unknown>;
    },
  ): Promise<void> {
    const { scope, session } = due;
    const now = clock.now();
    const error = outcome.error;
    if (outcome.end === 'stopped' || !error) {
      await end('cut', outcome, 'Herald was stopped; it is looked at again.');
      return postponeReview(db, scope, session, { notBefore: 0, failed: false });
    }
    if (error.code === 'budget_exceeded') {
      await end('cut', outcome, 'The budget of the day is used; it waits for the next day.');
      const notBefore = dayOf(now, input.agentSettings().timezone).end;
      return postponeReview(db, scope, session, { notBefore, failed: false });
    }
    log.info({ session, code: error.code }, 'looking back failed');
    if (!error.retryable && failures + 1 >= MAX_FAILURES) {
      await end('failed', outcome, `It failed ${failures + 1} times: ${error.publicMessage}`);
      return undefined;
    }
    await end('cut', outcome, `It failed and is tried again: ${error.publicMessage}`);
    return postponeReview(db, scope, session, { notBefore: now + retryMs(failures), failed: true });
  }

  /** Rows could not be read or written, or a bug: later, and never at once again. */
  async function failed({ scope, session }: DueReview, error: unknown): Promise<void> {
    log.warn({ err: error, session, code: asAppError(error).code }, 'looking back failed');
    const notBefore = clock.now() + RETRY_MS;
    await postponeReview(db, scope, session, { notBefore, failed: true }).catch((cause: unknown) => {
      // It is still due: without a rest it would be tried again at once, and again.
      restsUntil = notBefore;
      log.warn({ err: cause, session }, 'a review could not be put off');
    });
  }

  async function makeDue(scope: Scope, session: SessionId, cause: ReviewCause): Promise<void> {
    if (!input.settings().enabled || controller.signal.aborted) return;
    await setReviewDue(db, scope, session, { dueAt: clock.now(), cause });
    void pump();
  }

  return {
    source: {
      name: 'review',
      async ended({ scope, session, role }) {
        const settings = input.settings();
        if (!settings.enabled || role === 'guest' || controller.signal.aborted) return;
        const isMany = (await countUnreviewedTurns(db, scope, session)) >= settings.everyTurns;
        const cause = isMany ? 'turns' : 'idle';
        const now = clock.now();
        const due = { dueAt: now + (isMany ? 0 : settings.idleMs), cause } as const;
        const mark = await getReviewMark(db, scope, session);
        if (isDueAlready(mark, { ...due, person: scope.person, now })) return;
        await setReviewDue(db, scope, session, due);
        void pump();
      },
      // Only noted: the rows stay, so that the review can come later.
      compressing: ({ scope, session }) => makeDue(scope, session, 'compress'),
      left: ({ scope, session, role }) => (role === 'guest' ? Promise.resolve() : makeDue(scope, session, 'left')),
      async close() {
        controller.abort(new AppError('cancelled', 'Herald stops.'));
        cancelTimer?.();
        telling.close();
        await pumping;
        await Promise.all(running.values());
      },
    },
    async start() {
      if (!input.settings().enabled) return;
      try {
        await queue.recover(clock.now() - RECOVER_MS);
      } catch (error) {
        log.warn({ err: error }, 'what an earlier process left to be looked back at could not be read');
      }
      await telling.tell();
      void pump();
    },
    async settled() {
      for (;;) {
        await pumping;
        if (running.size === 0 && !pumping) return;
        await Promise.all(running.values());
      }
    },
  };
}

/** Whether the mark, whose time has not come, says so already. What begins later sees what was said before this was asked. */
function isDueAlready(
  mark: ReviewMark | undefined,
  { person, dueAt, cause, now }: { person: PersonId; dueAt: number; cause: ReviewCause; now: number },
): boolean {
  if (mark?.dueAt === undefined || mark.cause !== cause || mark.person !== person) return false;
  const earlier = dueAt - mark.dueAt;
  return mark.dueAt > now && earlier >= 0 && earlier <= Math.min(SAME_MS, (dueAt - now) / 10);
}

function retryMs(failures: number): number {
  return Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** failures);
}

function detailOf({ harvest }: ReviewOutcome): string {
  const parts = [
    [harvest.kept.length, 'kept'],
    [harvest.pending, 'waiting for approval'],
    [harvest.drafts.length, 'drafted'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return said.length === 0 ? 'Nothing was worth keeping.' : `${said.join(', ')}.`;
}
