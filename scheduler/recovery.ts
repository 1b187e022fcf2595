// What a crash or a clock that was set leaves behind: runs that nobody works on any more, and plans that lie too far ahead.
import { changeOccurrence, getJobRow, listAbandoned } from '../data/process/schedule/claims.ts';
import { findPlanned, forgetAhead, hasRun, listActiveJobs, movePlanned } from '../data/process/schedule/plans.ts';
import type { ProcessDb, Query } from '../data/db.ts';
import { enqueueOutbox } from '../data/process/outbox.ts';
import type { JobRow, OccurrenceRow } from '../data/schedule/rows.ts';
import { BadSchedule, brokenNotice, following, isSetAside, setAside } from './broken.ts';
import { planFollowing } from './planning.ts';
import type { RunnerPorts } from './ports.ts';
import { nextAfter, nextRun } from './schedule/next.ts';
import { readableJob } from './stored.ts';
import type { Job } from './types.ts';

/** A run that was going on in this many crashes is not begun again. */
const MAX_INTERRUPTIONS = 3;
/** Instants that are taken already, one after the other. */
const MAX_STEPS = 1_000;

/** Gives back what runners hold that have ended; with `all`, whatever their leases say. */
export async function recoverAbandoned(ports: RunnerPorts, all: boolean): Promise<void> {
  for (const row of await listAbandoned(ports.db, { owner: ports.owner, all })) {
    try {
      await recoverOne(ports, row);
    } catch (error) {
      ports.log.error({ err: error, occurrence: row.id }, 'a run that was cut off could not be taken up');
    }
  }
}

async function recoverOne(ports: RunnerPorts, row: OccurrenceRow): Promise<void> {
  const { db } = ports;
  const now = db.clock.now();
  const at = { id: row.id, owner: row.lease_owner };
  // It had not begun: nothing was done that could be done twice.
  if (row.state === 'claimed') {
    await changeOccurrence(db, { ...at, from: ['claimed'] }, { state: 'planned', nextAt: now });
    return;
  }
  const jobRow = await getJobRow(db, row.job_id);
  const job = jobRow && readableJob(jobRow);
  const broken = job || jobRow?.state === 'removed' ? undefined : jobRow;
  const interruptions = row.interruptions + 1;
  const goesOn = job?.policy.rerun === 'resume' && interruptions < MAX_INTERRUPTIONS && job.state !== 'removed';
  const change = {
    state: 'interrupted',
    nextAt: goesOn ? now : null,
    interruptions,
    reason: 'Herald stopped while it ran',
    ...(goesOn ? {} : { failure: 'lost', endedAt: now }),
  } as const;
  const letter = await ports.notice(job ?? { person: row.person_id });
  const notice = job
    ? letter({ key: `${row.id}.i${interruptions}`, text: cutOffText(job, goesOn) })
    : broken && !isSetAside(broken) && letter(brokenNotice(broken));
  const isChanged = await db.query.transaction().execute(async (trx) => {
    const isMine = await changeOccurrence(db, { ...at, from: ['running'] }, change, trx);
    if (isMine && broken) await setAside(db, broken, trx);
    if (isMine && notice) await enqueueOutbox(db, notice.outbox, trx);
    return isMine;
  });
  if (isChanged && notice) notice.wake();
}

export function cutOffText(job: Job, goesOn: boolean): string {
  return goesOn
    ? `Herald was stopped while the job "${job.name}" ran. It goes on now where it was.`
    : `Herald was stopped while the job "${job.name}" ran, and it is not begun again by itself, since nobody knows how far it came. \`/cron run ${job.name}\` runs it again.`;
}

/** The clock went back: what was planned from a wrong time is planned anew; what ran stays done. */
export async function replanAll({ db, log }: RunnerPorts): Promise<void> {
  await db.query.transaction().execute(async (trx) => {
    await forgetAhead(db, trx);
    for (const row of await listActiveJobs(db, trx)) {
      await replan(db, row, trx).catch(onlyBadSchedule);
    }
  });
  log.warn({}, 'the clock went back; the next runs of all jobs were planned anew');
}

/** Such a job is set aside when it is due. */
function onlyBadSchedule(error: unknown): false {
  if (error instanceof BadSchedule) return false;
  throw error;
}

async function replan(db: ProcessDb, row: JobRow, trx: Query): Promise<void> {
  const job = readableJob(row);
  if (!job) return;
  const planned = await findPlanned(db, row.id, trx);
  let next = following(() => nextAfter(job.schedule, db.clock.now(), job.id));
  for (let i = 0; next && i < MAX_STEPS && (await hasRun(db, row.id, next.scheduledAt, trx)); i++)
    next = nextRun(job.schedule, next.scheduledAt, job.id);
  if (!planned || !next || (await hasRun(db, row.id, next.scheduledAt, trx))) return;
  if (next.scheduledAt < planned.scheduled_at) await movePlanned(db, planned.id, next, trx);
}

/** An active job without a run before it would never run again, whatever took it away. */
export async function planForgotten({ db, log }: RunnerPorts): Promise<void> {
  await db.query.transaction().execute(async (trx) => {
    for (const row of await listActiveJobs(db, trx)) {
      const job = readableJob(row);
      if (!job || (await findPlanned(db, row.id, trx))) continue;
      const isPlanned = await planFollowing({ db, trx }, { jobRow: row, job }, db.clock.now()).catch(onlyBadSchedule);
      if (isPlanned) log.warn({ job: row.id }, 'a job had no next run; it is planned anew');
    }
  });
}
