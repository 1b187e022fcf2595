// What was finished while its person had gone on elsewhere is told there too.
import { afterEach, describe, expect, it } from 'vitest';
import { setPersonSettings } from '../../data/process/person-settings.ts';
import { addIdentity } from '../../data/process/people.ts';
import { accountId, userId } from '../../shared/ids.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { newsAddress } from '../../gateway/chats/news.ts';
import { answer, openTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function open() {
  const pigeon = makeFakePlatform({ id: 'pigeon' });
  const raven = makeFakePlatform({ id: 'raven' });
  const release = Promise.withResolvers<void>();
  const opened = await openTestGateway({
    platforms: [pigeon, raven],
    async run(turn) {
      if (turn.inputs.some((input) => input.text === 'long work')) await release.promise;
      return answer(turn, `done: **${turn.inputs[0]?.text}**`);
    },
  });
  gateway = opened;
  const person = await opened.pair(pigeon, 'ann');
  const identity = { platform: 'raven', account: accountId('bot'), user: userId('ann') };
  await addIdentity(opened.db, { ...identity, person: person.id, name: 'ann' });
  return { pigeon, raven, release, gateway: opened, person };
}

const NEWS = 'What you asked me on pigeon is done:\n\ndone: long work';

describe('a long turn', () => {
  it('whose person wrote elsewhere meanwhile is told there, once, and answered where it was asked', async () => {
    const { pigeon, raven, release, gateway } = await open();
    await pigeon.say('long work');
    await gateway.settle();
    await gateway.clock.advance(61_000);
    await raven.say('/status');
    await gateway.settle();
    release.resolve();
    await gateway.settle();
    expect(pigeon.texts()).toEqual(['done: long work']);
    expect(raven.texts().slice(1)).toEqual([NEWS]);
  });

  it('is told nowhere else when its person stayed', async () => {
    const { pigeon, raven, release, gateway } = await open();
    await raven.say('/status');
    await pigeon.say('long work');
    await gateway.settle();
    await gateway.clock.advance(61_000);
    release.resolve();
    await gateway.settle();
    expect(raven.sent).toHaveLength(1);
    expect(pigeon.texts()).toEqual(['done: long work']);
  });

  it('is told at the place for news when there is one', async () => {
    const { pigeon, raven, release, gateway, person } = await open();
    await setPersonSettings(gateway.db, person.id, { home: raven.address() });
    await pigeon.say('long work');
    await gateway.settle();
    await gateway.clock.advance(61_000);
    release.resolve();
    await gateway.settle();
    expect(raven.texts()).toEqual([NEWS]);
  });

  it('that was short is told nowhere else', async () => {
    const { pigeon, raven, gateway, person } = await open();
    await setPersonSettings(gateway.db, person.id, { home: raven.address() });
    await pigeon.say('short work');
    await gateway.settle();
    expect(raven.sent).toEqual([]);
  });
});

describe('a device that speaks', () => {
  it('has a conversation of its own, and nobody hears news there', async () => {
    const pigeon = makeFakePlatform({ id: 'pigeon' });
    const opened = await openTestGateway({ platforms: [pigeon] });
    gateway = opened;
    const person = await opened.pair(pigeon, 'ann', 'owner');
    const events = { platform: 'pigeon', account: accountId('bot'), user: userId('events') };
    await addIdentity(opened.db, { ...events, person: person.id, name: 'events' });
    await pigeon.say('hello');
    await opened.settle();
    await opened.clock.advance(1_000);
    await pigeon.say('the door opened', { user: 'events', foreign: true });
    await opened.settle();
    const [said, event] = opened.turns;
    expect(event?.session).not.toBe(said?.session);
    expect(event?.inputs[0]?.origin).toBe('foreign');
    expect(await newsAddress(opened.db, person.id)).toEqual(pigeon.address('ann'));
  });
});
