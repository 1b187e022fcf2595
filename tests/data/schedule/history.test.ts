// The history of jobs: how long it stays, what goes with it, and what ends with a job that is removed.
import { describe, expect, test } from 'vitest';
import type { ProcessDb } from '../../../data/db.ts';
import { createPerson } from '../../../data/process/people.ts';
import { pruneRuns } from '../../../data/process/schedule/prune.ts';
import { addJob, changeJob } from '../../../data/schedule/jobs.ts';
import { addTrigger, listTriggers } from '../../../data/schedule/triggers.ts';
import { personScope, type Scope } from '../../../data/scope.ts';
import { addTask, beginTask, findTask } from '../../../data/work/tasks.ts';
import { jobTexts } from '../../../scheduler/stored.ts';
import { sessionId, turnId } from '../../../shared/ids.ts';
import { HERE, POLICY } from '../../scheduler/bench.ts';
import { openTemporaryData } from '../temporary-data.ts';

const DAY = 24 * 3_600_000;

async function open() {
  const { db, clock } = await openTemporaryData();
  const scope = personScope((await createPerson(db, { name: 'Ann', role: 'owner' })).id);
  const job = (id: string) =>
    addJob(db, scope, {
      ...jobTexts({
        name: id,
        schedule: { rule: { kind: 'trigger' }, text: '', timezone: 'UTC' },
        work: { kind: 'prompt', prompt: 'x' },
        condition: undefined,
        delivery: { targets: [] },
        permissions: { role: 'owner', tools: [] },
        policy: POLICY,
        origin: HERE,
        createdBy: 'person',
      }),
      id,
      state: 'active',
      first: undefined,
    });
  return { db, clock, scope, job };
}

type Run = { state?: 'done' | 'failed' | 'running' | 'interrupted'; delivery?: 'sent' | 'pending'; next?: number };

/** A run with the turn that worked for it. */
async function addRun(db: ProcessDb, scope: Scope, of: { job: string; id: string; at: number } & Run): Promise<void> {
  const { id, at, state = 'done', delivery = 'sent', next = null } = of;
  await db.query
    .insertInto('occurrences')
    .values({
      id,
      job_id: of.job,
      space_id: scope.space,
      person_id: scope.person,
      scheduled_at: at,
      due_at: at,
      next_at: next,
      cause: 'schedule',
      trigger_key: null,
      state,
      delivery,
      attempts: 1,
      failures: 0,
      reason: null,
      failure: null,
      error_code: null,
      interruptions: 0,
      lease_owner: null,
      lease_until: null,
      input: null,
      input_origin: null,
      result: 'r',
      result_origin: 'agent',
      files: null,
      cost_micro_usd: 1,
      tokens: 1,
      started_at: at,
      ended_at: at,
      created_at: at,
      updated_at: at,
    })
    .execute();
  const root = turnId(`job.${id}.0`);
  const task = await addTask(db, scope, {
    root,
    parent: undefined,
    session: sessionId(''),
    turn: root,
    key: 'job',
    address: HERE,
    name: id,
    preset: '',
    goal: 'x',
    spec: '{}',
    depth: 0,
    background: false,
  });
  await beginTask(db, scope, task.id);
}

async function count(db: ProcessDb, table: 'jobs' | 'occurrences' | 'tasks' | 'sessions' | 'turns'): Promise<number> {
  return (await db.query.selectFrom(table).select('id').execute()).length;
}

const counts = async (db: ProcessDb) =>
  Promise.all((['occurrences', 'tasks', 'sessions', 'turns'] as const).map((table) => count(db, table)));

describe('retention', () => {
  test('of each job the last 50 runs stay, and all of 90 days; their turns go with the others', async () => {
    const { db, clock, scope, job } = await open();
    const [busy, rare] = [await job('busy'), await job('rare')];
    const start = clock.now();
    for (let i = 0; i < 60; i++) await addRun(db, scope, { job: busy.id, id: `b${i}`, at: start + i });
    await addRun(db, scope, { job: rare.id, id: 'r', at: start });
    await clock.advance(90 * DAY);
    expect(await pruneRuns(db)).toBe(0);
    await clock.advance(5);
    // Those of the first five instants are old, of the others none is.
    expect(await pruneRuns(db, { batch: 2 })).toBe(5);
    expect(await counts(db)).toEqual([56, 56, 56, 56]);
    await clock.advance(DAY);
    expect([await pruneRuns(db), await pruneRuns(db)]).toEqual([5, 0]);
    expect(await counts(db)).toEqual([51, 51, 51, 51]);
  });

  test('what is not over stays, however old; a removed job goes when its history does', async () => {
    const { db, clock, scope, job } = await open();
    const { id } = await job('gone');
    const at = clock.now();
    await addRun(db, scope, { job: id, id: 'live', at, state: 'running' });
    await addRun(db, scope, { job: id, id: 'waits', at: at + 1, state: 'interrupted', next: at });
    await addRun(db, scope, { job: id, id: 'sending', at: at + 2, delivery: 'pending' });
    await addRun(db, scope, { job: id, id: 'over', at: at + 3 });
    await db.query.updateTable('jobs').set({ state: 'removed' }).execute();
    await clock.advance(91 * DAY);
    expect(await pruneRuns(db)).toBe(1);
    await db.query.updateTable('occurrences').set({ state: 'done', next_at: null, delivery: 'sent' }).execute();
    expect(await pruneRuns(db)).toBe(4);
    expect([...(await counts(db)), await count(db, 'jobs')]).toEqual([0, 0, 0, 0, 0]);
  });
});

test('a job that is removed takes along what begins it, and the turn of a run that waited to go on', async () => {
  const { db, clock, scope, job } = await open();
  const { id } = await job('gone');
  const other = await job('stays');
  await addTrigger(db, scope, { job: id, kind: 'hook', spec: '{}', secret: 's' });
  await addTrigger(db, scope, { job: other.id, kind: 'process', spec: '{}' });
  await addRun(db, scope, { job: id, id: 'waits', at: clock.now(), state: 'interrupted', next: clock.now() });
  await addRun(db, scope, { job: id, id: 'live', at: clock.now() + 1, state: 'running' });
  await addRun(db, scope, { job: other.id, id: 'other', at: clock.now(), state: 'interrupted', next: clock.now() });
  await changeJob(db, scope, id, { state: 'removed', next: null, skipped: 'the job was removed' });
  const stateOf = async (run: string) =>
    (await findTask(db, scope, { turn: turnId(`job.${run}.0`), key: 'job' }))?.state;
  // Whoever runs the live one ends it.
  expect([await stateOf('waits'), await stateOf('live'), await stateOf('other')]).toEqual([
    'stopped',
    'running',
    'running',
  ]);
  expect((await listTriggers(db, scope)).map((trigger) => trigger.job)).toEqual([other.id]);
  expect(await db.query.selectFrom('triggers').select('secret').where('job_id', '=', id).execute()).toEqual([
    { secret: null },
  ]);
  const turns = await db.query.selectFrom('turns').select('state').orderBy('state').execute();
  expect(turns.map(({ state }) => state)).toEqual(['running', 'running', 'stopped']);
});
