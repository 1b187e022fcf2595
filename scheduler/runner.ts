// Runs what is due: one timer to the nearest instant, leases that are kept alive while something runs, no work at all while nothing does.
import { changeOccurrence, nextInstant, renewLeases, startOccurrence } from '../data/process/schedule/claims.ts';
import { lastWritten } from '../data/process/schedule/plans.ts';
import { storedScope } from '../data/scope.ts';
import type { Clock } from '../shared/clock.ts';
import { withDeadline } from '../shared/deadline.ts';
import { AppError, asAppError } from '../shared/errors.ts';
import { untilStored } from '../shared/held-up.ts';
import type { PersonId } from '../shared/ids.ts';
import { claimDue, type Claimed } from './claiming.ts';
import { endRun, parkRun } from './ending.ts';
import type { JobRun, Runner, RunnerPorts } from './ports.ts';
import { planForgotten, recoverAbandoned, replanAll } from './recovery.ts';
import { spanText } from './schedule/describe.ts';
import { occurrenceOf } from './stored.ts';
import type { RunOutcome } from './types.ts';

const LEASE_MS = 60_000;
const HEARTBEAT_MS = 20_000;
const MAX_SLEEP_MS = 5 * 60_000;
/** Smaller steps back are a clock that is kept in order. */
const SET_BACK_MS = 60_000;
/** How long the end of the process waits for runs that do not heed their signal. */
const STOP_MS = 8_000;
/** After a look that failed. */
const RETRY_MS = 15_000;

interface Running {
  job: string;
  person: PersonId;
  controller: AbortController;
  done: Promise<void>;
}

/** Why a run is ended before its time. */
class RunCut extends AppError {
  readonly why: 'shutdown' | 'stopped' | 'lost';
  constructor(why: 'shutdown' | 'stopped' | 'lost') {
    // What is cut off by the end of the process goes on with the next one.
    super('cancelled', why === 'shutdown' ? 'Herald is stopping.' : 'The run was stopped.', {
      retryable: why === 'shutdown',
    });
    this.why = why;
  }
}

export function openRunner(ports: RunnerPorts): Runner {
  const { db, clock, log, owner, limits } = ports;
  const running = new Map<string, Running>();
  const ending = new AbortController();
  let cancelTimer: (() => void) | undefined;
  let cancelBeat: (() => void) | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  let lastSeen = clock.now();

  function look(): Promise<void> {
    again = true;
    looking ??= lookWhileAsked().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function lookWhileAsked(): Promise<void> {
    while (again && !ending.signal.aborted) {
      again = false;
      try {
        await lookOnce();
        await arm();
      } catch (error) {
        if (ending.signal.aborted) return;
        log.error({ err: error }, 'what is due could not be looked at; it is tried again');
        setTimer(RETRY_MS);
      }
    }
  }

  async function lookOnce(): Promise<void> {
    const now = clock.now();
    if (now < lastSeen - SET_BACK_MS) await replanAll(ports);
    lastSeen = now;
    await recoverAbandoned(ports, false);
    await claimWhatIsDue();
  }

  async function claimWhatIsDue(): Promise<void> {
    for (;;) {
      const room = limits.parallel - running.size;
      if (room <= 0) break;
      const found = await claimDue({
        db,
        owner,
        until: clock.now() + LEASE_MS,
        room,
        perPerson: limits.perPerson,
        running: countByPerson(),
        notice: ports.notice,
      });
      if (ending.signal.aborted) return giveBack(found.claimed);
      for (const claimed of found.claimed) launch(claimed);
      if (!found.hasMore) break;
    }
  }

  /** The process ends: what has not begun begins with the next one. */
  async function giveBack(claimed: readonly Claimed[]): Promise<void> {
    for (const { id } of claimed)
      await changeOccurrence(db, { id, from: ['claimed'], owner }, { state: 'planned', nextAt: clock.now() });
  }

  function countByPerson(): ReadonlyMap<PersonId, number> {
    const counts = new Map<PersonId, number>();
    for (const { person } of running.values()) counts.set(person, (counts.get(person) ?? 0) + 1);
    return counts;
  }

  async function arm(): Promise<void> {
    if (again || ending.signal.aborted) return;
    const { isAnyDue, at } = await nextInstant(db, owner);
    if (!isAnyDue && at === undefined) {
      cancelTimer?.();
      cancelTimer = undefined;
      return;
    }
    // What is due and could not be taken waits for a run to end, which looks again.
    const againMs = isAnyDue && running.size === 0 ? RETRY_MS : Infinity;
    setTimer(Math.min(againMs, at === undefined ? Infinity : Math.max(0, at - clock.now())));
  }

  function setTimer(ms: number): void {
    cancelTimer?.();
    cancelTimer = clock.after(Math.min(ms, ports.maxSleepMs ?? MAX_SLEEP_MS), () => void look());
  }

  function beat(): void {
    if (cancelBeat || running.size === 0 || ending.signal.aborted) return;
    cancelBeat = clock.after(HEARTBEAT_MS, () => {
      cancelBeat = undefined;
      if (running.size === 0) return;
      void renew().finally(beat);
    });
  }

  async function renew(): Promise<void> {
    try {
      const held = new Set(await renewLeases(db, owner, clock.now() + LEASE_MS));
      for (const [id, run] of running) if (!held.has(id)) run.controller.abort(new RunCut('lost'));
    } catch (error) {
      log.warn({ err: error }, 'leases of runs could not be lengthened; it is tried again');
    }
  }

  function launch({ id, job }: Claimed): void {
    const controller = new AbortController();
    const done = runOne({ id, job }, controller.signal)
      .catch((error: unknown) => log.error({ err: error, occurrence: id }, 'a run failed outside of its work'))
      .finally(() => {
        running.delete(id);
        if (!ending.signal.aborted) void look();
      });
    running.set(id, { job: job.id, person: job.person, controller, done });
    beat();
  }

  async function runOne({ id, job }: Claimed, signal: AbortSignal): Promise<void> {
    const row = await startOccurrence(db, id, owner);
    if (!row) return;
    // What it does must not be done again after a power cut by somebody who knows nothing of it.
    await db.flush();
    const occurrence = occurrenceOf(row);
    const key = `${id}.${occurrence.failures}`;
    const run: JobRun = { job, occurrence, key, scope: storedScope(job.person, job.space) };
    const outcome = await attempt(run, signal);
    const disk = { clock, log, signal: ending.signal };
    await untilStored(disk, 'the end of a run', async () => {
      if (outcome.end === 'cut') return parkRun(ports, run);
      await endRun(ports, run, outcome);
    });
  }

  async function attempt(run: JobRun, parent: AbortSignal): Promise<RunOutcome> {
    const { timeoutMs } = run.job.policy;
    try {
      return await withDeadline({ clock, timeoutMs, parent }, async (signal) => {
        const outcome = await ports.run(run, signal);
        if (!signal.aborted || outcome.end === 'done') return outcome;
        return cutOutcome(parent, outcome, timeoutMs);
      });
    } catch (error) {
      const { code, publicMessage } = asAppError(error);
      log.error({ err: error, job: run.job.id }, 'a run broke its promise and failed outside of it');
      return {
        end: 'failed',
        failure: 'permanent',
        errorCode: code,
        reason: publicMessage,
        costMicroUsd: 0,
        tokens: 0,
      };
    }
  }

  return {
    async start() {
      // The clock may have been wrong in an earlier process.
      lastSeen = Math.max(lastSeen, (await lastWritten(db)) ?? 0);
      await recoverAbandoned(ports, ports.isAlone);
      await planForgotten(ports);
      await look();
    },
    wake: () => void look(),
    stopJob(job) {
      for (const run of running.values()) if (run.job === job) run.controller.abort(new RunCut('stopped'));
    },
    async stop() {
      ending.abort(new RunCut('shutdown'));
      cancelTimer?.();
      cancelBeat?.();
      for (const { controller } of running.values()) controller.abort(new RunCut('shutdown'));
      await looking;
      await atMost(clock, STOP_MS, Promise.all([...running.values()].map(({ done }) => done)));
    },
  };
}

/** What does not end in time is left to the next start, which finds it interrupted. */
async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const enough = new AbortController();
  await Promise.race([work, clock.sleep(ms, enough.signal).catch(() => undefined)]);
  enough.abort();
}

function cutOutcome(parent: AbortSignal, outcome: RunOutcome, timeoutMs: number): RunOutcome {
  const spent = 'costMicroUsd' in outcome ? outcome : { costMicroUsd: 0, tokens: 0 };
  const { costMicroUsd, tokens } = spent;
  if (!parent.aborted) {
    // It has ended by now: that is what makes another attempt safe.
    const reason = `It took longer than ${spanText(timeoutMs)} and was stopped.`;
    const failure = outcome.end === 'failed' && outcome.failure === 'lost' ? 'lost' : 'transient';
    return { end: 'failed', failure, errorCode: 'timeout', reason, costMicroUsd, tokens };
  }
  if (parent.reason instanceof RunCut && parent.reason.why === 'stopped')
    return { end: 'skipped', reason: 'it was stopped', costMicroUsd, tokens };
  return { end: 'cut' };
}
