// Runners on one database with a clock that is turned by hand, and work that does what a test says.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openData, type OpenedData, type ProcessDb } from '../../data/db.ts';
import { newRowId } from '../../data/row-id.ts';
import type { NewOutboxRow } from '../../data/process/outbox.ts';
import { createPerson } from '../../data/process/people.ts';
import type { StatementObserver } from '../../data/query/dialect.ts';
import { addJob } from '../../data/schedule/jobs.ts';
import type { OccurrenceRow } from '../../data/schedule/rows.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import type { JobRun, Runner, RunnerPorts } from '../../scheduler/ports.ts';
import { openRunner } from '../../scheduler/runner.ts';
import { nextAfter } from '../../scheduler/schedule/next.ts';
import { jobOf, jobTexts, type JobParts } from '../../scheduler/stored.ts';
import type { Job, Policy, Rule, RunOutcome, Schedule } from '../../scheduler/types.ts';
import { accountId, chatId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import type { Address } from '../../shared/messages.ts';
import { putEmptyDatabase } from '../support/built.ts';
import { makeFakeClock, type FakeClock } from '../support/fake-clock.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const HERE: Address = { platform: 'fake', account: accountId('bot'), chat: chatId('ann'), kind: 'dm' };

export interface TestClock extends FakeClock {
  /** Sets the clock without time passing: timers are as far away as before. */
  set(at: number): void;
}

/** A clock that can be set wrong. */
export function makeSettableClock(startMs?: number): TestClock {
  const clock = makeFakeClock(startMs);
  let offset = 0;
  return { ...clock, now: () => clock.now() + offset, set: (at) => void (offset = at - clock.now()) };
}

export interface Bench {
  db: ProcessDb;
  data: OpenedData;
  home: string;
  clock: TestClock;
  scope: Scope;
  /** Keys of attempts that were begun, in order. */
  began: JobRun[];
  notices: string[];
  results: string[];
  runner(extra?: Partial<RunnerPorts>): Runner;
  /** One that runs; `close` stops it. */
  start(extra?: Partial<RunnerPorts>): Promise<Runner>;
  /** A job of the person, planned from now on. */
  add(
    job: { rule: Rule } & Partial<Omit<JobParts, 'schedule' | 'policy'>> & {
        schedule?: Partial<Schedule>;
        policy?: Partial<Policy>;
      },
  ): Promise<Job>;
  rows(job?: Job): Promise<readonly OccurrenceRow[]>;
  job(id: string): Promise<Job>;
  close(): Promise<void>;
}

export const POLICY: Policy = {
  catchUp: 'latest',
  maxLateMs: DAY,
  rerun: 'resume',
  retries: 3,
  overlap: 'skip',
  timeoutMs: HOUR,
};

export const OK: RunOutcome = { end: 'done', text: 'fine', files: [], origin: 'agent', costMicroUsd: 5, tokens: 7 };

export function failure(more: Partial<Extract<RunOutcome, { end: 'failed' }>> = {}): RunOutcome {
  return {
    end: 'failed',
    failure: 'transient',
    errorCode: 'model_overloaded',
    reason: 'It was too busy.',
    costMicroUsd: 1,
    tokens: 1,
    ...more,
  };
}

export async function openBench(
  options: { home?: string; clock?: TestClock; observe?: StatementObserver } = {},
): Promise<Bench> {
  const home = options.home ?? mkdtempSync(path.join(os.tmpdir(), 'herald-scheduler-'));
  const clock = options.clock ?? makeSettableClock();
  putEmptyDatabase(home);
  const data = await openData({ home, clock, observe: options.observe, syncFile: async () => undefined });
  const { db } = data;
  const known = await db.query.selectFrom('persons').selectAll().executeTakeFirst();
  const person = known?.id ?? (await createPerson(db, { name: 'Ann', role: 'owner' })).id;
  const scope = personScope(person);
  const started: Runner[] = [];
  const bench: Bench = {
    db,
    data,
    home,
    clock,
    scope,
    began: [],
    notices: [],
    results: [],
    runner(extra = {}) {
      return openRunner({
        db,
        clock,
        log: silentLog,
        owner: newRowId(clock.now()),
        isAlone: false,
        limits: { parallel: 4, perPerson: 4 },
        async run(run, signal) {
          bench.began.push(run);
          return (await extra.run?.(run, signal)) ?? OK;
        },
        async result(run, { text }) {
          bench.results.push(`${run.job.name}: ${text}`);
          return { delivery: 'none', messages: [], outbox: [], wake: () => undefined };
        },
        notice: async () => (said) => ({
          delivery: 'none',
          messages: [],
          outbox: [letterOf(said)],
          wake: () => void bench.notices.push(said.text),
        }),
        ...without(extra),
      });
    },
    async start(extra) {
      const runner = bench.runner(extra);
      started.push(runner);
      await runner.start();
      return runner;
    },
    async add({ rule, schedule, policy, ...parts }) {
      const full: JobParts = {
        name: `job ${newRowId(clock.now())}`,
        work: { kind: 'reminder', text: 'hello' },
        condition: undefined,
        delivery: { targets: [{ kind: 'origin' }] },
        permissions: { role: 'owner', tools: [] },
        origin: HERE,
        createdBy: 'person',
        ...parts,
        schedule: { rule, text: '', timezone: 'UTC', ...schedule },
        policy: { ...POLICY, ...policy },
      };
      const id = newRowId(clock.now());
      const first = nextAfter(full.schedule, clock.now(), id);
      const row = await addJob(db, scope, {
        ...jobTexts(full),
        id,
        state: 'active',
        first: first && { ...first, cause: 'schedule' },
      });
      return jobOf(row);
    },
    async rows(job) {
      const rows = await db.query.selectFrom('occurrences').selectAll().orderBy('scheduled_at').orderBy('id').execute();
      return rows.filter((row) => job === undefined || row.job_id === job.id);
    },
    job: async (id) =>
      jobOf(await db.query.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow()),
    async close() {
      for (const runner of started) await runner.stop();
      await data.close();
      if (options.home === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
  return bench;
}

function without({ run: _run, ...rest }: Partial<RunnerPorts>): Partial<RunnerPorts> {
  return rest;
}

function letterOf({ key, text }: { key: string; text: string }): NewOutboxRow {
  return { key: `jn.${key}`, to: HERE, kind: 'notice', part: 0, parts: 1, text, ttlMs: DAY };
}

/** What lies on disk to be told, in order. */
export async function toldOnDisk({ db }: Bench): Promise<readonly string[]> {
  const rows = await db.query.selectFrom('outbox').select('text').orderBy('seq').execute();
  return rows.map(({ text }) => text);
}

/** States of the rows, in order of time. */
export async function statesOf(bench: Bench, job?: Job): Promise<readonly string[]> {
  return (await bench.rows(job)).map(({ state }) => state);
}
