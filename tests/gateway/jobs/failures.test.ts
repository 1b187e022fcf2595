// Jobs that fail: what is looked at before anything is paid for, what is told and how often, and when a job is paused.
import { afterEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE, openJobBench, PERSON, saidBy, type JobBench } from './job-bench.ts';

let bench: JobBench;
afterEach(async () => bench.close());

const prompt = { kind: 'prompt', prompt: 'say it' } as const;
const told = (part: string) => bench.texts().filter((text) => text.includes(part)).length;

describe('before anything is paid for', () => {
  /** What is missing, what brings it back, and what is said. */
  const cases = [
    [
      'a skill',
      () => (bench.acts.missingSkill = 'birds'),
      () => (bench.acts.missingSkill = undefined),
      'The skill "birds"',
    ],
    ['a key', () => (bench.acts.hasKey = false), () => (bench.acts.hasKey = true), 'There is no key for m'],
  ] as const;
  it.each(cases)(
    '%s that is missing blocks runs without cost, is told once an hour, and so is its return',
    async (...of) => {
      const [, lose, find, words] = of;
      bench = await openJobBench();
      let asked = 0;
      bench.acts.agent = async () => (asked++, saidBy('fine'));
      await bench.create({ when: 'every 20 minutes', work: { ...prompt, skills: ['birds'] }, model: 'm' });
      lose();
      await bench.pass(61 * MINUTE);
      expect([asked, told(words)]).toEqual([0, 1]);
      expect((await bench.runs()).map((run) => [run.state, run.failure, run.costMicroUsd])).toEqual(
        Array.from({ length: 3 }, () => ['failed', 'blocked', 0]),
      );
      await bench.pass(40 * MINUTE);
      expect(told(words)).toBe(2);
      find();
      await bench.pass(40 * MINUTE);
      expect([asked, told('works again'), told('fine')]).toEqual([2, 1, 2]);
    },
  );

  it('a chat that cannot be reached blocks it; a fall-back that can be reached does not', async () => {
    bench = await openJobBench();
    let asked = 0;
    bench.acts.agent = async () => (asked++, saidBy('fine'));
    const origin = { ...bench.platform.address('nobody') };
    await bench.create({ name: 'lost', work: prompt, origin });
    await bench.create({ name: 'found', work: prompt, origin, fallback: 'fake' });
    await bench.pass();
    expect([asked, told('None of the chats'), told('fine')]).toEqual([1, 1, 1]);
  });
});

it('a cost cap ends the run, is told, and the next run goes on', async () => {
  bench = await openJobBench();
  const caps: (number | undefined)[] = [];
  bench.acts.agent = async ({ capMicroUsd }) => {
    caps.push(capMicroUsd);
    if (caps.length > 1) return saidBy('within it');
    return saidBy('It would have cost more than it may.', {
      state: 'failed',
      errorCode: 'budget_exceeded',
      costMicroUsd: 90,
    });
  };
  await bench.create({ when: 'every 2 hours', work: prompt, capMicroUsd: 100 });
  await bench.pass(2 * HOUR + MINUTE);
  expect(await bench.runs()).toMatchObject([{ state: 'failed', failure: 'budget', costMicroUsd: 90, attempts: 1 }]);
  expect(told('It would have cost more than it may.')).toBe(1);
  expect(told('A run of it may cost $0.0001: herald cron edit "report" --cap-usd changes that.')).toBe(1);
  await bench.pass(2 * HOUR);
  expect((await bench.runs())[0]).toMatchObject({ state: 'done', result: 'within it' });
  expect([caps, told('works again')]).toEqual([[100, 100], 1]);
});

it('ten failures in a row pause it with a notice, and it goes on when its person says so', async () => {
  bench = await openJobBench();
  bench.acts.handlers.set('say', async () => {
    throw new Error('broken');
  });
  await bench.create({ when: 'every 10 minutes', policy: { retries: 0 } });
  await bench.pass(3 * HOUR);
  expect(await bench.runs()).toHaveLength(10);
  const job = await bench.jobs.service.get(bench.scope, 'report');
  expect([job.state, job.stateReason]).toEqual(['paused', 'it failed 10 times in a row']);
  expect([told('is paused now'), told('/cron resume report')]).toEqual([1, 1]);
  bench.acts.handlers.set('say', async () => ({ text: 'mended' }));
  await bench.jobs.service.resume(bench.scope, PERSON, 'report');
  await bench.pass();
  expect(told('mended')).toBe(1);
});

it('one that is removed while it runs ends, and nothing of it is delivered', async () => {
  bench = await openJobBench();
  let isAborted = false;
  bench.acts.agent = (_job, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        isAborted = true;
        resolve(saidBy('', { state: 'failed', errorCode: 'cancelled' }));
      });
    });
  await bench.create({ work: prompt });
  await bench.pass();
  await bench.jobs.service.remove(bench.scope, 'report');
  await bench.pass(MINUTE);
  expect(isAborted).toBe(true);
  expect(await bench.runs()).toMatchObject([{ state: 'skipped', reason: 'it was stopped', delivery: 'none' }]);
  expect(bench.platform.texts().filter((text) => text.includes('report'))).toEqual([]);
});

describe('another attempt', () => {
  const broken = (more: object) =>
    saidBy('The model is overloaded.', { state: 'failed', errorCode: 'model_overloaded', costMicroUsd: 60, ...more });

  it('has what is left of the cap, and is not made when nothing is', async () => {
    bench = await openJobBench();
    const caps: (number | undefined)[] = [];
    bench.acts.agent = async ({ capMicroUsd }) => (caps.push(capMicroUsd), broken({}));
    await bench.create({ work: prompt, capMicroUsd: 100 });
    await bench.pass(2 * HOUR);
    expect(caps).toEqual([100, 40]);
    expect(await bench.runs()).toMatchObject([{ state: 'failed', failure: 'budget', costMicroUsd: 120 }]);
  });

  it('is not made by itself after something was done', async () => {
    bench = await openJobBench();
    let asked = 0;
    bench.acts.agent = async () => (asked++, broken({ hadEffects: true }));
    await bench.create({ work: prompt });
    await bench.pass(2 * HOUR);
    expect([asked, told('not tried again by itself')]).toEqual([1, 1]);
  });
});
