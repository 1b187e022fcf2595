// What a person said once holds months later, on another platform; and nothing of one person stands in any request that is made for another.
import { expect, it, onTestFinished } from 'vitest';
import type { ModelReply, ModelRequest } from '../../agent/providers/types.ts';
import { addIdentity } from '../../data/process/people.ts';
import { userId } from '../../shared/ids.ts';
import { makeCall, makeReply } from '../agent/fixture.ts';
import { makeFakePlatform, type FakePlatform } from '../support/fake-platform.ts';
import { DAY, openPlay, type Play } from './play.ts';
import { makePolicy } from './policy.ts';
import { textOf } from './reading.ts';
import { takeProposals } from './story.ts';
import { makeWorld } from './world.ts';

/** Remembers what it is asked to, and works as the policy does. */
function makeModel(seed: number): (request: ModelRequest) => ModelReply {
  const policy = makePolicy(seed);
  return (request) => {
    const last = request.messages.findLast((message) => message.role !== 'user' || message.isState !== true);
    const wish = last?.role === 'user' ? /^Remember: (.*)/.exec(textOf(last))?.[1] : undefined;
    if (wish === undefined) return policy(request);
    return makeReply({ toolCalls: [makeCall('memory', { action: 'add', target: 'memory', content: wish })] });
  };
}

async function joinPlatform(play: Play, platform: FakePlatform, user: string, person: { person: string }) {
  const { account } = platform;
  const [row] = await play.db.query.selectFrom('persons').select('id').where('name', '=', person.person).execute();
  if (!row) throw new Error('no such person');
  await addIdentity(play.db, {
    platform: account.platform,
    account: account.account,
    user: userId(user),
    person: row.id,
    name: user,
  });
}

const wholeOf = ({ system, messages }: ModelRequest) =>
  [...system.map(({ text }) => text), ...messages.map(textOf)].join('\n');

it('honours months later, on another platform, what was said once', async () => {
  const phone = makeFakePlatform({ id: 'phone' });
  const desk = makeFakePlatform({ id: 'desk' });
  const play = await openPlay({ platforms: [phone, desk], model: makeModel(5), tools: makeWorld().tools });
  onTestFinished(() => play.close());
  await play.addPerson(phone, 'ann');
  await joinPlatform(play, desk, 'ann-at-work', { person: 'ann' });
  await play.say(phone, 'ann', 'I prefer distances in kilometres');
  await play.say(phone, 'ann', 'Remember: the boat is called Zephyr');
  await play.say(phone, 'ann', '/new');
  for (let week = 0; week < 26; week++) {
    await play.pass(7 * DAY);
    if (week % 5 === 0) await play.say(phone, 'ann', `Good morning, this is week ${week}`);
    if (week % 10 === 0) await play.say(phone, 'ann', '/new');
  }
  await play.say(desk, 'ann-at-work', '/new');
  await play.say(desk, 'ann-at-work', 'How far is it to the sea?');
  const system = (play.requests.at(-1)?.system ?? []).map(({ text }) => text).join('\n');
  expect(system).toContain('distances in kilometres');
  expect(system).toContain('the boat is called Zephyr');
  expect(textOf(play.requests.at(-1)?.messages.at(0))).toContain('How far is it');
  // The model of the person was revised beside the look back.
  expect(play.requests.some(({ cacheKey }) => cacheKey.endsWith('.profile'))).toBe(true);
  expect(play.problems).toEqual([]);
});

it('shows nothing of one person in any request for another: preferences, memory, work', async () => {
  const chat = makeFakePlatform();
  const play = await openPlay({ platforms: [chat], model: makeModel(7), tools: makeWorld().tools });
  onTestFinished(() => play.close());
  const people = [
    { user: 'ann', marks: ['quokka', 'Zephyr', 'w21-2026'] },
    { user: 'bob', marks: ['axolotl', 'Mistral', 'r77-2026'] },
  ] as const;
  const scopes = new Map<string, string>();
  for (const { user } of people) scopes.set((await play.addPerson(chat, user, 'member')).person, user);
  for (const { user, marks } of people) {
    const [animal, boat, thing] = marks;
    await play.say(chat, user, `I prefer pictures of the ${animal}`);
    await play.say(chat, user, `Remember: the boat is called ${boat}`);
    const asked = user === 'ann' ? 'Publish the weekly notes of' : 'Book the receipts of';
    await play.say(chat, user, `${asked} ${thing}`);
    await play.say(chat, user, '/new');
    await play.pass(DAY);
  }
  await takeProposals(play, chat, 0);
  // Each is asked about the work and the words of the other, weeks later.
  for (let week = 0; week < 3; week++)
    for (const { user } of people) {
      await play.pass(4 * DAY);
      await play.say(chat, user, 'What is my boat called, and which pictures do I prefer?');
      await play.say(chat, user, 'Publish the weekly notes of w99-2026');
      await play.say(chat, user, 'Book the receipts of r99-2026');
      await play.say(chat, user, '/new');
      await play.pass(3_600_000);
    }
  const sessions = await play.db.query.selectFrom('sessions').select(['id', 'person_id']).execute();
  const userOf = new Map(sessions.map(({ id, person_id }) => [String(id), scopes.get(person_id)]));
  const seen = { ann: 0, bob: 0 };
  for (const request of play.requests) {
    const user = userOf.get(request.cacheKey.split('.')[0] ?? '');
    const other = people.find((one) => one.user !== user);
    if (!other || (user !== 'ann' && user !== 'bob')) throw new Error(`a request of nobody: ${request.cacheKey}`);
    seen[user]++;
    const text = wholeOf(request);
    for (const mark of other.marks) expect(text, `${request.cacheKey} of ${user}`).not.toContain(mark);
  }
  expect(Math.min(seen.ann, seen.bob)).toBeGreaterThan(40);
  // The marks are there where they belong, so that the search means something.
  for (const { user, marks } of people) {
    const own = play.requests.filter(({ cacheKey }) => userOf.get(cacheKey.split('.')[0] ?? '') === user).map(wholeOf);
    for (const mark of marks)
      expect(
        own.some((text) => text.includes(mark)),
        `${mark} of ${user}`,
      ).toBe(true);
  }
  expect(play.problems).toEqual([]);
});

it('does not show the skill of one person to another who asks for the very same', async () => {
  const chat = makeFakePlatform();
  const play = await openPlay({ platforms: [chat], model: makeModel(9), tools: makeWorld().tools });
  onTestFinished(() => play.close());
  const ann = await play.addPerson(chat, 'ann', 'member');
  await play.addPerson(chat, 'bob', 'member');
  await play.learning.skills.library.change(ann, {
    name: 'publish-weekly-notes',
    steps: [
      {
        action: 'create',
        text: '---\nname: publish-weekly-notes\ndescription: How ann publishes weekly notes\n---\n\n## Procedure\n\n1. Run `notes collect <thing>`\n',
      },
    ],
    author: 'person',
    reason: 'a test',
    turns: [],
    isForeign: false,
    as: 'active',
    session: undefined,
  });
  await play.say(chat, 'ann', 'Publish the weekly notes of w1-2026');
  const ofAnn = play.requests.length;
  await play.say(chat, 'bob', 'Publish the weekly notes of w1-2026');
  const [first, second] = [play.requests.slice(0, ofAnn), play.requests.slice(ofAnn)].map((part) =>
    part.map(wholeOf).join('\n'),
  );
  expect(first).toContain('How ann publishes weekly notes');
  expect(second).toContain('Publish the weekly notes');
  expect(second).not.toContain('How ann publishes');
});
