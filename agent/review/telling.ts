// Tells people what came of looking back: drafts of skills, one a day and never at night; what was kept, if they want to know. What waits is
// a row; the one timer is there only while something waits.
import { addReviewNews, lastToldAt, listUntoldNews, markNewsTold, type ReviewNews } from '../../data/review/news.ts';
import type { UntoldPlace } from '../../data/review/due.ts';
import type { Scope } from '../../data/scope.ts';
import { dayOf } from '../../shared/day.ts';
import type { SessionId } from '../../shared/ids.ts';
import { AppError } from '../../shared/errors.ts';
import { preview } from '../../shared/text.ts';
import { describeProposal } from '../skills/proposal.ts';
import type { ReviewInput } from './ports.ts';
import type { Harvest } from './tools.ts';

const HOUR_MS = 3_600_000;
const NIGHT_BEGINS = 22;
const NIGHT_ENDS = 8;
const MAX_KEPT_CHARS = 300;

export interface Telling {
  /** Puts down what is to be told of a review; nothing is said yet. */
  note(at: { scope: Scope; session: SessionId; review: number }, harvest: Harvest): Promise<void>;
  /** Says what may be said now, and comes back for the rest. */
  tell(): Promise<void>;
  close(): void;
}

export function openTelling(input: ReviewInput): Telling {
  const { db, clock, log } = input;
  let cancel: (() => void) | undefined;
  let isClosed = false;
  let running: Promise<void> | undefined;

  async function tellAll(): Promise<void> {
    cancel?.();
    cancel = undefined;
    let next = Number.POSITIVE_INFINITY;
    for (const place of await input.queue.untold()) next = Math.min(next, await tellPlaceSafely(place));
    if (!isClosed && Number.isFinite(next)) cancel = clock.after(Math.max(0, next - clock.now()), begin);
  }

  /** One that cannot be told does not keep the others from hearing. */
  async function tellPlaceSafely(place: UntoldPlace): Promise<number> {
    try {
      return await tellPlace(place);
    } catch (error) {
      log.warn({ err: error, session: place.session }, 'what came of looking back was not told; in an hour again');
      return clock.now() + HOUR_MS;
    }
  }

  /** When there is something left to say; Infinity: nothing is. */
  async function tellPlace({ scope, session }: UntoldPlace): Promise<number> {
    const timezone = await input.timezoneOf(scope);
    const quiet = quietUntil(clock.now(), timezone);
    if (quiet !== undefined) return quiet;
    const to = await input.queue.lastAddress(session);
    for (const news of await listUntoldNews(db, scope)) {
      if (!to || !(await isStillNews(scope, news))) {
        await markNewsTold(db, scope, news.key);
        continue;
      }
      const free = news.kind === 'skill' ? freeAt(await lastToldAt(db, scope), clock.now(), timezone) : undefined;
      if (free !== undefined) return free;
      const { text, buttons } = news.kind === 'skill' ? await proposal(scope, news) : { text: news.text, buttons: [] };
      await input.post({ to, scope, text, key: `review.${news.key}`.slice(0, 48), buttons: [buttons] });
      await markNewsTold(db, scope, news.key);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** The person may have decided meanwhile, or wants to hear nothing any more. */
  async function isStillNews(scope: Scope, news: ReviewNews): Promise<boolean> {
    const { notify } = input.settings();
    if (notify === 'off') return false;
    if (news.kind === 'memory') return notify === 'verbose';
    const revisions = (await input.skills?.()?.revisions(scope, news.skill)) ?? [];
    return revisions.some(({ id, state }) => id === news.key && state === 'proposed');
  }

  async function proposal(scope: Scope, { key, skill }: ReviewNews) {
    const library = input.skills?.();
    const revision = (await library?.revisions(scope, skill))?.find(({ id }) => id === key);
    if (!library || !revision) throw new AppError('not_found', 'The draft is gone.');
    return describeProposal(revision, await library.diff(scope, key));
  }

  function begin(): void {
    void tell();
  }

  function tell(): Promise<void> {
    if (isClosed) return Promise.resolve();
    // One after the other: two at once would both see a free day.
    const next = (running ?? Promise.resolve()).then(tellAll).catch((error: unknown) => {
      log.warn({ err: error }, 'what came of looking back was not told; it is tried again in an hour');
      cancel?.();
      if (!isClosed) cancel = clock.after(HOUR_MS, begin);
    });
    running = next;
    return next;
  }

  return {
    async note({ scope, session, review }, harvest) {
      const { notify } = input.settings();
      if (notify === 'off') return;
      for (const draft of harvest.drafts.filter(({ state }) => state === 'proposed'))
        await addReviewNews(db, scope, {
          key: draft.id,
          session,
          kind: 'skill',
          skill: draft.skill,
          text: '',
        });
      const waits = harvest.pending === 0 ? '' : `${harvest.pending} wait for you: \`/memory\`.`;
      const kept = harvest.kept.length === 0 ? '' : `Kept: ${preview(harvest.kept.join('; '), MAX_KEPT_CHARS)}`;
      const text = [kept, waits].filter((part) => part !== '').join(' ');
      if (notify === 'verbose' && text !== '')
        await addReviewNews(db, scope, { key: `kept ${review}`, session, kind: 'memory', text });
    },
    tell,
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}

/** When the night of `timezone` ends; undefined by day. */
function quietUntil(now: number, timezone: string): number | undefined {
  const hour = Number(
    new Intl.DateTimeFormat('en-US', { timeZone: timezone, hour: 'numeric', hourCycle: 'h23' }).format(now),
  );
  const day = dayOf(now, timezone);
  if (hour >= NIGHT_BEGINS) return day.end + NIGHT_ENDS * HOUR_MS;
  // On a day on which the clocks change the hour may still be in the night then: it is looked at again.
  return hour < NIGHT_ENDS ? Math.max(now + 60_000, day.start + NIGHT_ENDS * HOUR_MS) : undefined;
}

/** When a draft may be told again; undefined: now. */
function freeAt(last: number | undefined, now: number, timezone: string): number | undefined {
  const day = dayOf(now, timezone);
  return last === undefined || last < day.start ? undefined : day.end + NIGHT_ENDS * HOUR_MS;
}
