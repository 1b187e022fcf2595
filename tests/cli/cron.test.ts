// `herald cron` against a real gateway in a process of its own, with the demo model: jobs made, changed, run and begun by events.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { makeTempHome, removeHome } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

interface Listed {
  id: string;
  name: string;
  state: string;
  stateReason?: string;
  when: string;
  kind: string;
  about: string;
  nextRunAt?: number;
}
interface Made {
  job: Listed;
  plan: {
    when: string;
    nextRuns: number[];
    may: string[];
    targets: string[];
    capMicroUsd?: number;
    warnings: string[];
  };
}
interface Run {
  name: string;
  cause: string;
  state: string;
  delivery: string;
  reason?: string;
  result?: string;
}
interface Trigger {
  id: string;
  job: string;
  kind: string;
  event: string;
  fired: number;
}

describe('with a running gateway', () => {
  const commands = openCommandRunner();
  let home: string;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    home = makeHome({ agent: { timezone: 'Europe/Vienna' } });
    gateway = await startGatewayProcess({ home, env: { OLLAMA_HOST: '127.0.0.1:9' } });
    await run('-c', 'hello');
  });
  afterAll(async () => {
    await commands.close();
    await gateway.kill('SIGKILL');
    removeHome(home);
  });
  const run = (...args: string[]) => commands.run(args, { home });
  const cron = (...args: string[]) => run('cron', ...args);
  async function json<Answer>(...args: string[]): Promise<Answer> {
    const { stdout, stderr } = await cron(...args, '--json');
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as Answer;
  }
  const runsOf = async (job: string) => json<Run[]>('runs', job);
  const ended = (job: string, count = 1) =>
    waitFor(`${count} runs of ${job}`, async () => {
      const runs = await runsOf(job);
      const done =
        runs.length >= count && runs.every(({ state }) => !['claimed', 'running', 'planned'].includes(state));
      return done && runs.every(({ delivery }) => delivery !== 'pending') ? runs : undefined;
    });

  it('makes jobs of cron expressions and of words, with all that can be said of them', async () => {
    const expression = await json<Made>('add', '0', '9', '*', '*', '1-5', '--reminder', 'Tea', '--name', 'tea');
    expect(expression.plan).toMatchObject({ when: 'every weekday at 09:00 (Europe/Vienna)', targets: ['here'] });
    const limits = ['--cap-usd', '0.25', '--jitter-minutes', '5', '--quiet', '22:00-07:00', '--catch-up', 'skip'];
    const about = [
      '--name',
      'news',
      '--timezone',
      'UTC',
      '--tools',
      'clock',
      '--to',
      'none',
      '--skills',
      'no-such-skill',
    ];
    const when = ['every', 'weekday', 'at', '9'];
    const words = await json<Made>('add', ...when, '--prompt', 'What is new?', '--context', 'tea', ...limits, ...about);
    expect(words.plan).toMatchObject({
      when: 'every weekday at 09:00 (UTC), not from 22:00 to 07:00, up to 5 minutes later',
      capMicroUsd: 250_000,
      targets: ['nowhere; it is kept in its history'],
    });
    expect(words.plan.may[0]).toBe('asks the model with 1 tools: clock');
    const text = (await cron('add', 'tomorrow', 'at', '8', '--script', 'ls', '--name', 'look')).stdout;
    expect(text).toMatch(/^Made: look, once, /);
    expect(text).toContain('runs a command in your workspace, without a model: ls');
    const both = await json<Made>('add', 'daily at 7', '--prompt', 'Sum up', '--script', 'date', '--name', 'sum');
    expect(both.plan.may.slice(0, 1)).toEqual(['runs a command in your workspace first: date']);
    expect((await json<Listed[]>('list')).map(({ name, kind, state }) => [name, kind, state])).toEqual([
      ['look', 'script', 'active'],
      ['news', 'prompt', 'active'],
      ['sum', 'prompt', 'active'],
      ['tea', 'reminder', 'active'],
    ]);
    expect((await cron('list')).stdout).toMatch(/^NAME +STATE +WHEN +NEXT +LAST +WHAT\nlook +active +tomorrow at 8/);
  });

  it('changes what is given and leaves the rest, also of what a job does', async () => {
    const { job, plan } = await json<Made>('edit', 'sum', '--prompt', 'Sum it up shortly', '--when', 'daily at 6');
    expect([job.about, job.when]).toEqual(['Sum it up shortly', 'daily at 6']);
    expect(plan.may[0]).toBe('runs a command in your workspace first: date');
    const news = await json<Made>('edit', 'news', '--cap-usd', '0.5');
    expect([news.plan.capMicroUsd, news.job.about, news.plan.when]).toEqual([
      500_000,
      'What is new?',
      'every weekday at 09:00 (UTC), not from 22:00 to 07:00, up to 5 minutes later',
    ]);
    expect((await cron('edit', 'news', '--skills', 'other')).code).toBe(0);
    expect((await json<Listed[]>('list')).find(({ name }) => name === 'news')?.about).toBe('What is new?');
  });

  it('pauses, goes on, runs at once, says what it came to and what is next, and removes', async () => {
    expect((await cron('pause', 'tea')).stdout).toBe('tea is paused.\n');
    expect((await json<{ name: string }[]>('next')).map(({ name }) => name)).not.toContain('tea');
    expect((await cron('resume', 'tea')).stdout).toBe('tea goes on.\n');
    expect((await json<{ name: string }[]>('next', '--days', '7')).map(({ name }) => name)).toContain('tea');
    expect((await cron('run', 'tea')).stdout).toMatch(/^Run \w+ begins\./);
    expect(await ended('tea')).toMatchObject([{ cause: 'manual', state: 'done', delivery: 'sent', result: 'Tea' }]);
    expect((await cron('runs', 'tea')).stdout).toMatch(/tea +done +sent .*Tea/);
    expect((await cron('next')).stdout).toMatch(/news/);
    expect((await cron('remove', 'tea')).stdout).toBe('tea is removed; its history stays.\n');
    expect((await json<Run[]>('runs')).length).toBeGreaterThan(0);
    expect((await json<Listed[]>('list')).map(({ name }) => name)).not.toContain('tea');
  });

  it('a script: its output is the result, none is silent, a failure says how it ended', async () => {
    await cron('add', '--script', 'echo out of the script', '--name', 'says');
    await cron('add', '--script', 'true', '--name', 'quiet');
    await cron('add', '--script', 'echo it went wrong >&2; exit 3', '--name', 'fails');
    for (const name of ['says', 'quiet', 'fails']) expect((await cron('run', name)).code).toBe(0);
    expect(await ended('says')).toMatchObject([{ state: 'done', delivery: 'sent', result: 'out of the script' }]);
    expect(await ended('quiet')).toMatchObject([{ state: 'done', delivery: 'silent' }]);
    const [failed] = await ended('fails');
    expect(failed).toMatchObject({ state: 'failed' });
    expect(failed?.reason).toMatch(/ended with status 3\. Its last output: it went wrong/);
  });

  it('a command that one would be asked about waits until it is confirmed; what is never run is refused', async () => {
    const made = await cron('add', 'daily', 'at', '9', '--script', 'rm -rf build', '--name', 'clean');
    expect(made.stdout).toMatch(/note: Nobody is asked when its command runs, and you would be: It /);
    const [, id = ''] = /It does not run yet: .* `herald cron resume (\w+)` lets it begin\./.exec(made.stdout) ?? [];
    const state = async () => (await json<Listed[]>('list')).find(({ name }) => name === 'clean')?.state;
    expect(await state()).toBe('paused');
    expect((await cron('resume', id)).code).toBe(0);
    expect(await state()).toBe('active');
    const never = await cron('add', 'daily', 'at', '9', '--script', 'rm -rf /');
    expect([never.code, never.stderr]).toEqual([5, expect.stringMatching(/would never be run/)]);
  });

  it('a script before a prompt joins it, or ends the run without the model', async () => {
    await cron('add', '--prompt', 'say it', '--script', 'echo seven geese', '--name', 'joined');
    await cron('add', '--prompt', 'x', '--script', `echo none; echo '{"wakeAgent": false}'`, '--name', 'woken');
    await cron('run', 'joined');
    await cron('run', 'woken');
    const [joined] = await ended('joined');
    expect(joined).toMatchObject({ state: 'done' });
    expect(joined?.result).toContain('seven geese');
    expect(await ended('woken')).toMatchObject([{ state: 'skipped', reason: 'its script found nothing to do' }]);
  });

  it('a signed post begins a run once, whose report says what was posted', async () => {
    await cron('add', '--prompt', 'tell of it', '--name', 'deploys');
    const format = ['--format', 'github', '--template', 'Push to {{repository.name}}', '--per-minute', '3'];
    const hook = await json<{ url: string; secret: string }>('hook', 'deploys', ...format);
    const body = JSON.stringify({ repository: { name: 'barn' } });
    const post = async (secret: string) => {
      const headers = {
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        'x-github-event': 'push',
        'x-github-delivery': 'd-1',
      };
      return (await fetch(hook.url, { method: 'POST', headers, body })).status;
    };
    expect([await post('another'), await post(hook.secret), await post(hook.secret)]).toEqual([401, 202, 202]);
    // The fourth of a minute.
    expect(await post(hook.secret)).toBe(429);
    const runs = await ended('deploys');
    expect(runs).toMatchObject([{ cause: 'trigger', state: 'done', delivery: 'sent' }]);
    expect(runs[0]?.result).toContain('Push to barn');
    expect(await json<Trigger[]>('hooks')).toMatchObject([{ kind: 'hook', job: 'deploys', fired: 1 }]);
  });

  it('messages and files begin jobs, until that is taken back', async () => {
    await cron('add', '--reminder', 'An invoice came', '--name', 'invoices');
    await cron('add', '--script', 'cat watched.txt', '--name', 'files');
    const armed = await cron('on', 'invoices', '--words', 'invoice, due', '--platform', 'terminal');
    expect(armed.stdout).toMatch(/^invoices begins when a message with invoice, due on terminal comes\. /);
    const file = await json<{ id: string; event: string }>('on', 'files', '--file', 'watched.txt');
    expect(file.event).toBe('watched.txt in the workspace changes');
    expect(await json<{ event: string }>('on', 'files', '--process')).toMatchObject({
      event: 'a background process ends',
    });
    await run('-c', 'an invoice');
    await run('-c', 'the invoice is due');
    expect(await ended('invoices')).toMatchObject([{ cause: 'trigger', state: 'done', result: 'An invoice came' }]);
    await cron('add', '--script', 'echo goose > watched.txt', '--name', 'writes');
    await cron('run', 'writes');
    expect(await ended('files')).toMatchObject([{ cause: 'trigger', state: 'done', result: 'goose' }]);
    expect((await cron('hooks', '--remove', file.id)).code).toBe(0);
    expect((await json<Trigger[]>('hooks')).map(({ kind }) => kind).toSorted()).toEqual(['hook', 'message', 'process']);
    expect((await cron('remove', 'invoices')).code).toBe(0);
    expect((await json<Trigger[]>('hooks')).map(({ kind }) => kind).toSorted()).toEqual(['hook', 'process']);
  });

  it('says what it does not understand, with the code for it', async () => {
    const cases: readonly [string[], number, RegExp][] = [
      [['add', '30m', '--reminder', 'x'], 2, /"30m" can mean two things/],
      [['add', 'tomorrow'], 2, /What shall it do\?/],
      [['add', 'tomorrow', '--reminder', 'x', '--prompt', 'y'], 2, /A reminder has no prompt/],
      [['add', 'tomorrow', '--reminder', 'x', '--to', 'nowhere'], 2, /no place that results can go to/],
      [['add', 'tomorrow', '--prompt', 'x', '--cap-usd', 'much'], 2, /--cap-usd takes an amount/],
      [['add', 'tomorrow', '--prompt', 'x', '--cap-usd', '0'], 2, /more than 0/],
      [['add', 'tomorrow', '--prompt', 'x', '--quiet', 'nights'], 2, /22:00-07:00/],
      [['add', 'tomorrow', '--prompt', 'x', '--timezone', 'Moon/Sea'], 2, /Moon\/Sea/],
      [['add', 'tomorrow', '--prompt', 'x', '--tools', 'nothing'], 2, /no tool or toolset "nothing"/],
      [['add', 'tomorrow', '--script', 'x', '--name', 'look'], 2, /There is a job "look" already/],
      [['edit', 'nothing', '--when', 'tomorrow'], 5, /There is no job "nothing"\. There are: /],
      [['run', 'nothing'], 5, /There is no job/],
      [['list', '--person', 'nobody'], 5, /Nobody is known as nobody/],
      [['on', 'look'], 2, /What is to begin it\?/],
      [['on', 'look', '--message'], 2, /Which message\?/],
      [['on', 'look', '--file', 'a', '--process'], 2, /Give one of/],
      [['on', 'look', '--file', '../../etc/passwd'], 5, /not in the workspace/],
      [['hooks', '--remove', 'none'], 5, /no trigger none/],
      [['hook', 'look', '--format', 'carrier-pigeon'], 2, /github, gitlab, standard/],
      [['runs', '--limit', '0'], 2, /whole number from 1 to 500/],
    ];
    for (const [args, code, words] of cases) {
      const result = await cron(...args);
      expect([args, result.code, result.stderr]).toEqual([args, code, expect.stringMatching(words)]);
      expect(result.stdout).toBe('');
    }
    expect(JSON.parse((await cron('run', 'nothing', '--json')).stderr)).toMatchObject({ error: { code: 'not_found' } });
  });

  it('of a person who is named are the same as those of the owner that they are', async () => {
    const names = async (...args: string[]) => (await json<Listed[]>('list', ...args)).map(({ name }) => name);
    expect(await names('--person', 'terminal:local')).toEqual(await names());
  });
});

it('without a gateway says that it needs one, and helps all the same', async () => {
  const commands = openCommandRunner();
  const home = makeTempHome();
  try {
    const list = await commands.run(['cron', 'list'], { home });
    expect([list.code, list.stderr]).toEqual([3, expect.stringMatching(/No gateway runs/)]);
    const help = (await commands.run(['cron', '--help'], { home })).stdout;
    for (const name of [
      'list',
      'add',
      'edit',
      'pause',
      'resume',
      'run',
      'remove',
      'runs',
      'next',
      'hook',
      'on',
      'hooks',
    ])
      expect(help).toMatch(new RegExp(`^  ${name} `, 'm'));
  } finally {
    await commands.close();
    removeHome(home);
  }
});
