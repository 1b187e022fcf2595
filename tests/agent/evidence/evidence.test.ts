// What is written down of turns, and what becomes of skills by it: the good one is kept, the wrong and the poisoned one go, for their own
// space alone.
import { expect, test } from 'vitest';
import { listTurnsAround } from '../../../data/evidence/turns.ts';
import { noteSkillLoad } from '../../../data/learning/skill-marks.ts';
import { undoTurn } from '../../../data/messages.ts';
import type { SkillRevision } from '../../../skills/types.ts';
import { changeOf, skillText } from '../../skills/fixture.ts';
import { openScene, type Played, type Scene } from './scene.ts';

const NAME = 'weekly-report';
const BODY = `Fetch the sales, then sum them up.\n\n## Verification\n\nRun \`check-report out.md\`: it says ok.`;
const ask = (month: string) => `Please prepare the weekly sales report for ${month}`;
const CHECK = { name: 'terminal', args: { command: 'cd /tmp && check-report out.md' }, result: 'ok' };

async function makeSkill(scene: Scene, as: 'trial' | 'active' = 'trial'): Promise<SkillRevision> {
  const text = skillText(NAME, undefined, BODY);
  return scene.library.change(scene.ann.scope, changeOf(NAME, { steps: [{ action: 'create', text }], as }));
}

const stateOf = async ({ library, ann }: Scene, id: string) =>
  (await library.revisions(ann.scope)).find((revision) => revision.id === id)?.state;

async function outcomes({ db, ann }: Scene): Promise<readonly string[]> {
  const turns = await listTurnsAround(db, ann.scope, { skill: NAME, since: 0 });
  return turns.map(({ outcome }) => outcome);
}

/** One turn of each kind, in conversations that see the trial and that do not, until something is decided. */
async function alternate(
  scene: Scene,
  revision: SkillRevision,
  { good, bad, max }: { good: Partial<Played>; bad: Partial<Played>; max: number },
): Promise<number> {
  for (let pair = 1; pair <= max; pair++) {
    for (const isIn of [false, true]) {
      const session = await scene.sessionFor(revision.id, isIn);
      const skill = isIn ? { name: NAME, revision: revision.id } : undefined;
      await scene.play({ said: ask(`week ${pair}`), session, skill, ...(isIn ? good : bad) });
      await scene.clock.advance(31 * 60_000);
    }
    if ((await stateOf(scene, revision.id)) !== 'trial') return pair;
  }
  return Infinity;
}

test('a turn is verified, done, corrected, failed or abandoned, and the next words change it', async () => {
  const scene = await openScene();
  const { id } = await makeSkill(scene, 'active');
  const skill = { name: NAME, revision: id };
  await scene.play({ said: ask('May'), skill, calls: [CHECK] });
  await scene.play({ said: ask('May'), skill, calls: [{ ...CHECK, result: 'bad\n[exit status 1]' }] });
  await scene.play({ said: ask('May'), skill, state: 'failed', answer: '' });
  await scene.play({ said: ask('May'), skill, state: 'stopped', answer: 'half' });
  expect(await outcomes(scene)).toEqual(['verified', 'done', 'failed', 'abandoned']);
  const wrong = await scene.play({ said: ask('May'), skill });
  await scene.play({ said: 'No, that is the wrong month', session: wrong.session });
  const right = await scene.play({ said: ask('May'), skill });
  await scene.play({ said: 'Perfect, thanks', session: right.session });
  const silent = await scene.play({ said: ask('May'), skill });
  await scene.play({ said: 'What is the weather?', session: silent.session });
  const failed = await scene.play({ said: ask('May'), skill, state: 'failed', answer: '' });
  await scene.play({ said: 'No, try again', session: failed.session });
  expect((await outcomes(scene)).slice(4)).toEqual(['corrected', 'verified', 'done', 'failed']);
  const undone = await scene.play({ said: ask('May'), skill });
  await undoTurn(scene.db, scene.ann.scope, undone.turn);
  await scene.evidence.report(scene.ann.scope);
  expect((await outcomes(scene)).at(-1)).toBe('corrected');
});

test('cost, steps, errors and time of a turn are kept; small talk is not', async () => {
  const scene = await openScene();
  const { id } = await makeSkill(scene);
  const failing = { name: 'terminal', result: 'no such file', isError: true };
  await scene.play({ said: ask('May'), skill: { name: NAME, revision: id }, calls: [failing, CHECK], cost: 321 });
  await scene.play({ said: 'hi' });
  const turns = await listTurnsAround(scene.db, scene.ann.scope, { skill: NAME, since: 0 });
  expect(turns).toMatchObject([
    { microUsd: 321, tokens: 321, costKnown: true, steps: 4, toolErrors: 1, denials: 0, durationMs: 1_000 },
  ]);
  expect(turns[0]?.uses).toEqual([{ skill: NAME, revision: id, how: 'viewed' }]);
});

test('a skill that was read counts for later tasks of its kind in the same conversation, and for no other', async () => {
  const scene = await openScene();
  const { id } = await makeSkill(scene);
  const { session } = await scene.play({ said: ask('May'), skill: { name: NAME, revision: id } });
  await scene.play({ said: ask('June'), session });
  await scene.play({ said: 'Book a table at an Italian restaurant tonight', session });
  await scene.play({ said: ask('July') });
  const turns = await listTurnsAround(scene.db, scene.ann.scope, { skill: NAME, since: 0 });
  expect(turns.map(({ uses }) => uses.length)).toEqual([1, 1, 0]);
});

test('a skill that is called by name counts, and its text is not taken for the request', async () => {
  const scene = await openScene();
  const { id } = await makeSkill(scene);
  const { session } = await scene.play({ said: 'What is the weather in Vienna today?' });
  const load = { session: session.id, skill: NAME, revision: id, turn: undefined };
  await noteSkillLoad(scene.db, scene.ann.scope, load);
  const called = `${ask('May')}\n\n[Called with the skill ${NAME}.]\n\n# Skill ${NAME}\n\n${BODY}`;
  await scene.play({ said: called, session });
  await scene.play({ said: ask('June') });
  const turns = await listTurnsAround(scene.db, scene.ann.scope, { skill: NAME, since: 0 });
  expect(turns.map(({ uses }) => uses)).toEqual([[{ skill: NAME, revision: id, how: 'asked' }], []]);
});

test('a skill that saves half of the cost is promoted, and the person is told once', async () => {
  const scene = await openScene();
  const revision = await makeSkill(scene);
  const pairs = await alternate(scene, revision, { good: { cost: 400 }, bad: { cost: 1_000 }, max: 15 });
  expect(pairs).toBeLessThanOrEqual(12);
  expect(await stateOf(scene, revision.id)).toBe('active');
  expect(scene.told.map(({ text }) => text)).toEqual([
    expect.stringMatching(
      /^Skill weekly-report, version 1, has proven itself and is used from now on\. It helps: \d+ /,
    ),
  ]);
});

test('a wrong skill, whose turns fail, is rolled back', async () => {
  const scene = await openScene();
  const revision = await makeSkill(scene);
  const pairs = await alternate(scene, revision, { good: { state: 'failed', answer: '' }, bad: {}, max: 15 });
  expect(pairs).toBeLessThanOrEqual(10);
  expect(await stateOf(scene, revision.id)).toBe('rolled_back');
  expect(scene.told[0]?.text).toMatch(/was rolled back\. It makes such tasks worse/);
});

test('one that changes nothing stays on trial, and ends when it has shown nothing', async () => {
  const scene = await openScene();
  const revision = await makeSkill(scene);
  expect(await alternate(scene, revision, { good: {}, bad: {}, max: 10 })).toBe(Infinity);
  await scene.clock.advance(31 * 24 * 3_600_000);
  await scene.evidence.upkeep(scene.ann.scope);
  expect(await stateOf(scene, revision.id)).toBe('rolled_back');
  expect(scene.told[0]?.text).toMatch(/taken out of its trial/);
});

test('a poisoned skill goes at the first call that is refused in its turn, unless such tasks see refusals without it', async () => {
  const refused = {
    name: 'send_message',
    result: 'The person said no. It was not run; do not try it another way.',
    isError: true,
  };
  const scene = await openScene();
  const revision = await makeSkill(scene);
  await scene.play({ said: ask('May') });
  await scene.play({ said: ask('June'), skill: { name: NAME, revision: revision.id }, calls: [refused] });
  await scene.clock.advance(31 * 60_000);
  await scene.play({ said: ask('July') });
  expect(await stateOf(scene, revision.id)).toBe('rolled_back');
  expect(scene.told[0]?.text).toMatch(/a call was refused, which never happens/);

  const other = await openScene();
  const innocent = await makeSkill(other);
  await other.play({ said: ask('May'), calls: [refused] });
  await other.play({ said: ask('June'), skill: { name: NAME, revision: innocent.id }, calls: [refused] });
  // Words of others that look like a refusal are none.
  await other.play({
    said: ask('July'),
    skill: { name: NAME, revision: innocent.id },
    calls: [{ ...refused, isForeign: true }],
  });
  expect(await stateOf(other, innocent.id)).toBe('trial');
});

test('what the guard finds at load ends a skill at once, on trial or in force; a frozen one is the person’s alone', async () => {
  const scene = await openScene();
  const { id } = await makeSkill(scene, 'active');
  expect(await scene.evidence.condemn(scene.bob.scope, id, 'hidden text')).toBe(false);
  expect(await scene.evidence.condemn(scene.ann.scope, id, 'hidden text')).toBe(true);
  expect(await scene.evidence.condemn(scene.ann.scope, id, 'hidden text')).toBe(false);
  expect(await stateOf(scene, id)).toBe('rolled_back');
  expect(scene.told).toEqual([{ text: expect.stringContaining('hidden text'), key: `skill ${id} roll back` }]);

  const frozen = await openScene();
  const base = await makeSkill(frozen, 'active');
  await frozen.library.mark(frozen.ann.scope, NAME, { frozen: true });
  for (let turn = 0; turn < 15; turn++) {
    await frozen.play({ said: ask('May') });
    await frozen.play({ said: ask('May'), skill: { name: NAME, revision: base.id }, state: 'failed', answer: '' });
  }
  await frozen.clock.advance(31 * 60_000);
  await frozen.evidence.upkeep(frozen.ann.scope);
  expect(await stateOf(frozen, base.id)).toBe('active');
  const [row] = (await frozen.evidence.report(frozen.ann.scope)).skills;
  expect(row?.verdict?.decision).toBe('roll back');
});

test('turns that a revision was learnt from do not count against the way without it', async () => {
  const scene = await openScene();
  const bad = [];
  for (let turn = 0; turn < 12; turn++) bad.push((await scene.play({ said: ask('May'), cost: 5_000 })).turn);
  const text = skillText(NAME, undefined, BODY);
  const change = changeOf(NAME, { steps: [{ action: 'create', text }], as: 'trial', turns: bad });
  const { id } = await scene.library.change(scene.ann.scope, change);
  for (let turn = 0; turn < 12; turn++)
    await scene.play({ said: ask('May'), skill: { name: NAME, revision: id }, cost: 50 });
  await scene.clock.advance(31 * 60_000);
  await scene.evidence.upkeep(scene.ann.scope);
  expect(await stateOf(scene, id)).toBe('trial');
  const [row] = (await scene.evidence.report(scene.ann.scope)).skills;
  expect(row).toMatchObject({ uses: 12, without: 0, pairs: 0 });
});

test('the report and the series say what was, in one space alone', async () => {
  const scene = await openScene();
  const revision = await makeSkill(scene);
  await alternate(scene, revision, { good: { cost: 400, calls: [CHECK] }, bad: { cost: 1_000 }, max: 4 });
  const { skills } = await scene.evidence.report(scene.ann.scope);
  expect(skills).toMatchObject([
    {
      skill: NAME,
      number: 1,
      state: 'trial',
      uses: 4,
      verified: 4,
      without: 4,
      pairs: 4,
      success: { withSkill: { value: 1 }, without: { value: 1 }, difference: { value: 0 } },
      cost: { unit: 'microUsd', withSkill: { value: 400 }, without: { value: 1_000 } },
      steps: { withSkill: { value: 3 }, without: { value: 1 } },
      verdict: { decision: 'keep trying' },
    },
  ]);
  expect(skills[0]?.helps).toBeGreaterThan(skills[0]?.hurts ?? Infinity);
  const points = await scene.evidence.series(scene.ann.scope, { since: 0 });
  expect(points).toMatchObject([
    { skill: NAME, withSkill: { turns: 4, verified: 4, microUsd: 1_600 }, without: { turns: 4, microUsd: 4_000 } },
  ]);
  expect(await scene.evidence.report(scene.bob.scope)).toMatchObject({ skills: [] });
  expect(await scene.evidence.series(scene.bob.scope, { since: 0 })).toEqual([]);
});

test('who goes on to another conversation has no more to say of the last answer: it counts at once, and only once', async () => {
  const scene = await openScene();
  const { id } = await makeSkill(scene);
  const { session } = await scene.play({ said: ask('May'), skill: { name: NAME, revision: id } });
  const settled = async () =>
    (await scene.db.query.selectFrom('task_turns').select(['settled', 'outcome']).execute()).map((row) => ({ ...row }));
  expect(await settled()).toEqual([{ settled: 0, outcome: 'done' }]);
  const at = { scope: scene.ann.scope, session: session.id, role: 'owner', address: scene.ann.address } as const;
  await scene.evidence.source.left?.({ ...at, scope: scene.bob.scope });
  expect(await settled()).toEqual([{ settled: 0, outcome: 'done' }]);
  await scene.evidence.source.left?.(at);
  await scene.evidence.source.left?.(at);
  expect(await settled()).toEqual([{ settled: 1, outcome: 'done' }]);
});
