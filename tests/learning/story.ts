// Weeks of one person's work, told with a seed: what they ask for, whether it came out right, what it took. The person takes every skill that is
// proposed, since whether it is any good is not theirs to find out.
import type { Scope } from '../../data/scope.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { makeRandom } from '../support/random.ts';
import { DAY, openPlay, START, type Play } from './play.ts';
import { makePolicy } from './policy.ts';
import { FAMILIES, makeWorld, type Family, type World } from './world.ts';

export interface Task {
  family: string;
  /** From 1. */
  week: number;
  /** Right at the first answer. */
  isRight: boolean;
  /** Until it was right, or left. */
  replies: number;
  tokens: number;
  /** Looking back and replays, in the moments after. */
  learningTokens: number;
  usedSkill: boolean;
}

export interface Story {
  play: Play;
  scope: Scope;
  world: World;
  tasks: readonly Task[];
}

const PATIENCE = 3;

/** Monday to Friday, one task a morning and one in the afternoon. Closed by the caller. */
export async function tellStory(options: { seed: number; weeks: number; isLearning: boolean }): Promise<Story> {
  const random = makeRandom(options.seed);
  const chat = makeFakePlatform();
  const world = makeWorld();
  const play = await openPlay({
    platforms: [chat],
    model: makePolicy(options.seed),
    tools: world.tools,
    config: options.isLearning ? {} : { review: { enabled: false }, skills: { write_mode: 'off' } },
  });
  const scope = await play.addPerson(chat, 'ann');
  const tasks: Task[] = [];
  const counts = new Map<string, number>();
  let takenUp = 0;
  for (let week = 1; week <= options.weeks; week++)
    for (let slot = 0; slot < 10; slot++) {
      const at = START + ((week - 1) * 7 + Math.floor(slot / 2)) * DAY + (slot % 2) * 5 * 3_600_000;
      await play.pass(Math.max(0, at - play.clock.now()));
      takenUp = await takeProposals(play, chat, takenUp);
      const family = FAMILIES[Math.floor(random() * FAMILIES.length)];
      if (!family) throw new Error('no families');
      const count = (counts.get(family.tool) ?? 0) + 1;
      counts.set(family.tool, count);
      tasks.push({ week, ...(await doTask({ play, chat, world, random }, family, count)) });
    }
  return { play, scope, world, tasks };
}

type Chat = ReturnType<typeof makeFakePlatform>;

/** Taps yes on what was proposed since; how far it has read. */
export async function takeProposals(play: Play, chat: Chat, from: number): Promise<number> {
  for (const part of chat.sent.slice(from)) {
    const yes = part.buttons.find(({ data }) => data.startsWith('/skills approve'));
    if (yes) await play.say(chat, String(part.to.chat), yes.data);
  }
  return chat.sent.length;
}

interface Scene {
  play: Play;
  chat: Chat;
  world: World;
  random(): number;
}

export async function doTask(
  { play, chat, world, random }: Scene,
  family: Family,
  count: number,
): Promise<Omit<Task, 'week'>> {
  const thing = family.thing(count);
  const before = await spent(play);
  const [words = ''] = family.requests.slice(Math.floor(random() * family.requests.length));
  const from = play.requests.length;
  await play.say(chat, 'ann', words.replace('{t}', thing));
  const isRight = world.isRight(family, thing);
  for (let tries = 1; tries < PATIENCE && !world.isRight(family, thing); tries++)
    await play.say(chat, 'ann', family.complaint);
  const made = play.requests.slice(from);
  if (isRight && random() < 0.25) await play.say(chat, 'ann', 'Thanks!');
  await play.say(chat, 'ann', '/new');
  await play.pass(60_000);
  const after = await spent(play);
  const ofTurns = made.filter(({ cacheKey }) => !/\.(?:review|profile|replay)$/.test(cacheKey));
  return {
    family: family.tool,
    isRight,
    replies: ofTurns.length,
    tokens: after.turns - before.turns,
    learningTokens: after.learning - before.learning,
    usedSkill: ofTurns.some(({ messages }) => messages.some((one) => one.role === 'tool' && one.name === 'skill_view')),
  };
}

async function spent({ db }: Play): Promise<{ turns: number; learning: number }> {
  const rows = await db.query
    .selectFrom('usage')
    .select((eb) => [
      'cause',
      eb.fn.sum<number>('input_tokens').as('input'),
      eb.fn.sum<number>('output_tokens').as('output'),
    ])
    .groupBy('cause')
    .execute();
  const sum = (isTurn: boolean) =>
    rows.filter(({ cause }) => (cause === 'turn') === isTurn).reduce((all, row) => all + row.input + row.output, 0);
  return { turns: sum(true), learning: sum(false) };
}
