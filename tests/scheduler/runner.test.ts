// The runner with a clock that is turned by hand: what runs when, how often, and what is told.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addOccurrence } from '../../data/schedule/occurrences.ts';
import { changeJob } from '../../data/schedule/jobs.ts';
import type { RunnerPorts } from '../../scheduler/ports.ts';
import type { RunOutcome } from '../../scheduler/types.ts';
import { DAY, failure, HOUR, makeSettableClock, MINUTE, OK, openBench, statesOf, type Bench } from './bench.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const daily = { kind: 'cron', expressions: ['0 13 * * *'] } as const;
const after = (ms: number) => ({ kind: 'once', at: bench.clock.now() + ms }) as const;

describe('what is due', () => {
  it('runs at its instant, once, and the next run is planned in the same breath', async () => {
    const job = await bench.add({ rule: daily });
    await bench.start();
    await bench.clock.advance(HOUR - 1_000);
    expect(bench.began).toHaveLength(0);
    await bench.clock.advance(1_000);
    expect(bench.began).toHaveLength(1);
    expect(await statesOf(bench, job)).toEqual(['done', 'planned']);
    await bench.clock.advance(3 * DAY);
    expect(await statesOf(bench, job)).toEqual(['done', 'done', 'done', 'done', 'planned']);
    expect(new Set(bench.began.map(({ key }) => key)).size).toBe(4);
  });

  it('leaves no timer and does no work when there is no job', async () => {
    const runner = await bench.start();
    expect(bench.clock.pending()).toBe(0);
    const job = await bench.add({ rule: after(MINUTE) });
    runner.wake();
    await bench.clock.advance(2 * MINUTE);
    expect((await bench.job(job.id)).state).toBe('done');
    expect(bench.clock.pending()).toBe(0);
  });

  it('keeps to its limits, and goes on as soon as one has ended', async () => {
    const ends: (() => void)[] = [];
    const run = () => new Promise<RunOutcome>((resolve) => ends.push(() => resolve(OK)));
    for (let i = 0; i < 5; i++) await bench.add({ rule: after(MINUTE) });
    await bench.start({ run, limits: { parallel: 8, perPerson: 2 } });
    await bench.clock.advance(2 * MINUTE);
    expect(ends).toHaveLength(2);
    for (let i = 0; i < 5; i++) {
      ends[i]?.();
      await bench.clock.advance(0);
    }
    expect(bench.began).toHaveLength(5);
    expect(await statesOf(bench)).toEqual(['done', 'done', 'done', 'done', 'done']);
  });

  it('leaves out a run while the one before goes on, and says so; or lets it wait', async () => {
    const every = { kind: 'interval', everyMs: HOUR, anchor: bench.clock.now() } as const;
    const long = { timeoutMs: 3 * HOUR };
    const skipping = await bench.add({ rule: every, policy: long });
    const waiting = await bench.add({ rule: every, policy: { ...long, overlap: 'wait' } });
    const run: RunnerPorts['run'] = (_run, signal) =>
      bench.clock.sleep(90 * MINUTE, signal).then(
        () => OK,
        () => ({ end: 'cut' }),
      );
    await bench.start({ run, limits: { parallel: 8, perPerson: 8 } });
    await bench.clock.advance(2 * HOUR + 5 * MINUTE);
    expect(await statesOf(bench, skipping)).toEqual(['running', 'skipped', 'planned']);
    expect((await bench.rows(skipping))[1]?.reason).toContain('still went on');
    expect(await statesOf(bench, waiting)).toEqual(['running', 'planned', 'planned']);
    await bench.clock.advance(30 * MINUTE);
    expect((await statesOf(bench, waiting)).slice(0, 2)).toEqual(['done', 'running']);
    await bench.clock.advance(4 * HOUR);
  });

  it('runs what is begun by hand or by a trigger beside the schedule; a trigger key counts once', async () => {
    const job = await bench.add({ rule: { kind: 'trigger' } });
    const runner = await bench.start();
    const at = bench.clock.now();
    const run = { scheduledAt: at, dueAt: at, cause: 'trigger', triggerKey: 'k1' } as const;
    expect(await addOccurrence(bench.db, bench.scope, job.id, run)).toBeDefined();
    expect(await addOccurrence(bench.db, bench.scope, job.id, run)).toBeUndefined();
    expect(await addOccurrence(bench.db, bench.scope, job.id, { ...run, triggerKey: 'k2' })).toBeDefined();
    runner.wake();
    await bench.clock.advance(MINUTE);
    expect(await statesOf(bench, job)).toEqual(['done', 'done']);
  });

  it('does nothing more for a job that was paused or removed', async () => {
    const job = await bench.add({ rule: daily });
    await bench.start();
    await changeJob(bench.db, bench.scope, job.id, { state: 'paused', next: null, skipped: 'the job was paused' });
    await bench.clock.advance(3 * DAY);
    expect(bench.began).toHaveLength(0);
    expect(await statesOf(bench, job)).toEqual([]);
  });
});

describe('failures', () => {
  it('are tried again after 5, 15 and 30 minutes, then told; a recovery is told too', async () => {
    const outcomes = [failure(), failure(), failure(), failure(), OK];
    const job = await bench.add({ rule: daily, name: 'news' });
    await bench.start({ run: async () => outcomes.shift() ?? OK });
    await bench.clock.advance(HOUR);
    const times = [5, 15, 30];
    for (const [i, minutes] of times.entries()) {
      await bench.clock.advance(minutes * MINUTE - 1);
      expect(bench.began).toHaveLength(i + 1);
      await bench.clock.advance(1);
      expect(bench.began).toHaveLength(i + 2);
    }
    expect(bench.began.map(({ key }) => key.split('.')[1])).toEqual(['0', '1', '2', '3']);
    expect(await statesOf(bench, job)).toEqual(['failed', 'planned']);
    expect(bench.notices).toEqual([expect.stringMatching(/"news" .* failed: It was too busy\./)]);
    expect((await bench.rows(job))[0]).toMatchObject({ attempts: 4, cost_micro_usd: 4, failure: 'transient' });
    await bench.clock.advance(DAY);
    expect(bench.notices.at(-1)).toBe('The job "news" works again.');
    expect((await bench.job(job.id)).failures).toBe(0);
  });

  it('that cannot pass are not tried again', async () => {
    await bench.add({ rule: after(MINUTE) });
    await bench.start({ run: async () => failure({ failure: 'blocked' }) });
    await bench.clock.advance(DAY);
    expect(bench.began).toHaveLength(1);
    expect(bench.notices).toHaveLength(1);
  });

  it('are told once an hour at most, and the tenth in a row pauses the job', async () => {
    const every = { kind: 'interval', everyMs: 10 * MINUTE, anchor: bench.clock.now() } as const;
    const job = await bench.add({ rule: every, policy: { retries: 0 } });
    await bench.start({ run: async () => failure() });
    await bench.clock.advance(3 * HOUR);
    expect(bench.began).toHaveLength(10);
    expect(bench.notices).toHaveLength(3);
    expect(bench.notices.at(-1)).toContain('failed 10 times in a row and is paused');
    const paused = await bench.job(job.id);
    expect([paused.state, paused.stateReason]).toEqual(['paused', 'it failed 10 times in a row']);
    expect((await statesOf(bench, job)).every((state) => state === 'failed')).toBe(true);
  });

  it('a run that takes too long is tried again only when it is certain that it has ended', async () => {
    let let_go: (() => void) | undefined;
    const run: RunnerPorts['run'] = (_run, signal) =>
      new Promise((resolve) => {
        if (bench.began.length > 1) resolve(OK);
        signal.addEventListener('abort', () => (let_go = () => resolve({ end: 'cut' })), { once: true });
      });
    const job = await bench.add({ rule: after(MINUTE), policy: { timeoutMs: 10 * MINUTE } });
    await bench.start({ run });
    await bench.clock.advance(2 * HOUR);
    expect(await statesOf(bench, job)).toEqual(['running']);
    expect(bench.began).toHaveLength(1);
    let_go?.();
    await bench.clock.advance(0);
    expect(await statesOf(bench, job)).toEqual(['planned']);
    await bench.clock.advance(6 * MINUTE);
    expect(bench.began).toHaveLength(2);
    expect(await statesOf(bench, job)).toEqual(['done']);
  });
});

describe('two runners on one store', () => {
  it('never both run one', async () => {
    for (let i = 0; i < 20; i++)
      await bench.add({ rule: { kind: 'interval', everyMs: (1 + (i % 4)) * 15 * MINUTE, anchor: bench.clock.now() } });
    const other = await openBench({ home: bench.home, clock: bench.clock });
    const second = other.runner({ limits: { parallel: 3, perPerson: 3 } });
    await bench.start({ limits: { parallel: 3, perPerson: 3 } });
    await second.start();
    await bench.clock.advance(DAY);
    await second.stop();
    const keys = [...bench.began, ...other.began].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(bench.began.length).toBeGreaterThan(0);
    const rows = await bench.rows();
    expect(rows.filter(({ state }) => state === 'done').length).toBe(keys.length);
    expect(keys.length).toBe(5 * (96 + 48 + 32 + 24));
    await other.close();
  });

  it('what a dead one held is taken up when its lease ends, and told', async () => {
    const job = await bench.add({ rule: after(MINUTE), name: 'long' });
    const dead = bench.runner({ run: () => new Promise(() => undefined) });
    await dead.start();
    await bench.clock.advance(MINUTE);
    expect(await statesOf(bench, job)).toEqual(['running']);
    // Its heart beats for a while, then the process is gone: nothing renews the lease any more.
    const other = await openBench({ home: bench.home, clock: makeSettableClock(bench.clock.now()) });
    const second = other.runner();
    await second.start();
    expect(other.began).toHaveLength(0);
    await other.clock.advance(2 * MINUTE);
    await second.stop();
    expect(other.began.map(({ key }) => key)).toEqual(bench.began.map(({ key }) => key));
    expect(await statesOf(other, job)).toEqual(['done']);
    expect((await other.rows(job))[0]?.interruptions).toBe(1);
    expect(other.notices).toEqual(['Herald was stopped while the job "long" ran. It goes on now where it was.']);
    await other.close();
  });
});

describe('after an end of the process', () => {
  it('in order: what ran goes on under the same key, without a word', async () => {
    const job = await bench.add({ rule: after(MINUTE) });
    const first = bench.runner({
      run: (_run, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve({ end: 'cut' }), { once: true })),
    });
    await first.start();
    await bench.clock.advance(MINUTE);
    await first.stop();
    expect(await statesOf(bench, job)).toEqual(['planned']);
    await bench.clock.advance(3 * DAY);
    await bench.start({ isAlone: true });
    await bench.clock.advance(0);
    expect(new Set(bench.began.map(({ key }) => key)).size).toBe(1);
    expect(await statesOf(bench, job)).toEqual(['done']);
    expect(bench.notices).toEqual([]);
  });

  it('what may not be begun again stays interrupted, and is told', async () => {
    const job = await bench.add({ rule: after(MINUTE), name: 'script', policy: { rerun: 'never' } });
    await bench.runner({ run: () => new Promise(() => undefined) }).start();
    await bench.clock.advance(MINUTE);
    await bench.start({ isAlone: true });
    await bench.clock.advance(DAY);
    expect(bench.began).toHaveLength(1);
    expect((await bench.rows(job))[0]).toMatchObject({ state: 'interrupted', failure: 'lost', next_at: null });
    expect(bench.notices).toEqual([expect.stringContaining('not begun again by itself')]);
  });
});

describe('a clock that is set', () => {
  it('forward: what was due meanwhile is looked at within minutes', async () => {
    const job = await bench.add({ rule: daily });
    await bench.start();
    bench.clock.set(bench.clock.now() + 3 * HOUR);
    await bench.clock.advance(6 * MINUTE);
    expect(await statesOf(bench, job)).toEqual(['done', 'planned']);
    expect(bench.began).toHaveLength(1);
  });

  it('back: what ran is not run again, and what was planned too far ahead comes nearer', async () => {
    const job = await bench.add({ rule: daily });
    await bench.start();
    const real = bench.clock.now();
    // A year ahead by mistake, for a moment.
    bench.clock.set(real + 365 * DAY);
    await bench.clock.advance(6 * MINUTE);
    expect(bench.began).toHaveLength(1);
    bench.clock.set(real + 12 * MINUTE);
    await bench.clock.advance(6 * MINUTE);
    await bench.clock.advance(2 * DAY);
    const due = bench.began
      .slice(1)
      .map(({ occurrence }) => new Date(occurrence.scheduledAt).toISOString().slice(0, 13));
    expect(due).toEqual(['2026-11-21T13', '2026-11-22T13', '2026-11-23T13'].slice(0, due.length));
    expect(due.length).toBeGreaterThanOrEqual(2);
    bench.clock.set(bench.clock.now() - 3 * HOUR);
    const before = bench.began.length;
    await bench.clock.advance(2 * HOUR);
    expect(bench.began.length).toBe(before);
    expect(new Set(bench.began.map(({ key }) => key)).size).toBe(bench.began.length);
    expect((await bench.rows(job)).filter(({ state }) => state === 'planned')).toHaveLength(1);
  });
});
