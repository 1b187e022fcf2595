// Panels of two people over one database: each sees and changes their own, whatever numbers and names they send.
import { beforeEach, describe, expect, it } from 'vitest';
import type { PanelPort } from '../../../adapters/panels/port.ts';
import type { SkillsPort } from '../../../agent/skills/port.ts';
import { DEFAULT_MEMORY } from '../../../agent/memory/config.ts';
import { openMemory } from '../../../agent/memory/memory.ts';
import type { ProcessDb } from '../../../data/db.ts';
import { evidenceSeries } from '../../../data/evidence/series.ts';
import { setPersonSettings } from '../../../data/process/person-settings.ts';
import { makePanels } from '../../../gateway/panels/open.ts';
import { accountId, chatId, userId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
import { openSkillLibrary } from '../../../skills/library.ts';
import { makePerson, makeSpeaker, queue, type Speaker } from '../../data/conversation.ts';
import { openTemporaryData, temporaryFolder } from '../../data/temporary-data.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { recordJobs, type RecordedJobs } from './recorded-jobs.ts';
import { tellStory } from './story.ts';

let db: ProcessDb;
let clock: FakeClock;
let ann: Speaker;
let bob: Speaker;
let jobs: RecordedJobs;
let open: (name: string, here?: string) => Promise<PanelPort | undefined>;

async function need(name: string, here?: string) {
  const panel = await open(name, here);
  const { jobs: own, memory, skills } = panel ?? {};
  if (!panel || !own || !memory || !skills) throw new Error('not there');
  return { ...panel, jobs: own, memory, skills };
}

beforeEach(async () => {
  const data = await openTemporaryData({ syncFile: async () => undefined });
  ({ db, clock } = data);
  ann = await makeSpeaker(db, await makePerson(db, 'ann', 'owner'));
  bob = await makeSpeaker(db, await makePerson(db, 'bob'));
  await makeSpeaker(db, await makePerson(db, 'guy', 'guest'));
  jobs = recordJobs();
  const folder = temporaryFolder();
  const library = openSkillLibrary({ db, folders: () => [] });
  const skills: SkillsPort = {
    ...library,
    invoke: async () => undefined,
    describeProposal: async () => ({ text: '', buttons: [] }),
  };
  const panels = makePanels({
    db,
    agent: {
      memory: openMemory({
        db,
        log: silentLog,
        settings: () => DEFAULT_MEMORY,
        folderOf: ({ space }) => `${folder}/${space}`,
      }),
      skills,
    },
    jobs: () => jobs.service,
    evidence: {
      report: async () => ({ skills: [], curation: [] }),
      series: (scope, filter) => evidenceSeries(db, scope, filter),
      condemn: async () => false,
      undoCuration: async () => undefined,
    },
  });
  open = (name, here) =>
    panels({
      platform: 'pigeon',
      account: accountId('bot'),
      user: userId(name),
      here: here === undefined ? undefined : chatId(here),
    });
});

describe('who gets what', () => {
  beforeEach(() => tellStory(db, clock, ann, 'anns-mark'));

  it('nobody who is not paired gets anything, and a guest gets what was done for them', async () => {
    expect(await open('somebody')).toBeUndefined();
    expect(Object.keys((await open('guy')) ?? {}).toSorted()).toEqual(['insights', 'profile']);
    expect(Object.keys(await need('bob')).toSorted()).toEqual(['insights', 'jobs', 'memory', 'profile', 'skills']);
  });

  it('memory of another is neither seen nor reached by its number', async () => {
    const [own, other] = [await need('ann'), await need('bob')];
    const before = await own.memory.view();
    expect(before.core).toHaveLength(3);
    expect(before.pending).toMatchObject([{ isForeign: true }]);
    expect(before.usage.map(({ target, percent }) => [target, percent > 0])).toEqual([
      ['memory', true],
      ['user', true],
    ]);
    expect(await other.memory.view()).toMatchObject({ core: [], pending: [], archived: 0 });
    const waiting = before.pending[0]?.id ?? 0;
    for (const attempt of [
      () => other.memory.approve(waiting),
      () => other.memory.reject(waiting),
      () => other.memory.forget(before.core[0]?.id ?? 0),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    expect(await own.memory.view()).toEqual(before);
    expect(await own.memory.approve(waiting)).toEqual({ refused: undefined });
    await own.memory.forget(before.core[0]?.id ?? 0);
    expect((await own.memory.view()).pending).toEqual([]);
    await expect(own.memory.approve(waiting)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('claims about another are neither seen nor reached by their number', async () => {
    const [own, other] = [await need('ann'), await need('bob')];
    const [claim] = await own.profile.claims();
    expect(claim).toMatchObject({ text: 'Wants it short, anns-mark', isFixed: false });
    expect(claim?.confidence.low).toBeLessThan(claim?.confidence.mean ?? 0);
    expect(await other.profile.claims()).toEqual([]);
    const id = claim?.id ?? 0;
    for (const attempt of [
      () => other.profile.why(id),
      () => other.profile.wrong(id, 'something else'),
      () => other.profile.forget(id),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    expect(await own.profile.claims()).toEqual([claim]);
    expect(await own.profile.why(id)).toHaveLength(6);
    await expect(own.profile.wrong(id, 'x'.repeat(161))).rejects.toMatchObject({ code: 'bad_input' });
    await own.profile.wrong(id, 'Wants it long');
    expect(await own.profile.claims()).toMatchObject([{ text: 'Wants it long', isFixed: true }]);
  });

  it('skills of another are neither seen nor reached by their names and revisions', async () => {
    const [own, other] = [await need('ann'), await need('bob')];
    expect(await own.skills.list()).toMatchObject([{ name: 'weekly-report', proposed: 1, source: 'own' }]);
    const revisions = await own.skills.revisions('weekly-report');
    expect(revisions.map(({ number, state }) => [number, state])).toEqual([
      [3, 'proposed'],
      [2, 'active'],
      [1, 'superseded'],
    ]);
    expect((await own.skills.evidence('weekly-report')).series.length).toBeGreaterThan(3);
    expect(await other.skills.list()).toEqual([]);
    expect(await other.skills.revisions('weekly-report')).toEqual([]);
    expect((await other.skills.evidence('weekly-report')).series).toEqual([]);
    const [open3 = '', , first = ''] = revisions.map(({ id }) => id);
    for (const attempt of [
      () => other.skills.diff(open3),
      () => other.skills.approve(open3, 'active'),
      () => other.skills.reject(open3),
      () => other.skills.rollback('weekly-report', first),
      () => other.skills.mark('weekly-report', { frozen: true }),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    expect(await own.skills.revisions('weekly-report')).toEqual(revisions);
    await own.skills.mark('weekly-report', { frozen: true });
    expect(await own.skills.list()).toMatchObject([{ isFrozen: true, isPinned: false }]);
    await own.skills.reject(open3);
    await own.skills.rollback('weekly-report', first);
    expect(await own.skills.list()).toMatchObject([{ proposed: 0 }]);
  });

  it('insights count what was done for oneself', async () => {
    const [own, other] = [await need('ann'), await need('bob')];
    const seen = await own.insights(7);
    expect(seen.days).toHaveLength(7);
    expect(seen.total.calls).toBe(6);
    expect(seen.models.map(({ name }) => name)).toContain('small-anns-mark');
    expect(await other.insights(90)).toMatchObject({ total: { calls: 0, tokens: 0 }, models: [], conversations: 0 });
    for (const days of [0, 91, 1.5, Number.NaN])
      await expect(own.insights(days)).rejects.toMatchObject({ code: 'bad_input' });
  });
});

describe('a job', () => {
  // There is a chat that results can go to.
  beforeEach(() => queue(db, ann));

  it('is asked for in the own space, with the role of now, from the chat that asks', async () => {
    const panel = await need('ann', 'ann');
    const made = await panel.jobs.create({
      when: 'every day at 9',
      reminder: 'tea',
      timezone: 'Europe/Vienna',
      capUsd: 0.5,
      key: 'k',
    });
    expect(jobs.asked).toMatchObject([
      {
        scope: ann.scope,
        actor: { role: 'owner', by: 'person' },
        draft: {
          when: 'every day at 9',
          work: { kind: 'reminder', text: 'tea' },
          origin: { chat: 'ann' },
          timezone: 'Europe/Vienna',
          capMicroUsd: 500_000,
        },
      },
    ]);
    expect(made).toMatchObject({ job: { about: 'tea', kind: 'reminder' }, plan: { targets: ['here'] } });
    // Asked for from elsewhere, "here" is another chat.
    expect((await (await need('ann')).jobs.get('tea')).plan.targets).toEqual(['your pigeon chat']);
  });

  it('is one job however often it is sent, and another one for another person', async () => {
    await queue(db, bob);
    const tea = { when: 'every day at 9', reminder: 'tea', key: 'the same' };
    for (const name of ['ann', 'ann', 'bob']) await (await need(name)).jobs.create(tea);
    const [first, second, third] = jobs.asked.map(({ draft }) => draft.id);
    expect(first).toMatch(/^[a-z0-9]{26}$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it('is not made for somebody who has no chat that results could go to', async () => {
    const { jobs: panel } = await need('bob');
    await expect(panel.create({ when: 'every day at 9', reminder: 'tea' })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(jobs.asked).toEqual([]);
  });

  it('takes the time zone that the person has chosen', async () => {
    await setPersonSettings(db, ann.person.id, { timezone: 'Asia/Tokyo' });
    await (await need('ann')).jobs.preview({ when: 'every day at 9', prompt: 'x', timezone: 'Europe/Vienna' });
    expect(jobs.asked[0]?.draft.timezone).toBe('Asia/Tokyo');
  });

  it('does one thing', async () => {
    const { jobs: panel } = await need('ann');
    for (const work of [{}, { prompt: 'a', reminder: 'b' }])
      await expect(panel.create({ when: 'every day at 9', ...work })).rejects.toMatchObject({ code: 'bad_input' });
    expect(jobs.asked).toEqual([]);
  });

  it('keeps what belongs to its work when its words change', async () => {
    const { jobs: panel } = await need('ann');
    jobs.work = { kind: 'prompt', prompt: 'old', skills: ['plan'] };
    await panel.change('tea', { prompt: 'new', deliver: 'all' });
    expect(jobs.changes).toEqual([{ deliver: 'all', work: { kind: 'prompt', prompt: 'new', skills: ['plan'] } }]);
  });

  it.each([
    [5, 5],
    [5, 4],
    [0, 367 * 86_400_000],
  ])('has no calendar from %i to %i', async (from, to) => {
    await expect((await need('ann')).jobs.calendar(from, to)).rejects.toMatchObject({ code: 'bad_input' });
  });
});
