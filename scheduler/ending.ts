// The end of an attempt on disk: its state, the job's count of failures, what conversations hold and what is sent, in one transaction.
import { changeOccurrence, getJobRow } from '../data/process/schedule/claims.ts';
import { findPlanned } from '../data/process/schedule/plans.ts';
import { enqueueOutbox } from '../data/process/outbox.ts';
import { finishOccurrence } from '../data/process/schedule/finish.ts';
import { decideEnding, type Ending } from './outcome.ts';
import type { Dispatch, JobRun, RunnerPorts } from './ports.ts';
import { cutOffText } from './recovery.ts';
import { instantText } from './schedule/describe.ts';
import { readableJob } from './stored.ts';
import type { RunOutcome } from './types.ts';

type Ended = Exclude<RunOutcome, { end: 'cut' }>;

/** Writes how a run ended. False when it was not ours any more: somebody else ends it. */
export async function endRun(ports: RunnerPorts, run: JobRun, outcome: Ended): Promise<boolean> {
  const { db } = ports;
  const row = await getJobRow(db, run.job.id);
  // As it stands now: it may have been changed meanwhile.
  const job = (row && readableJob(row)) ?? run.job;
  const planned = await findPlanned(db, job.id);
  const ending = decideEnding(job, run.occurrence, outcome, { now: db.clock.now(), followedAt: planned?.due_at });
  const dispatches = await dispatchesOf(ports, { ...run, job }, { outcome, ending });
  const main = dispatches.find(({ isResult }) => isResult);
  const isDone = await finishOccurrence(db, {
    id: run.occurrence.id,
    owner: ports.owner,
    state: ending.state,
    nextAt: ending.nextAt ?? null,
    failures: ending.failures,
    reason: outcome.end === 'done' ? null : outcome.reason,
    failure: outcome.end === 'failed' ? outcome.failure : null,
    errorCode: outcome.end === 'failed' ? outcome.errorCode : null,
    delivery: main?.delivery ?? 'none',
    result: outcome.end === 'done' ? outcome : undefined,
    costMicroUsd: outcome.costMicroUsd,
    tokens: outcome.tokens,
    job: ending.job && {
      id: job.id,
      failures: ending.job.failures,
      alertedAt: ending.job.alertedAt ?? null,
      pausedFor: ending.job.isPaused ? `it failed ${ending.job.failures} times in a row` : undefined,
    },
    endsJob: outcome.end === 'done' && outcome.isFinal === true ? job.id : undefined,
    messages: dispatches.flatMap(({ messages }) => messages),
    outbox: dispatches.flatMap(({ outbox }) => outbox),
  });
  if (!isDone) return false;
  for (const { wake } of dispatches) wake();
  return true;
}

async function dispatchesOf(
  ports: RunnerPorts,
  run: JobRun,
  { outcome, ending }: { outcome: Ended; ending: Ending },
): Promise<readonly (Dispatch & { isResult: boolean })[]> {
  const found: (Dispatch & { isResult: boolean })[] = [];
  if (outcome.end === 'done') found.push({ ...(await ports.result(run, outcome)), isResult: true });
  const text = noticeText(run, outcome, ending);
  const key = `${run.key}.${ending.notice ?? ''}`;
  if (text !== undefined) found.push({ ...(await ports.notice(run.job))({ key, text }), isResult: false });
  return found;
}

function noticeText({ job, occurrence }: JobRun, outcome: Ended, { notice, job: change }: Ending): string | undefined {
  const reason = outcome.end === 'failed' ? outcome.reason : '';
  const when = instantText(occurrence.scheduledAt, job.schedule.timezone);
  switch (notice) {
    case undefined:
      return undefined;
    case 'recovered':
      return `The job "${job.name}" works again.`;
    case 'alert':
      return `The job "${job.name}" (${when}) failed: ${reason}`;
    case 'paused':
      return `The job "${job.name}" failed ${change?.failures ?? 0} times in a row and is paused now. The last time: ${reason} \`/cron resume ${job.name}\` lets it go on.`;
  }
}

/** The process ends: a run that can go on does so at the next start, without a word; of another its person is told. */
export async function parkRun(ports: RunnerPorts, { job, occurrence }: JobRun): Promise<void> {
  const { db, owner } = ports;
  const now = db.clock.now();
  const at = { id: occurrence.id, from: ['claimed', 'running'] as const, owner };
  if (job.policy.rerun === 'resume') {
    await changeOccurrence(db, at, { state: 'planned', nextAt: now });
    return;
  }
  const interruptions = occurrence.interruptions + 1;
  const letter = await ports.notice(job);
  const notice = letter({ key: `${occurrence.id}.i${interruptions}`, text: cutOffText(job, false) });
  const change = {
    state: 'interrupted',
    nextAt: null,
    interruptions,
    reason: 'Herald stopped while it ran',
    failure: 'lost',
    endedAt: now,
  } as const;
  const isChanged = await db.query.transaction().execute(async (trx) => {
    const isMine = await changeOccurrence(db, at, change, trx);
    if (isMine) await enqueueOutbox(db, notice.outbox, trx);
    return isMine;
  });
  if (isChanged) notice.wake();
}
