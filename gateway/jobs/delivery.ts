// Results on their way: rows of the outbox under the run's own key, so that a replay sends nothing twice; and the words of the assistant in
// the conversation that they go to, so that a reply goes on from there.
import type { ProcessDb } from '../../data/db.ts';
import { getChat } from '../../data/process/chats.ts';
import { enqueueOutbox, type NewOutboxRow } from '../../data/process/outbox.ts';
import { getJobRow, listUndelivered } from '../../data/process/schedule/claims.ts';
import { settleDelivery, type ResultMessage } from '../../data/process/schedule/finish.ts';
import { listSentUnder } from '../../data/process/schedule/reach.ts';
import type { OutboxState } from '../../data/schema.ts';
import type { OccurrenceRow } from '../../data/schedule/rows.ts';
import type { Dispatch, JobRun, RunnerPorts } from '../../scheduler/ports.ts';
import { instantText } from '../../scheduler/schedule/describe.ts';
import { occurrenceOf, readableJob } from '../../scheduler/stored.ts';
import type { Job } from '../../scheduler/types.ts';
import type { Logger } from '../../shared/log.ts';
import type { Address, StoredFile } from '../../shared/messages.ts';
import { findRoute } from '../chats/route.ts';
import type { Poster } from '../outbox.ts';
import type { VoiceReplies } from '../voice/replies.ts';
import { placeOf, resultKey, resultPrefix, type ResultPlace } from './keys.ts';
import type { Targets } from './targets.ts';

/** What comes this much later than it was due says so. */
const TOLD_LATE_MS = 10 * 60_000;
const SILENT = /^\s*\[SILENT\]\s*(?:\n|$)/i;

export interface JobDeliveryPorts {
  db: ProcessDb;
  log: Logger;
  poster: Poster;
  targets: Targets;
  dmScope: 'person' | 'chat';
  /** Says results aloud in chats that want all of it so. Default: they are text only. */
  speech?: Pick<VoiceReplies, 'rows'> | undefined;
}

export interface JobDelivery extends Pick<RunnerPorts, 'result' | 'notice'> {
  /** Messages may have reached their end: notes what became of results. Never rejects. */
  settle(): Promise<void>;
}

export function makeJobDelivery(ports: JobDeliveryPorts): JobDelivery {
  const { db, poster, targets } = ports;
  /** Whether anything is on its way; unknown at first. */
  let isAnyPending = true;
  let settling: Promise<void> | undefined;
  let again = false;

  function lettersOf(
    run: Pick<Job, 'person'> & Pick<JobRun, 'occurrence'>,
    to: readonly Address[],
    place: ResultPlace,
  ) {
    return (text: string, files: readonly StoredFile[]) =>
      to.flatMap((address, index) =>
        poster.rows({
          key: resultKey(run.occurrence.id, place, index),
          to: address,
          kind: 'message',
          person: run.person,
          text,
          files,
        }),
      );
  }

  /** Beside the text, which is what counts as delivered. */
  async function spoken(run: JobRun, to: readonly Address[], text: string): Promise<readonly NewOutboxRow[]> {
    const { speech } = ports;
    if (!speech) return [];
    const { job, occurrence } = run;
    const rows = await Promise.all(
      to.map(async (address, index) => {
        const mode = (await getChat(db, address))?.settings.voice;
        const key = `jv.${occurrence.id}.${index}`;
        return speech.rows({ key, to: address, person: job.person, text, mode, asked: [] });
      }),
    );
    return rows.flat();
  }

  async function messagesOf(
    job: Job,
    to: readonly Address[],
    said: Pick<ResultMessage, 'text' | 'files' | 'origin'>,
  ): Promise<readonly ResultMessage[]> {
    const found = new Map<string, ResultMessage>();
    for (const address of to) {
      const { scope, session } = await findRoute(db, { person: job.person, address, title: '' }, ports.dmScope);
      found.set(session.id, { ...said, session: session.id, space: scope.space });
    }
    return [...found.values()];
  }

  async function settleOne(row: OccurrenceRow): Promise<boolean> {
    const sent = (await listSentUnder(db, resultPrefix(row.id))).filter(({ key }) => placeOf(key) !== undefined);
    const state = endOf(sent.map((one) => one.state));
    if (state === undefined) return false;
    const second = sent.filter(({ key }) => placeOf(key) === 'second').map((one) => one.state);
    const isSecond = second.length > 0;
    const isWatched = sent.some(({ key }) => placeOf(key) === 'watched');
    if (state === 'failed' && !isSecond && isWatched && (await sendFallback(row))) return false;
    // What reached its second place has arrived.
    await settleDelivery(db, row.id, (isSecond ? endOf(second) : undefined) ?? state);
    return true;
  }

  async function sendFallback(row: OccurrenceRow): Promise<boolean> {
    const jobRow = await getJobRow(db, row.job_id);
    const job = jobRow && readableJob(jobRow);
    const second = job?.delivery.fallback;
    const found = job && second ? await targets.resolve(job, [second]) : [];
    // The outbox leaves what has a second place to us: somebody must hear of it, also of a job that was changed meanwhile.
    const latest = found.length > 0 ? undefined : await targets.noticeAddress({ person: row.person_id }, []);
    const to = latest ? [latest] : found;
    const occurrence = occurrenceOf(row);
    const said = occurrence.result ?? '';
    const text = job ? textOf({ job, occurrence }, said, occurrence.startedAt ?? 0) : said;
    const outbox = lettersOf({ person: row.person_id, occurrence }, to, 'second')(text, occurrence.files);
    if (outbox.length === 0) return false;
    await db.query.transaction().execute((trx) => enqueueOutbox(db, outbox, trx));
    for (const address of to) poster.wake(address);
    return true;
  }

  async function settleAll(): Promise<void> {
    while (again && isAnyPending) {
      again = false;
      let left = 0;
      const rows = await listUndelivered(db);
      for (const row of rows) if (!(await settleOne(row))) left++;
      isAnyPending = left > 0;
    }
  }

  async function settle(): Promise<void> {
    again = true;
    settling ??= settleAll()
      .catch((error: unknown) => ports.log.warn({ err: error }, 'what became of results could not be noted'))
      .finally(() => (settling = undefined));
    await settling;
  }

  return {
    async result(run, { text, files, origin }) {
      const { job, occurrence } = run;
      const none = { messages: [], outbox: [], wake: () => undefined } satisfies Partial<Dispatch>;
      if ((text.trim() === '' && files.length === 0) || SILENT.test(text)) return { ...none, delivery: 'silent' };
      if (job.delivery.targets.length === 0) return { ...none, delivery: 'none' };
      const { fallback } = job.delivery;
      const first = await targets.resolve(job, job.delivery.targets);
      const second = first.length > 0 || !fallback ? first : await targets.resolve(job, [fallback]);
      // What can be reached nowhere any more is still for its person to know.
      const latest = second.length > 0 ? undefined : await targets.noticeAddress({ person: job.person }, []);
      const to = latest ? [latest] : second;
      if (to.length === 0) return { ...none, delivery: 'failed' };
      const said = textOf(run, text, db.clock.now());
      const outbox = lettersOf(
        { person: job.person, occurrence },
        to,
        fallback && first.length > 0 ? 'watched' : 'first',
      )(said, files);
      return {
        delivery: 'pending',
        messages: await messagesOf(job, to, { text: said, files, origin }),
        outbox: [...outbox, ...(await spoken(run, to, text))],
        wake() {
          // It is on disk only now: a look at what is on its way may have found nothing since.
          isAnyPending = true;
          for (const address of to) poster.wake(address);
          void settle();
        },
      };
    },
    async notice(owner) {
      const { person } = owner;
      const to = await targets.noticeAddress(owner, owner.delivery?.targets ?? []);
      return ({ key, text }) => ({
        delivery: 'none',
        messages: [],
        outbox: to ? poster.rows({ key: `jn.${key}`, to, kind: 'notice', person, text }) : [],
        wake() {
          if (to) poster.wake(to);
        },
      });
    },
    settle,
  };
}

function textOf({ job, occurrence }: Pick<JobRun, 'job' | 'occurrence'>, text: string, now: number): string {
  const head = job.work.kind === 'reminder' ? [] : [`**${job.name}**`];
  const isLate = occurrence.cause === 'schedule' && now - occurrence.dueAt > TOLD_LATE_MS;
  const foot = isLate ? [`(This was due ${instantText(occurrence.dueAt, job.schedule.timezone)}.)`] : [];
  return [...head, text, ...foot].join('\n\n');
}

/** Undefined while something is still on its way. */
function endOf(states: readonly OutboxState[]): 'sent' | 'uncertain' | 'failed' | undefined {
  if (states.some((state) => state === 'pending' || state === 'sending')) return undefined;
  // Rows that are gone were there long enough.
  if (states.length === 0) return 'uncertain';
  if (states.some((state) => state === 'dead' || state === 'expired')) return 'failed';
  return states.includes('uncertain') ? 'uncertain' : 'sent';
}
