// "/name words" of a skill, from the message to the turn.
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { makeAgentSkills } from '../../agent/skills/skills.ts';
import { skillsSchema } from '../../skills/config.ts';
import { openSkillLibrary } from '../../skills/library.ts';
import { putSkill, skillText } from '../skills/fixture.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

/** Skills are read from the disk, which the clock of the test does not turn. */
async function answered({ opened, fake }: Awaited<ReturnType<typeof open>>, count: number): Promise<void> {
  await vi.waitFor(async () => {
    await opened.settle();
    expect(fake.texts()).toHaveLength(count);
  });
}

async function open() {
  const fake = makeFakePlatform();
  gateway = await openTestGateway({
    platforms: [fake],
    skills(db, home) {
      const builtin = path.join(home, 'builtin');
      // "sta" begins the name of a command, too.
      for (const name of ['plan', 'sta', 'help']) putSkill(path.join(builtin, name), { 'SKILL.md': skillText(name) });
      const settings = skillsSchema.parse({});
      return makeAgentSkills({
        db,
        library: openSkillLibrary({ db, folders: () => [{ source: 'builtin', path: builtin }] }),
        settings: () => settings,
        system: 'linux',
        hasVariable: () => false,
        bundles: path.join(home, 'bundles'),
      }).port;
    },
  });
  await gateway.pair(fake, 'ann');
  return { fake, opened: gateway };
}

test('a skill that is called becomes a turn with its text', async () => {
  const talk = await open();
  const { fake, opened } = talk;
  await fake.say('/plan the move');
  await answered(talk, 1);
  expect(opened.turns.map(({ inputs }) => inputs[0]?.text)).toEqual([
    expect.stringMatching(/^the move\n\n\[Called with the skill plan\.\]\n\n# Skill plan/),
  ]);
});

test('a command keeps its name, a skill beats the beginning of a command, and a stranger name is told', async () => {
  const talk = await open();
  const { fake, opened } = talk;
  await fake.say('/help');
  await answered(talk, 1);
  expect(opened.turns).toEqual([]);
  await fake.say('/sta');
  await answered(talk, 2);
  expect(opened.turns.at(-1)?.inputs[0]?.text).toMatch(/^Use the skill sta\./);
  await fake.say('/nonsense');
  await answered(talk, 3);
  expect(fake.texts().at(-1)).toMatch(/I know no command `?\/nonsense/);
  expect(opened.turns).toHaveLength(1);
});
