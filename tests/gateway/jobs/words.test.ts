// Commands that make jobs, typed in a chat: what waits to be confirmed, tasks in the background, goals, the heartbeat, suggestions.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE, openJobsBench, type JobsBench } from './jobs-bench.ts';

const DAY = 24 * HOUR;

let bench: JobsBench;
beforeEach(async () => {
  bench = await openJobsBench();
});
afterEach(() => bench.close());

const only = async () => {
  const [job] = await bench.service.list(bench.scope);
  if (!job) throw new Error('there is no job');
  return job;
};

describe('a person of another zone', () => {
  it('makes jobs in it, with the cap and the quiet hours that are set for all', async () => {
    bench.defaults = { capMicroUsd: 250_000, quiet: { from: '22:00', to: '07:00' } };
    await bench.say('/timezone Asia/Tokyo');
    const plan = await bench.say('/cron add every day at 9: look at the news');
    expect(plan).toContain('every day at 09:00 (Asia/Tokyo)');
    expect(plan).toContain('costs at most $0.25 each time');
    expect((await only()).schedule.quiet).toBeUndefined();
    expect(await bench.say('/cron add every 2 hours: look again')).toContain('not from 22:00 to 07:00');
    expect(await bench.say('/cron remind every 2 hours: drink')).not.toContain('not from');
  });
});

describe('a job that waits for its person', () => {
  const make = (when: string) =>
    bench.service.create(
      bench.scope,
      { role: 'owner', by: 'agent', tools: ['clock', 'shell'] },
      {
        id: 'ab12',
        name: 'news',
        when,
        work: { kind: 'prompt', prompt: 'look at the news' },
        awaits: true,
        origin: bench.platform.address(),
      },
    );

  it('is told once when it is due, runs nothing, and goes on when it is confirmed', async () => {
    await make('every day at 13');
    const before = bench.platform.sent.length;
    await bench.pass(3 * DAY);
    expect(bench.asked).toEqual([]);
    const told = bench.platform.texts().slice(before);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('"news" was to run now, but it waits for your confirmation');
    const confirmed = await bench.say('/cron confirm ab12');
    expect(confirmed).toContain('is confirmed, next');
    expect(confirmed).toContain('was due before you did, and was left out');
    expect(bench.platform.sent.at(-1)?.buttons.map(({ data }) => data)).toEqual(['/cron run ab12']);
    expect(await bench.say('/cron confirm ab12')).toContain('runs already');
    await bench.pass(DAY);
    expect(bench.asked).toHaveLength(1);
  });

  it('runs at once when what was to run once is confirmed late, and not again', async () => {
    await make('in 10 minutes');
    await bench.pass(30 * MINUTE);
    expect(await bench.say('/cron confirm ab12')).toContain('so it runs now');
    await bench.pass(MINUTE);
    expect(bench.asked).toHaveLength(1);
    expect((await only()).state).toBe('done');
    await bench.say('/cron confirm ab12');
    await bench.pass(MINUTE);
    expect(bench.asked).toHaveLength(1);
  });

  it('is made once by the same id also when both come at once, and not again when it was removed', async () => {
    const [first, second] = await Promise.all([make('every day at 13'), make('every day at 13')]);
    expect(second?.job.id).toBe(first?.job.id);
    expect(await bench.service.list(bench.scope)).toHaveLength(1);
    await bench.service.remove(bench.scope, 'ab12');
    await expect(make('every day at 13')).rejects.toMatchObject({
      code: 'bad_input',
      publicMessage: expect.stringContaining('was removed, so it is not made again'),
    });
    expect(await bench.service.list(bench.scope)).toEqual([]);
  });

  it('is made once by the same id, and keeps waiting when it is changed', async () => {
    await make('every day at 13');
    await make('every day at 13');
    await bench.service.update(bench.scope, { role: 'owner', by: 'agent' }, 'news', { when: 'every day at 14' });
    expect(await bench.service.list(bench.scope)).toMatchObject([
      { state: 'paused', stateReason: 'it waits for your confirmation', schedule: { text: 'every day at 14' } },
    ]);
    expect((await only()).permissions.tools).toEqual(['clock', 'shell']);
  });
});

describe('the tool that makes jobs', () => {
  it('is for a job only when its person names it', async () => {
    const make = (name: string, tools?: readonly string[]) =>
      bench.service.create(
        bench.scope,
        { role: 'owner', by: 'person' },
        { name, when: 'daily at 9', work: { kind: 'prompt', prompt: name }, tools, origin: bench.platform.address() },
      );
    expect((await make('all')).job.permissions.tools).not.toContain('schedule');
    expect((await make('planner', ['clock', 'schedule'])).job.permissions.tools).toEqual(['clock', 'schedule']);
    await expect(make('sender', ['send_message'])).rejects.toThrow('no tool');
  });
});

describe('/background', () => {
  it('begins at once, reports back here, and is no more a job that runs', async () => {
    bench.answers.push('Eleven letters.');
    expect(await bench.say('/background count the letters')).toContain('I work on it');
    await bench.pass(5_000);
    expect(bench.asked.map(({ text }) => text)).toEqual(['count the letters']);
    expect(bench.platform.texts().at(-1)).toContain('Eleven letters.');
    expect((await only()).state).toBe('done');
    expect(await bench.say('/background')).toContain('What shall I do meanwhile?');
  });
});

describe('/goal', () => {
  it('goes on from its last result in each run, keeps still when it likes, and ends when it is reached', async () => {
    const plan = await bench.say('/goal every day at 13: sell the old car');
    expect(plan).toContain('ends when the goal is reached');
    expect(plan).toContain('costs at most $1.00 a day');
    expect((await only()).id).toMatch(/^[0-9a-f]{16}$/);
    bench.answers.push(
      '[SILENT]\nWrote the advertisement; next: photos.',
      'Which price do you want?',
      '[DONE] It is sold.',
    );
    const before = bench.platform.sent.length;
    await bench.pass(DAY);
    expect(bench.platform.sent.length).toBe(before);
    await bench.pass(DAY);
    expect(bench.asked[1]?.text).toContain('Wrote the advertisement; next: photos.');
    expect(bench.platform.texts().at(-1)).toContain('Which price do you want?');
    expect(await bench.say('/goal tell 1 at least 900')).toContain('goes on with that');
    await bench.pass(MINUTE);
    expect(bench.asked[2]?.text).toContain('at least 900');
    expect(bench.platform.texts().at(-1)).toContain('It is sold.');
    expect(bench.platform.texts().at(-1)).not.toContain('[DONE]');
    await bench.pass(3 * DAY);
    expect(bench.asked).toHaveLength(3);
    expect(await bench.say('/goal list')).toContain('sell the old car: reached');
  });

  it('spends no more than its cap of a day, and is paused and given up', async () => {
    await bench.say('/goal every hour: read everything');
    bench.answers.push({ text: 'a', costMicroUsd: 900_000 }, { text: 'b', costMicroUsd: 900_000 });
    await bench.pass(4 * HOUR);
    expect(bench.asked.map(({ job }) => job.capMicroUsd)).toEqual([1_000_000, 100_000]);
    const runs = await bench.service.runs(bench.scope, { limit: 9 });
    expect(runs[0]).toMatchObject({ state: 'skipped', reason: 'its cap for today is used up' });
    expect(await bench.say('/goal pause 1')).toContain('is paused');
    expect((await only()).state).toBe('paused');
    expect(await bench.say('/goal resume 1')).toContain('goes on');
    expect(await bench.say('/goal done 1')).toContain('is no goal any more');
    expect(await bench.service.list(bench.scope)).toEqual([]);
    expect(await bench.say('/goal show 7')).toContain('Which goal?');
  });
});

describe('/heartbeat', () => {
  it('is off at first, asks nothing without its file, and says nothing when there is nothing', async () => {
    expect(await bench.say('/heartbeat')).toContain('It is off.');
    bench.hasFile = false;
    expect(await bench.say('/heartbeat on')).toContain('every 30 minutes');
    await bench.pass(2 * HOUR);
    expect(bench.asked).toEqual([]);
    bench.hasFile = true;
    bench.answers.push('[SILENT]', 'The backup is old.');
    const before = bench.platform.sent.length;
    await bench.pass(30 * MINUTE);
    expect([bench.asked.length, bench.platform.sent.length]).toEqual([1, before]);
    await bench.pass(30 * MINUTE);
    expect(bench.platform.texts().at(-1)).toContain('The backup is old.');
    expect(await bench.say('/heartbeat on every 2 hours: is the door shut?')).toContain('every 2 hours');
    expect(await bench.service.list(bench.scope)).toHaveLength(1);
    expect(await bench.say('/heartbeat off')).toBe('The heartbeat is off.');
    expect(await bench.service.list(bench.scope)).toEqual([]);
  });
});

describe('/suggestions', () => {
  it('proposes what was asked on three days at about the same time, makes it, and takes a no', async () => {
    expect(await bench.say('/suggestions')).toContain('I see nothing');
    for (const text of ['How is the weather?', 'how is the weather', 'Please, how is the weather!']) {
      await bench.say(text);
      await bench.say('what about lunch');
      await bench.pass(DAY);
    }
    const found = await bench.say('/suggestions');
    expect(found).toMatch(/how is the weather.* — every day at 12:00\? You asked on 3 days/);
    const [yes, , , no] = bench.platform.sent.at(-1)?.buttons.map(({ data }) => data) ?? [];
    expect(await bench.say(yes ?? '')).toContain('every day at 12:00');
    expect(await bench.say(no ?? '')).toBe('I do not propose that again.');
    expect(await bench.say('/suggestions')).toContain('I see nothing');
    expect(await bench.service.list(bench.scope)).toHaveLength(1);
  });
});
