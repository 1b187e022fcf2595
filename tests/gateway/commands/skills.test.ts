// /skills on a real library, and the buttons that proposals come with.
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { Person } from '../../../data/process/people.ts';
import { makeAgentSkills } from '../../../agent/skills/skills.ts';
import { skillsSchema } from '../../../skills/config.ts';
import { openSkillLibrary, type OpenedLibrary } from '../../../skills/library.ts';
import { turnId } from '../../../shared/ids.ts';
import { changeOf, putSkill, skillText } from '../../skills/fixture.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;
let library: OpenedLibrary;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
  const builtin = path.join(bench.home, 'builtin');
  putSkill(path.join(builtin, 'plan'), { 'SKILL.md': skillText('plan') });
  library = openSkillLibrary({ db: bench.db, folders: () => [{ source: 'builtin', path: builtin }] });
  const settings = skillsSchema.parse({});
  bench.agent.skills = makeAgentSkills({
    db: bench.db,
    library,
    settings: () => settings,
    system: 'linux',
    hasVariable: () => false,
    bundles: path.join(bench.home, 'bundles'),
  }).port;
});

const say = async (text: string, who = ada, at = dm(who)) => (await bench.run(who, at, text)).text;
const scopeOf = async (who: Person) => (await bench.route(who, dm(who))).scope;

async function propose(name: string, who = ada, author: 'agent' | 'review' = 'agent') {
  const steps = [{ action: 'create' as const, text: skillText(name) }];
  return library.change(await scopeOf(who), changeOf(name, { as: 'proposed', author, steps }));
}

test('lists, finds and shows', async () => {
  expect(await say('/skills')).toContain('`plan` (builtin)');
  expect(await say('/skills plan asked')).toContain('`plan`');
  expect(await say('/skills zebra')).toContain('No skill has these words');
  expect(await say('/skills show plan')).toContain('Do plan.');
  await expect(say('/skills show nothing')).rejects.toMatchObject({ code: 'not_found' });
});

test('a proposal is shown, taken or not; what I drafted unasked is tried first', async () => {
  const tea = await propose('tea');
  const coffee = await propose('coffee', ada, 'review');
  expect(await say('/skills')).toContain('2 proposals wait');
  expect(await say(`/skills diff ${tea.id}`)).toContain('+Do tea.');
  expect(await say(`/skills approve ${tea.id}`)).toContain('holds from now on');
  expect(await say('/skills approve coffee')).toContain('on trial');
  const states = (await library.revisions(await scopeOf(ada))).map(({ id, state }) => [id, state]);
  expect(states).toEqual([
    [tea.id, 'active'],
    [coffee.id, 'trial'],
  ]);
  const water = await propose('water');
  expect(await say(`/skills reject ${water.id}`)).toContain('Not taken');
  expect(await say('/skills pending')).toBe('Nothing is proposed.');
});

test('versions: log, rollback to one, to what came with Herald', async () => {
  const scope = await scopeOf(ada);
  const patch = (old: string, text: string) => ({ steps: [{ action: 'patch' as const, old, new: text }] });
  await library.change(scope, changeOf('plan', patch('Do plan.', 'One.')));
  await library.change(scope, changeOf('plan', patch('One.', 'Two.')));
  expect(await say('/skills log plan')).toMatch(/`plan` 2, active[\s\S]*`plan` 1, superseded/);
  expect(await say('/skills rollback plan')).toContain('at version 1 again');
  expect(await say('/skills show plan')).toContain('One.');
  expect(await say('/skills rollback plan 2')).toContain('at version 2 again');
  expect(await say('/skills rollback plan 0')).toContain('as it came');
  expect(await say('/skills show plan')).toContain('Do plan.');
  await expect(say('/skills rollback plan 9')).rejects.toMatchObject({ code: 'not_found' });
});

test('marks are told in the list', async () => {
  for (const verb of ['freeze', 'pin', 'archive']) await say(`/skills ${verb} plan`);
  expect(await say('/skills')).toContain('`plan` (builtin, frozen, pinned, put away)');
  for (const verb of ['unfreeze', 'unpin', 'unarchive']) await say(`/skills ${verb} plan`);
  expect(await say('/skills')).toContain('`plan` (builtin)');
});

test('others neither see nor decide what is proposed to one; in a group its owner and admins decide', async () => {
  const tea = await propose('tea');
  expect(await say('/skills pending', bob)).toBe('Nothing is proposed.');
  await expect(say(`/skills approve ${tea.id}`, bob)).rejects.toMatchObject({ code: 'not_found' });
  await expect(say('/skills freeze plan', bob, group())).rejects.toMatchObject({ code: 'not_allowed' });
  expect(await say('/skills freeze plan', ada, group())).toContain('frozen');
  expect(await say('/skills')).not.toContain('frozen');
});

test('/undo takes back what the exchange did to skills', async () => {
  const scope = await scopeOf(ada);
  const turn = turnId('t1');
  await library.change(
    scope,
    changeOf('tea', { turns: [turn], steps: [{ action: 'create', text: skillText('tea') }] }),
  );
  expect(await bench.agent.skills?.takeBack(scope, turn)).toEqual(['tea']);
  expect(await say('/skills tea')).toContain('No skill');
});

test('/chat skills settles what is listed in this chat', async () => {
  expect(await say('/chat skills plan off')).toContain('`plan` off');
  expect(await say('/chat skills plan on')).toContain('`plan` always in the list');
  expect(await say('/chat skills plan default')).toContain('skills: as everywhere');
  await expect(say('/chat skills plan maybe')).rejects.toMatchObject({ code: 'bad_input' });
});
