// The tool on the gateway's own jobs: plans are read back once, the costly ones wait for their person, and nothing becomes more than it was.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ScheduleCall, SchedulePort } from '../../../../agent/schedule/port.ts';
import { makeSchedulePort } from '../../../../gateway/compose/agent/schedule-tool.ts';
import type { JobDefaults } from '../../../../scheduler/config.ts';
import { HOUR, openJobsBench, type JobsBench } from '../../jobs/jobs-bench.ts';

let bench: JobsBench;
let port: SchedulePort;
let confirm: JobDefaults['confirm'];
let calls = 0;

beforeEach(async () => {
  bench = await openJobsBench();
  confirm = 'costly';
  port = makeSchedulePort({
    jobs: () => bench.service,
    actions: () => bench.gateway.core.actions,
    defaults: () => ({ confirm }),
  });
});
afterEach(() => bench.close());

const call = (more: Partial<ScheduleCall> = {}): ScheduleCall => ({
  scope: bench.scope,
  role: 'owner',
  address: bench.platform.address(),
  tools: ['clock', 'web_search', 'shell', 'schedule'],
  key: `${++calls}`.padStart(16, '0').padEnd(40, 'f'),
  isJob: false,
  ...more,
});
const NEWS = { when: 'every day at 9', what: 'look at the news', name: 'news' };
const state = async (name: string) => {
  const { state: is, stateReason } = await bench.service.get(bench.scope, name);
  return [is, stateReason];
};
const WAITING = ['paused', 'it waits for your confirmation'];

describe('a plan', () => {
  it('of a prompt is read back with buttons, once however often the call is made again, and waits', async () => {
    const at = call();
    const before = bench.platform.sent.length;
    expect(await port.create(at, NEWS)).toMatch(
      /^Made as job \w{16}: "news", every day at 09:00 \(UTC\), next .*which you cannot do for them/,
    );
    expect(await port.create(at, NEWS)).toMatch(/^Made as job/);
    await bench.gateway.settle();
    expect(await bench.service.list(bench.scope)).toHaveLength(1);
    const shown = bench.platform.sent.slice(before);
    expect(shown).toHaveLength(1);
    expect(shown[0]?.text).toContain('It begins when you confirm it');
    const id = at.key.slice(0, 16);
    expect(shown[0]?.buttons.map(({ data }) => data)).toEqual(
      ['confirm', 'change', 'remove'].map((verb) => `/cron ${verb} ${id}`),
    );
    expect(await state('news')).toEqual(WAITING);
  });

  it('of a reminder begins at once, unless all are to be confirmed; or nothing is', async () => {
    await port.create(call(), { when: 'in 20 minutes', what: 'tea', kind: 'reminder', name: 'tea' });
    expect(await state('tea')).toEqual(['active', undefined]);
    confirm = 'always';
    await port.create(call(), { when: 'in 20 minutes', what: 'cake', kind: 'reminder', name: 'cake' });
    expect(await state('cake')).toEqual(WAITING);
    confirm = 'never';
    await port.create(call(), NEWS);
    expect(await state('news')).toEqual(['active', undefined]);
  });

  it('of a time or a chat that is not understood makes nothing, and says what would be', async () => {
    await expect(port.create(call(), { ...NEWS, when: 'when the cows come home' })).rejects.toThrow('Understood are');
    await expect(port.create(call(), { ...NEWS, deliver: 'nowhere-at-all' })).rejects.toThrow('no place');
    await expect(port.create(call(), { when: 'daily at 9' })).rejects.toThrow('needs `when` and `what`');
    expect(await bench.service.list(bench.scope)).toEqual([]);
  });
});

describe('an agent', () => {
  it('cannot begin what waits for its person, by no action', async () => {
    await port.create(call(), NEWS);
    for (const action of ['resume', 'run'] as const)
      await expect(port.act(call(), 'news', action)).rejects.toThrow('who alone confirms it');
    await port.act(call(), 'news', 'pause');
    await expect(port.act(call(), 'news', 'resume')).rejects.toThrow('who alone confirms it');
    await port.update(call(), 'news', { when: 'every day at 10' });
    expect(await state('news')).toEqual(WAITING);
    await bench.pass(30 * HOUR);
    expect(bench.asked).toEqual([]);
  });

  it('gives a job no tools that it has not itself, nor the tool that makes jobs', async () => {
    await port.create(call({ tools: ['clock'] }), NEWS);
    expect((await bench.service.get(bench.scope, 'news')).permissions.tools).toEqual(['clock']);
    await expect(port.create(call({ tools: ['clock'] }), { ...NEWS, tools: ['shell'] })).rejects.toThrow('no tool');
    await expect(port.create(call({ tools: ['clock'] }), { ...NEWS, kind: 'script' })).rejects.toThrow(
      'needs the tool',
    );
    await expect(port.create(call(), { ...NEWS, tools: ['schedule'] })).rejects.toThrow('no tool');
    await expect(port.create(call({ role: 'guest' }), NEWS)).rejects.toThrow('Guests cannot have jobs');
  });

  it('that works for a job makes and manages others, but never what plans by itself: no job begins itself for ever', async () => {
    confirm = 'never';
    const { job } = await bench.service.create(
      bench.scope,
      { role: 'owner', by: 'person' },
      {
        name: 'planner',
        when: 'every day at 9',
        work: { kind: 'prompt', prompt: 'plan the day' },
        tools: ['schedule', 'clock'],
        origin: bench.platform.address(),
      },
    );
    expect(job.permissions.tools.toSorted()).toEqual(['clock', 'schedule']);
    const inJob = () => call({ isJob: true, tools: ['schedule', 'clock'] });
    for (const change of [{ when: 'in 1 minute' }, { what: 'plan twice' }])
      await expect(port.update(inJob(), 'planner', change)).rejects.toThrow('may plan jobs itself');
    await expect(port.act(inJob(), 'planner', 'run')).rejects.toThrow('may plan jobs itself');
    await port.create(inJob(), NEWS);
    expect((await bench.service.get(bench.scope, 'news')).permissions.tools).toEqual(['clock']);
    expect(await port.act(inJob(), 'news', 'run')).toContain('runs now');
    await port.update(inJob(), 'news', { when: 'every day at 11' });
    expect(await port.act(inJob(), 'planner', 'pause')).toContain('is paused');
    await expect(port.act(inJob(), 'planner', 'resume')).rejects.toThrow('may plan jobs itself');
    expect(await port.act(inJob(), 'news', 'remove')).toContain('is removed');
  });

  it('that has less than a job can neither run it nor make it do something else with more', async () => {
    await port.create(call(), NEWS);
    await bench.say('/cron confirm news');
    await expect(port.act(call({ tools: ['clock'] }), 'news', 'run')).rejects.toThrow('which is not there for you now');
    await port.update(call({ tools: ['clock'] }), 'news', { what: 'delete everything' });
    const { permissions } = await bench.service.get(bench.scope, 'news');
    expect(permissions.tools).toEqual(['clock']);
    expect(await state('news')).toEqual(WAITING);
  });

  it('asks again for what costs more or does something else, and not for another hour or a name', async () => {
    await port.create(call(), NEWS);
    await bench.say('/cron confirm news');
    await port.update(call(), 'news', { when: 'every day at 10' });
    expect(await state('news')).toEqual(['active', undefined]);
    for (const change of [{ what: 'other news' }, { when: 'every hour' }, { capUsd: 5 }, { deliver: 'all' }]) {
      await port.update(call(), 'news', change);
      expect(await state('news')).toEqual(WAITING);
      await bench.say('/cron confirm news');
    }
    expect(await port.act(call(), 'news', 'pause')).toContain('is paused');
    expect(await port.act(call(), 'news', 'resume')).toContain('goes on; next');
  });

  it('sees jobs and what their runs came to, and words of others as such', async () => {
    expect(await port.list(call())).toBe('There are no jobs yet.');
    await port.create(call(), NEWS);
    expect(await port.list(call())).toMatch(
      /"news" \(prompt, waits for the person to confirm it\): every day at 9 \(UTC\)/,
    );
    expect(await port.runs(call(), undefined)).toEqual({ text: 'No run yet.', origin: 'agent' });
    await bench.say('/cron confirm news');
    bench.answers.push({ text: 'A page says so.', origin: 'foreign' });
    await port.act(call(), 'news', 'run');
    await bench.pass(5_000);
    const { text, origin } = await port.runs(call(), 'news');
    expect(text).toContain('done: A page says so.');
    expect(origin).toBe('foreign');
    expect(await port.act(call(), 'news', 'remove')).toContain('is removed');
  });
});
