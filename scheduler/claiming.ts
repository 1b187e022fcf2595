// One look at what is due: each run is taken under a lease, left for later, or ends as missed or skipped; and the run that follows it is
// planned. All of it is one transaction with what is told of it, so that no job is ever without its next run, and none is missed in silence.
import {
  changeOccurrence,
  claimOccurrence,
  getJobRow,
  hasLiveRun,
  listDue,
  setJobState,
} from '../data/process/schedule/claims.ts';
import { planOccurrence, recordMissed } from '../data/process/schedule/plans.ts';
import type { ProcessDb, Query } from '../data/db.ts';
import { enqueueOutbox } from '../data/process/outbox.ts';
import type { JobRow, OccurrenceRow } from '../data/schedule/rows.ts';
import type { PersonId } from '../shared/ids.ts';
import { BadSchedule, brokenNotice, following, isSetAside, setAside } from './broken.ts';
import { decideCatchUp, isLate } from './catch-up.ts';
import { missedNotices, type Missed } from './missed.ts';
import type { Dispatch, Letter, NoticeOwner, RunnerPorts } from './ports.ts';
import { planFollowing } from './planning.ts';
import { readableJob } from './stored.ts';
import type { Job, PlannedRun } from './types.ts';
import { isWaiting, WAITS } from './waiting.ts';

/** Rows looked at in one transaction: nobody else writes meanwhile. */
const BATCH = 100;

export interface ClaimInput {
  db: ProcessDb;
  owner: string;
  /** Of the leases. */
  until: number;
  /** How many runs there is room for. */
  room: number;
  /** How many more each person may have; by default `perPerson`. */
  perPerson: number;
  running: ReadonlyMap<PersonId, number>;
  notice: RunnerPorts['notice'];
}

export interface Claimed {
  id: string;
  job: Job;
}

export interface Look {
  claimed: readonly Claimed[];
  /** True when there may be more that is due and can be taken. */
  hasMore: boolean;
}

/** Rolls a look back: where these are told is not known yet, and nothing but the database is asked within a transaction. */
class Untold extends Error {
  readonly owners: ReadonlyMap<string, NoticeOwner>;
  constructor(owners: ReadonlyMap<string, NoticeOwner>) {
    super('it is not known whom to tell');
    this.owners = owners;
  }
}

export async function claimDue(input: ClaimInput): Promise<Look> {
  const letters = new Map<string, Letter>();
  for (;;) {
    try {
      const { told, ...look } = await claimTold(input, letters);
      for (const { wake } of told) wake();
      return look;
    } catch (error) {
      if (!(error instanceof Untold)) throw error;
      for (const [id, owner] of error.owners) letters.set(id, await input.notice(owner));
    }
  }
}

async function claimTold(
  input: ClaimInput,
  letters: ReadonlyMap<string, Letter>,
): Promise<Look & { told: readonly Dispatch[] }> {
  const { db } = input;
  const running = new Map(input.running);
  const busy = [...running].filter(([, count]) => count >= input.perPerson).map(([person]) => person);
  const claimed: Claimed[] = [];
  const missed: Missed[] = [];
  const broken: JobRow[] = [];
  let changes = 0;
  let looked = 0;
  let isCaughtUp = false;
  const told: Dispatch[] = [];
  await db.query.transaction().execute(async (trx) => {
    const rows = await listDue(db, { except: busy, limit: BATCH }, trx);
    looked = rows.length;
    for (const row of rows) {
      const step = await take({ ...input, trx }, row, {
        hasRoom: claimed.length < input.room && (running.get(row.person_id) ?? 0) < input.perPerson,
      });
      if (step.missed) missed.push(step.missed);
      if (step.broken) broken.push(step.broken);
      if (step.job) {
        claimed.push({ id: row.id, job: step.job });
        running.set(row.person_id, (running.get(row.person_id) ?? 0) + 1);
      }
      if (step.isChanged) changes++;
      // One that has to wait is no reason to look again at once.
      if (step.isChanged && step.isCaughtUp) isCaughtUp = true;
    }
    told.push(...tell({ missed, broken }, letters));
    for (const { outbox } of told) await enqueueOutbox(db, outbox, trx);
  });
  const hasMore = claimed.length < input.room && (isCaughtUp || (looked === BATCH && changes > 0));
  return { claimed, hasMore, told };
}

/** Throws `Untold` when there is no letter for one of them yet. */
function tell(
  { missed, broken }: { missed: readonly Missed[]; broken: readonly JobRow[] },
  letters: ReadonlyMap<string, Letter>,
): readonly Dispatch[] {
  const notices: readonly { id: string; owner: NoticeOwner; said: Parameters<Letter>[0] }[] = [
    ...missedNotices(missed).map(({ job, ...said }) => ({ id: job.id, owner: job, said })),
    ...broken.map((row) => ({ id: row.id, owner: { person: row.person_id }, said: brokenNotice(row) })),
  ];
  const unknown = notices.filter(({ id }) => !letters.has(id));
  if (unknown.length > 0) throw new Untold(new Map(unknown.map(({ id, owner }) => [id, owner])));
  return notices.flatMap(({ id, said }) => letters.get(id)?.(said) ?? []);
}

interface Step {
  /** It was taken. */
  job?: Job;
  missed?: Missed | undefined;
  /** Its job was set aside, of which its person is to hear. */
  broken?: JobRow | undefined;
  isChanged: boolean;
  /** Runs were added that are due. */
  isCaughtUp?: boolean;
}

type Within = ClaimInput & { trx: Query };

const UNCHANGED: Step = { isChanged: false };

async function take(input: Within, row: OccurrenceRow, { hasRoom }: { hasRoom: boolean }): Promise<Step> {
  const { db, trx } = input;
  const jobRow = await getJobRow(db, row.job_id, trx);
  if (!jobRow || jobRow.state === 'removed') return endRow(input, row, { reason: 'the job was removed' });
  const job = readableJob(jobRow);
  if (!job) return leaveAside(input, jobRow);
  if (jobRow.state === 'paused' && row.cause !== 'manual') {
    if (!isWaiting(job)) return endRow(input, row, { reason: 'the job is paused' });
    // Told once: what follows is not planned before it is confirmed.
    const missed = { job, count: 1, since: row.due_at, reason: WAITS, isMadeUp: false };
    return { ...(await endRow(input, row, { reason: WAITS })), missed };
  }
  try {
    return await takeUp(input, { row, jobRow, job }, { hasRoom });
  } catch (error) {
    if (error instanceof BadSchedule) return leaveAside(input, jobRow);
    throw error;
  }
}

async function leaveAside({ db, trx }: Within, jobRow: JobRow): Promise<Step> {
  await setAside(db, jobRow, trx);
  return { isChanged: true, broken: isSetAside(jobRow) ? undefined : jobRow };
}

/** Throws `BadSchedule` before anything of the row is written. */
async function takeUp(input: Within, found: Found, { hasRoom }: { hasRoom: boolean }): Promise<Step> {
  const { row } = found;
  const isFirst = row.cause === 'schedule' && row.attempts === 0 && row.interruptions === 0;
  if (!isFirst || !isLate(row.due_at, input.db.clock.now())) return begin(input, found, { hasRoom, isFirst });
  const missed = await catchUp(input, found);
  if (missed) return { isChanged: true, isCaughtUp: true, missed };
  return { ...(await begin(input, found, { hasRoom, isFirst, isMadeUp: true })), isCaughtUp: true };
}

interface Found {
  row: OccurrenceRow;
  jobRow: JobRow;
  job: Job;
}

async function begin(
  input: Within,
  { row, jobRow, job }: Found,
  { hasRoom, isFirst, isMadeUp = false }: { hasRoom: boolean; isFirst: boolean; isMadeUp?: boolean },
): Promise<Step> {
  const { db, trx } = input;
  if (await hasLiveRun(db, job.id, row.id, trx)) {
    // Runs that are made up for come one after the other.
    if (!isFirst || isMadeUp || job.policy.overlap === 'wait') return UNCHANGED;
    await planNext(input, jobRow, job, row.scheduled_at);
    return endRow(input, row, { reason: 'the run before it still went on' });
  }
  if (!hasRoom) return UNCHANGED;
  if (isFirst) await planNext(input, jobRow, job, row.scheduled_at);
  const isMine = await claimOccurrence(db, { id: row.id, owner: input.owner, until: input.until }, trx);
  return isMine ? { job, isChanged: true } : UNCHANGED;
}

async function endRow({ db, trx }: Within, { id }: OccurrenceRow, { reason }: { reason: string }): Promise<Step> {
  const change = { state: 'skipped', nextAt: null, reason, endedAt: db.clock.now() } as const;
  await changeOccurrence(db, { id, from: ['planned', 'interrupted'] }, change, trx);
  return { isChanged: true };
}

/** Undefined: this row is to run now. */
async function catchUp({ db, trx }: Within, { row, jobRow, job }: Found): Promise<Missed | undefined> {
  const first: PlannedRun = { scheduledAt: row.scheduled_at, dueAt: row.due_at };
  const { run, missed, last } = following(() => decideCatchUp(job, first, db.clock.now()));
  const isMissed = missed.some(({ run: one }) => one.scheduledAt === row.scheduled_at);
  const hasNext = await planFollowing({ db, trx }, { jobRow, job }, last.scheduledAt);
  for (const reason of new Set(missed.map((one) => one.reason))) {
    const runs = missed.filter((one) => one.reason === reason).map((one) => one.run);
    await recordMissed(db, jobRow, { runs, reason }, trx);
  }
  for (const one of run) await planOccurrence(db, jobRow, one, trx);
  if (!hasNext && run.length === 0) await setJobState(db, job.id, { from: 'active', to: 'done' }, trx);
  if (!isMissed && run.some((one) => one.scheduledAt === row.scheduled_at)) return undefined;
  // Of very many the oldest are not looked at one by one.
  const reason = missed.find((one) => one.run.scheduledAt === row.scheduled_at)?.reason ?? missed[0]?.reason ?? '';
  const change = { state: 'missed', nextAt: null, reason, endedAt: db.clock.now() } as const;
  await changeOccurrence(db, { id: row.id, from: ['planned'] }, change, trx);
  const count = Math.max(1, missed.length);
  return { job, count, since: row.scheduled_at, reason, isMadeUp: run.length > 0 };
}

async function planNext({ db, trx }: Within, jobRow: JobRow, job: Job, after: number): Promise<void> {
  if (jobRow.state !== 'active') return;
  if (!(await planFollowing({ db, trx }, { jobRow, job }, after)))
    await setJobState(db, job.id, { from: 'active', to: 'done' }, trx);
}
