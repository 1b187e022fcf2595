// Curation: what is unused grows stale and is put away, what says the same is proposed to be merged, and every step can be taken back.
import { expect, test } from 'vitest';
import { ARCHIVE_MS, makeCurator, STALE_MS } from '../../../skills/curate/curate.ts';
import { containmentOf, mergeTexts, shinglesOf } from '../../../skills/curate/similar.ts';
import { openSkillLibrary } from '../../../skills/library.ts';
import { makePerson, makeSpeaker } from '../../data/conversation.ts';
import { openTemporaryData } from '../../data/temporary-data.ts';
import { changeOf, createSkill, skillText } from '../fixture.ts';

async function openCuration() {
  const { db, clock } = await openTemporaryData();
  const library = openSkillLibrary({ db, folders: () => [] });
  const { scope } = await makeSpeaker(db, await makePerson(db, 'ann'));
  const other = (await makeSpeaker(db, await makePerson(db, 'bob'))).scope;
  const scheduled = new Set<string>();
  const curator = makeCurator({ db, clock, library, isScheduled: async (_, skill) => scheduled.has(skill) });
  const kinds = async () => (await curator.run(scope)).map(({ kind, skill }) => `${kind} ${skill}`.trim());
  const archived = async () => (await library.list(scope)).filter((one) => one.archived).map(({ name }) => name);
  return { db, clock, library, scope, other, scheduled, curator, kinds, archived };
}

test('the first run only notes; unused skills are stale after 14 days and put away after 30, never deleted', async () => {
  const { clock, library, scope, other, scheduled, curator, kinds, archived } = await openCuration();
  for (const name of ['plain', 'pinned', 'frozen', 'scheduled']) await createSkill(library, scope, name);
  await library.mark(scope, 'pinned', { pinned: true });
  await library.mark(scope, 'frozen', { frozen: true });
  scheduled.add('scheduled');
  await clock.advance(2 * ARCHIVE_MS);
  expect(await kinds()).toEqual(['noted']);
  expect(await kinds()).toEqual([]);
  await clock.advance(STALE_MS);
  expect(await kinds()).toEqual(['stale plain']);
  expect(await kinds()).toEqual([]);
  await clock.advance(ARCHIVE_MS - STALE_MS);
  expect(await kinds()).toEqual(['archive plain']);
  expect(await kinds()).toEqual([]);
  expect(await archived()).toEqual(['plain']);
  expect((await library.open(scope, 'plain'))?.body).toContain('Do plain');
  expect(await curator.steps(other)).toEqual([]);

  const [step] = await curator.steps(scope);
  await expect(curator.undo(other, step?.id ?? 0)).rejects.toMatchObject({ code: 'not_found' });
  await curator.undo(scope, step?.id ?? 0);
  expect(await archived()).toEqual([]);
  await expect(curator.undo(scope, step?.id ?? 0)).rejects.toMatchObject({ code: 'not_found' });
  expect(await kinds()).toEqual([]);
  await clock.advance(ARCHIVE_MS);
  expect(await kinds()).toEqual(['archive plain']);
});

const STEPS =
  'Fetch the sales of the week from the shop, sum them by product, write the table to the report, send it to Bob.';

test('near-duplicates are proposed to be merged, once, by a person; taking it back rejects the proposals', async () => {
  const { library, scope, curator } = await openCuration();
  await curator.run(scope);
  const create = (name: string, body: string) =>
    library.change(
      scope,
      changeOf(name, { steps: [{ action: 'create', text: skillText(name, 'Weekly report.', body) }] }),
    );
  await create('report', STEPS);
  await create('weekly', `${STEPS}\n\nNever on a Sunday.`);
  await create('garden', 'Water the tomatoes in the morning, the roses in the evening, and nothing when it rains.');
  const [step] = await curator.run(scope);
  expect(step).toMatchObject({ kind: 'merge', skill: 'weekly', other: 'report' });
  const revisions = (await library.revisions(scope)).filter(({ state }) => state === 'proposed');
  expect(revisions.map(({ skill, isDeletion }) => `${skill} ${isDeletion}`).toSorted()).toEqual([
    'report false',
    'weekly true',
  ]);
  const merged = revisions.find(({ skill }) => skill === 'report');
  expect((await library.open(scope, 'report', merged?.id))?.body).toMatch(
    /Fetch the sales[^]*From weekly[^]*Never on a Sunday/,
  );
  expect((await library.open(scope, 'report'))?.body).not.toContain('Sunday');
  expect(await curator.run(scope)).toEqual([]);
  await curator.undo(scope, step?.id ?? 0);
  expect((await library.revisions(scope)).filter(({ state }) => state === 'rejected')).toHaveLength(2);
  expect(await curator.run(scope)).toEqual([]);
});

test('likeness is by runs of words, in any order of parts; nothing is like nothing', () => {
  const a = shinglesOf('one two three four. five six seven eight');
  expect(containmentOf(a, shinglesOf('five six seven eight; one two three four'))).toBeGreaterThan(0.6);
  expect(containmentOf(a, shinglesOf('eight one seven two six three'))).toBe(0);
  expect(containmentOf(shinglesOf(''), shinglesOf(''))).toBe(0);
  expect(containmentOf(shinglesOf('Hi'), shinglesOf('hi'))).toBe(1);
  expect(mergeTexts('# a\n\n- Do it.\n', { name: 'b', body: '# b\n\n* do it\n' })).toBeUndefined();
  expect(mergeTexts('# a\n', { name: 'b', body: '# b\n\nMore.\n' })).toBe('# a\n\n## From b\n\nMore.\n');
});

test('a run that is cut off anywhere leaves nothing put away without a step, and nothing proposed twice', async () => {
  const { db, clock, library, scope, curator, archived } = await openCuration();
  await curator.run(scope);
  await createSkill(library, scope, 'plain');
  for (const [name, more] of [
    ['report', ''],
    ['weekly', '\n\nNever on a Sunday.'],
  ] as const) {
    const text = skillText(name, 'Weekly report.', `${STEPS}${more}`);
    await library.change(scope, changeOf(name, { steps: [{ action: 'create', text }] }));
    await library.mark(scope, name, { pinned: name === 'report' });
  }
  // The process ends at the first write, at the second, and so on; each time the next run goes on.
  const cutAt = (left: number): Parameters<typeof makeCurator>[0]['library'] => {
    const cut = () => {
      if (left-- <= 0) throw new Error('cut off');
    };
    return {
      ...library,
      async mark(...args) {
        cut();
        await library.mark(...args);
        cut();
      },
      async change(...args) {
        cut();
        const made = await library.change(...args);
        cut();
        return made;
      },
    };
  };
  const isScheduled = async (_: unknown, skill: string) => skill === 'weekly';
  await clock.advance(ARCHIVE_MS + 1);
  for (let left = 0; left < 4; left++) {
    const open = makeCurator({ db, clock, library: cutAt(left), isScheduled });
    await open.run(scope).catch(() => undefined);
    const steps = await curator.steps(scope);
    for (const name of await archived()) expect(steps.map(({ skill }) => skill)).toContain(name);
  }
  for (let left = 0; left < 6; left++) {
    const open = makeCurator({ db, clock, library: cutAt(left), isScheduled: async () => false });
    await open.run(scope).catch(() => undefined);
  }
  const steps = await curator.steps(scope);
  expect(steps.filter(({ kind, skill }) => kind === 'archive' && skill === 'plain')).toHaveLength(1);
  expect(await archived()).toContain('plain');
});

test('proposals to merge that a cut-off run left behind are taken up, not made twice', async () => {
  const { db, clock, library, scope, curator } = await openCuration();
  await curator.run(scope);
  for (const [name, more] of Object.entries({ report: '', weekly: '\n\nNever on a Sunday.' })) {
    const text = skillText(name, 'Weekly report.', `${STEPS}${more}`);
    await library.change(scope, changeOf(name, { steps: [{ action: 'create', text }] }));
  }
  let made = 0;
  const change: typeof library.change = async (...args) => {
    if (made++ > 0) throw new Error('cut off');
    return library.change(...args);
  };
  const cut = makeCurator({ db, clock, library: { ...library, change }, isScheduled: async () => false });
  await expect(cut.run(scope)).rejects.toThrow('cut off');
  const [step] = await curator.run(scope);
  expect(step).toMatchObject({ kind: 'merge', skill: 'weekly' });
  const proposed = (await library.revisions(scope)).filter(({ state }) => state === 'proposed');
  expect(proposed.map(({ id }) => id).toSorted()).toEqual(step?.revisions.toSorted());
});
