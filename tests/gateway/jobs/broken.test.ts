// Jobs whose rows cannot be read, beside others: lists name them, and they can be removed.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeSchedulePort } from '../../../gateway/compose/agent/schedule-tool.ts';
import { openJobsPanel } from '../../../gateway/panels/jobs.ts';
import type { Actor } from '../../../scheduler/types.ts';
import { HOUR, openJobsBench, type JobsBench } from './jobs-bench.ts';

const PERSON: Actor = { role: 'owner', by: 'person' };

let bench: JobsBench;
let broken: string;
beforeEach(async () => {
  bench = await openJobsBench();
  const { scope, service, platform } = bench;
  const draft = { when: 'every day at 13', origin: platform.address() };
  await service.create(scope, PERSON, { ...draft, name: 'news', work: { kind: 'prompt', prompt: 'look' } });
  const { job } = await service.create(scope, PERSON, { ...draft, name: 'bad', work: { kind: 'reminder', text: 'a' } });
  broken = job.id;
  await bench.gateway.db.query.updateTable('jobs').set({ work: '{}' }).where('id', '=', broken).execute();
});
afterEach(() => bench.close());

const panel = () =>
  openJobsPanel({
    jobs: bench.service,
    scope: bench.scope,
    actor: PERSON,
    origin: async () => bench.platform.address(),
    isHere: () => true,
    timezone: async () => 'UTC',
  });

it('each list has the readable ones, and names the one that cannot be read with what to do', async () => {
  const listed = await bench.say('/cron');
  expect(listed).toContain('- news: every day at 13');
  expect(listed).toMatch(new RegExp(`- bad: broken, .*/cron remove ${broken}`));
  expect(await panel().list()).toMatchObject([
    { name: 'news', state: 'active' },
    { id: broken, name: 'bad', state: 'broken', stateReason: expect.stringContaining(`remove it (${broken})`) },
  ]);
  const call = {
    scope: bench.scope,
    role: 'owner',
    address: bench.platform.address(),
    tools: [],
    key: 'k',
    isJob: false,
  } as const;
  const tool = makeSchedulePort({
    jobs: () => bench.service,
    actions: () => ({ post: async () => 'k' }),
    defaults: () => ({ confirm: 'costly' }),
  });
  expect(await tool.list(call)).toMatch(new RegExp(`"news".*\n- ${broken} "bad" \\(broken`));
  expect(await bench.say('/cron next')).toContain('news');
  expect(await bench.say('/cron show bad')).toContain(`remove it (${broken})`);
  expect(await bench.say('/cron run bad')).toContain(`remove it (${broken})`);
});

it('can be removed and made anew', async () => {
  expect(await bench.say(`/cron remove ${broken}`)).toContain('bad is removed');
  expect(await bench.say('/cron')).not.toContain('bad');
  expect(await bench.say('/cron remind every day at 14: tea')).toContain('It is planned');
});

it('is told once when it is due, in the chat where the person is, and others run', async () => {
  const before = bench.platform.sent.length;
  await bench.pass(48 * HOUR);
  const told = bench.platform.texts().slice(before);
  expect(told.filter((text) => text.includes('"bad" cannot be read'))).toHaveLength(1);
  expect(bench.asked).toHaveLength(2);
});
