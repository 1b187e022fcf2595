// /here, /handoff, /continue, /unified: one person over several chats.
import { beforeEach, describe, expect, test } from 'vitest';
import { getChat } from '../../../data/process/chats.ts';
import { addIdentity, type Person } from '../../../data/process/people.ts';
import { getPersonSettings } from '../../../data/process/person-settings.ts';
import { accountId, userId } from '../../../shared/ids.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
const pigeon = () => dm(ada);
const raven = () => dm(ada, 'raven');

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  const raven = { platform: 'raven', account: accountId('bot'), user: userId('ada') };
  await addIdentity(bench.db, { ...raven, person: ada.id, name: 'ada' });
  const [pigeon] = bench.gateway.facts.adapters;
  if (!pigeon) throw new Error('the bench has no platform');
  bench.gateway.facts = {
    ...bench.gateway.facts,
    adapters: [pigeon, { ...pigeon, platform: 'raven', title: 'Raven' }],
  };
});

const home = async () => (await getPersonSettings(bench.db, ada.id)).home;
const shownAt = async (at = pigeon()) => (await bench.route(ada, at)).session.id;

describe('/here', () => {
  test('makes the chat the place for news, until it is ended', async () => {
    expect((await bench.run(ada, raven(), '/here')).text).toContain('here from now on');
    expect(await home()).toEqual(raven());
    expect((await bench.run(ada, raven(), '/here')).text).toContain('here already');
    await bench.run(ada, pigeon(), '/here off');
    expect(await home()).toBeUndefined();
  });

  test('not in a group', async () => {
    await expect(bench.run(ada, group(), '/here')).rejects.toThrow('direct chat');
    expect(await home()).toBeUndefined();
  });
});

describe('/handoff', () => {
  test('goes on in another chat, with what was said last', async () => {
    await bench.exchange(ada, raven(), 'hi');
    await bench.exchange(ada, pigeon(), 'plan the *trip*');
    expect((await bench.run(ada, pigeon(), '/handoff rav')).text).toContain('we go on in raven');
    expect(bench.gateway.posts).toHaveLength(1);
    expect(bench.gateway.posts[0]).toMatchObject({ to: raven() });
    expect(bench.gateway.posts[0]?.text).toContain('> ada: plan the \\*trip\\*');
    expect(await shownAt(raven())).toBe(await shownAt());
  });

  test('takes a conversation of its own along', async () => {
    await bench.exchange(ada, raven(), 'hi');
    await bench.run(ada, pigeon(), '/unified off');
    await bench.exchange(ada, pigeon(), 'mine alone');
    // The bench routes by the configuration's default and the person's choice alike.
    const own = await shownAt();
    await bench.run(ada, pigeon(), '/handoff raven');
    expect(await shownAt(raven())).toBe(own);
  });

  test('asks where to when that is not clear, and never leaves a group', async () => {
    await expect(bench.run(ada, pigeon(), '/handoff raven')).rejects.toThrow('no other app');
    await bench.exchange(ada, raven(), 'hi');
    const reply = await bench.run(ada, pigeon(), '/handoff');
    expect(reply.buttons?.flat().map((button) => button.data)).toEqual(['/handoff raven:bot']);
    await expect(bench.run(ada, group(), '/handoff raven')).rejects.toThrow('stays there');
    expect(bench.gateway.posts).toEqual([]);
  });
});

describe('/unified and /continue', () => {
  test('each chat has its own conversation, and all of them come back together', async () => {
    await bench.exchange(ada, pigeon(), 'one');
    const common = await shownAt();
    await bench.run(ada, pigeon(), '/unified off');
    await bench.exchange(ada, raven(), 'two');
    expect(await shownAt(raven())).not.toBe(common);
    expect(await shownAt(raven())).not.toBe(await shownAt());
    await bench.run(ada, raven(), '/unified on');
    expect((await getChat(bench.db, raven()))?.session).toBeUndefined();
    expect(await shownAt(raven())).toBe(await shownAt());
    await expect(bench.run(ada, raven(), '/unified maybe')).rejects.toThrow('on, off or default');
  });

  test('the latest conversation of another chat is shown here', async () => {
    await bench.run(ada, pigeon(), '/unified off');
    await bench.exchange(ada, raven(), 'about boats');
    const boats = await shownAt(raven());
    const reply = await bench.run(ada, pigeon(), '/continue');
    expect(reply.text).toContain('> ada: about boats');
    expect(await shownAt()).toBe(boats);
    expect((await bench.run(ada, pigeon(), '/continue')).text).toContain('about boats');
    expect(await shownAt()).toBe(boats);
    await expect(bench.run(ada, group(), '/continue')).rejects.toThrow('group');
  });

  test('there may be nothing to go on with', async () => {
    expect((await bench.run(ada, pigeon(), '/continue')).text).toContain('nothing to go on with');
  });
});
