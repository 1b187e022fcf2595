// The way of one message through the gateway's core: ingress, authorization, lanes, turns, outbox.
import { afterEach, describe, expect, it } from 'vitest';
import { listInbox } from '../../data/process/inbox.ts';
import { userId, chatId, messageId } from '../../shared/ids.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { waitFor } from '../support/gateway-process.ts';
import {
  answer,
  openTestGateway,
  type RunTurn,
  type TestGateway,
  type TestGatewayOptions,
} from '../support/gateway.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function open(options: Partial<TestGatewayOptions> = {}) {
  const fake = makeFakePlatform();
  const opened = await openTestGateway({ platforms: [fake], ...options });
  gateway = opened;
  return { fake, gateway: opened };
}

/** A turn that ends when the test says so. */
function gated() {
  const waiting: (() => void)[] = [];
  const signals: AbortSignal[] = [];
  const run: RunTurn = (turn, signal) => {
    signals.push(signal);
    return new Promise((resolve) => {
      waiting.push(() => resolve(answer(turn, `echo: ${turn.inputs.map((input) => input.text).join(' | ')}`)));
      signal.addEventListener('abort', () => resolve({ end: 'stopped', text: 'Stopped.', files: [], transcript: [] }));
    });
  };
  return { run, signals, release: () => waiting.shift()?.() };
}

const states = async (opened: TestGateway) => {
  const rows = await opened.db.query.selectFrom('inbox').select(['state', 'reason']).orderBy('seq').execute();
  return rows.map((row) => row.state);
};

describe('a message', () => {
  it('is answered once and its row ends as answered', async () => {
    const { fake, gateway } = await open();
    await gateway.pair(fake, 'ann');
    expect(await fake.say('hello')).toBe('new');
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: hello']);
    expect(await states(gateway)).toEqual(['answered']);
  });

  it('is not answered again when the platform delivers it again', async () => {
    const { fake, gateway } = await open();
    await gateway.pair(fake, 'ann');
    await fake.say('hello', { id: messageId('42') });
    await gateway.settle();
    expect(await fake.say('hello', { id: messageId('42') })).toBe('duplicate');
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: hello']);
  });

  it('of a stranger gets one code and nothing else', async () => {
    const { fake, gateway } = await open();
    await fake.say('let me in', { user: 'eve' });
    await fake.say('hello?', { user: 'eve' });
    // Codes are hashed on another thread, which the fake clock does not turn.
    await waitFor('both to be refused', async () => (await states(gateway)).every((state) => state === 'refused'));
    await gateway.settle();
    expect(fake.texts('eve')).toHaveLength(1);
    expect(fake.texts('eve')[0]).toMatch(/pairing code is [A-HJ-NP-Z2-9]{8}/);
    expect(gateway.turns).toHaveLength(0);
    expect(await states(gateway)).toEqual(['refused', 'refused']);
  });

  it('in a group is answered only where it is allowed and only when addressed', async () => {
    const { fake, gateway } = await open();
    await gateway.pair(fake, 'ann');
    const group = { chatKind: 'group' as const, chat: chatId('team') };
    await fake.say('chatter', { ...group, addressed: false });
    await fake.say('bot, hi', { ...group, addressed: true });
    await fake.say('bot, hi', { chatKind: 'group', chat: chatId('elsewhere'), addressed: true });
    await fake.say('me too', { ...group, user: 'eve', chat: chatId('team') });
    await gateway.settle();
    expect(fake.texts('team')).toEqual(['echo: ann: chatter | bot, hi']);
    expect(fake.sent).toHaveLength(1);
    expect(await states(gateway)).toEqual(['refused', 'answered', 'refused', 'refused']);
    expect(gateway.turns[0]?.scope.space.startsWith('g:')).toBe(true);
  });

  it('that is a day old when it arrives expires with one notice per chat', async () => {
    const { fake, gateway } = await open();
    await gateway.pair(fake, 'ann');
    const sentAt = gateway.clock.now() - 25 * 3_600_000;
    for (let i = 0; i < 5; i++) await fake.say(`old ${i}`, { sentAt });
    await fake.say('new', { sentAt: gateway.clock.now() });
    await gateway.settle();
    expect(fake.texts()).toEqual([expect.stringContaining('too old'), 'echo: new']);
    expect(await states(gateway)).toEqual(['expired', 'expired', 'expired', 'expired', 'expired', 'answered']);
  });

  it('without any text or file is still answered, not lost', async () => {
    const { fake, gateway } = await open();
    await gateway.pair(fake, 'ann');
    await fake.say('');
    await gateway.settle();
    expect(await states(gateway)).toEqual(['answered']);
  });
});

describe('messages during a turn', () => {
  const apart = (gateway: TestGateway, n: number) => ({ sentAt: gateway.clock.now() + n * 60_000 });

  it('wait their turn in mode queue, with one receipt, and are all answered in order', async () => {
    const { run, release } = gated();
    const { fake, gateway } = await open({ run });
    await gateway.pair(fake, 'ann');
    await fake.say('one', apart(gateway, 0));
    await gateway.settle();
    await fake.say('two', apart(gateway, 1));
    await fake.say('three', apart(gateway, 2));
    await gateway.settle();
    expect(fake.texts()).toEqual([expect.stringContaining('Got it')]);
    for (let i = 0; i < 3; i++) {
      release();
      await gateway.settle();
    }
    expect(fake.texts().slice(1)).toEqual(['echo: one', 'echo: two', 'echo: three']);
    expect(await states(gateway)).toEqual(['answered', 'answered', 'answered']);
  });

  it('that follow each other at once are one turn', async () => {
    const { run, release } = gated();
    const { fake, gateway } = await open({ run });
    await gateway.pair(fake, 'ann');
    await fake.say('one', apart(gateway, 0));
    await gateway.settle();
    await fake.say('two', apart(gateway, 1));
    await fake.say('and a half', apart(gateway, 1));
    await gateway.settle();
    release();
    await gateway.settle();
    release();
    await gateway.settle();
    expect(fake.texts().slice(1)).toEqual(['echo: one', 'echo: two | and a half']);
    expect(await states(gateway)).toEqual(['answered', 'answered', 'merged']);
  });

  it('are collected into one turn in mode collect', async () => {
    const { run, release } = gated();
    const { fake, gateway } = await open({ run });
    await gateway.pair(fake, 'ann');
    await fake.say('/queue collect');
    await fake.say('one', apart(gateway, 0));
    await gateway.settle();
    await fake.say('two', apart(gateway, 1));
    await fake.say('three', apart(gateway, 2));
    await gateway.settle();
    release();
    await gateway.settle();
    release();
    await gateway.settle();
    expect(fake.texts().slice(1)).toEqual(['echo: one', 'echo: two | three']);
  });

  it('are given to the running turn in mode steer', async () => {
    const released = Promise.withResolvers<void>();
    const run: RunTurn = async (turn) => {
      await released.promise;
      const steered = await turn.steer('s1');
      return answer(turn, `told: ${steered.map((input) => input.text).join(' | ')}`);
    };
    const { fake, gateway } = await open({ run, settings: { queueMode: 'steer' } });
    await gateway.pair(fake, 'ann');
    await fake.say('one', apart(gateway, 0));
    await gateway.settle();
    await fake.say('also this', apart(gateway, 1));
    await gateway.settle();
    released.resolve();
    await gateway.settle();
    expect(fake.texts()).toEqual(['told: also this']);
    expect(await states(gateway)).toEqual(['answered', 'merged']);
  });

  it('end the running turn in mode interrupt', async () => {
    const { run, release, signals } = gated();
    const { fake, gateway } = await open({ run, settings: { queueMode: 'interrupt' } });
    await gateway.pair(fake, 'ann');
    await fake.say('one', apart(gateway, 0));
    await gateway.settle();
    await fake.say('no, two', apart(gateway, 1));
    await gateway.settle();
    expect(signals[0]?.aborted).toBe(true);
    release();
    release();
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: no, two']);
    expect(await states(gateway)).toEqual(['superseded', 'answered']);
  });

  it('of other people do not wait', async () => {
    const { run, release } = gated();
    const { fake, gateway } = await open({ run });
    await gateway.pair(fake, 'ann');
    await gateway.pair(fake, 'bob', 'member');
    await fake.say('one');
    await fake.say('uno', { user: 'bob' });
    await gateway.settle();
    expect(gateway.turns).toHaveLength(2);
    release();
    release();
    await gateway.settle();
    expect(fake.texts('bob')).toEqual(['echo: uno']);
  });

  it('run no more turns at once than the cap allows', async () => {
    const { run, release } = gated();
    const { fake, gateway } = await open({ run, settings: { maxConcurrentTurns: 2 } });
    for (const user of ['a', 'b', 'c', 'd']) await gateway.pair(fake, user, 'member');
    for (const user of ['a', 'b', 'c', 'd']) await fake.say('hi', { user });
    await gateway.settle();
    expect(gateway.turns).toHaveLength(2);
    for (let i = 0; i < 4; i++) {
      release();
      await gateway.settle();
    }
    expect(gateway.turns).toHaveLength(4);
    expect(new Set(fake.sent.map((part) => part.to.chat)).size).toBe(4);
  });

  it('that arrive in the moment a turn ends are answered', async () => {
    const run: RunTurn = async (turn) => {
      if (turn.inputs[0]?.text === 'one') await fakeRef?.say('two', { sentAt: Date.UTC(2026, 10, 21, 13) });
      return answer(turn, `echo: ${turn.inputs.map((input) => input.text).join(' | ')}`);
    };
    const { fake, gateway } = await open({ run });
    const fakeRef: typeof fake | undefined = fake;
    await gateway.pair(fake, 'ann');
    await fake.say('one');
    await gateway.settle();
    expect(fake.texts().filter((text) => text.startsWith('echo'))).toEqual(['echo: one', 'echo: two']);
  });
});

describe('stop', () => {
  it('ends the running turn at once, from another chat of the same person too', async () => {
    const { run, signals } = gated();
    const { fake, gateway } = await open({ run });
    const person = await gateway.pair(fake, 'ann');
    await gateway.db.query
      .insertInto('identities')
      .values({
        platform: 'fake',
        account: fake.account.account,
        user_id: userId('ann-laptop'),
        person_id: person.id,
        name: 'ann',
        created_at: 0,
      })
      .execute();
    await fake.say('long work');
    await gateway.settle();
    await fake.say('/stop', { user: 'ann-laptop' });
    await gateway.settle();
    expect(signals[0]?.aborted).toBe(true);
    expect(await states(gateway)).toEqual(['superseded', 'answered']);
    expect(fake.texts('ann')).toEqual([]);
    expect(fake.texts('ann-laptop')[0]).toMatch(/[Ss]topped/);
  });

  it('of a stranger stops nothing', async () => {
    const { run, signals } = gated();
    const { fake, gateway } = await open({ run });
    await gateway.pair(fake, 'ann');
    await fake.say('long work');
    await gateway.settle();
    await fake.say('/stop', { user: 'eve' });
    await gateway.settle();
    expect(signals[0]?.aborted).toBe(false);
  });

  it('is said by a turn that takes too long', async () => {
    const { run } = gated();
    const { fake, gateway } = await open({ run, settings: { turnTimeoutMs: 60_000 } });
    await gateway.pair(fake, 'ann');
    await fake.say('long work');
    await gateway.settle();
    await gateway.clock.advance(61_000);
    await gateway.settle();
    expect(fake.texts()[0]).toMatch(/longer than a turn may take/);
    expect(await states(gateway)).toEqual(['dead']);
  });
});

describe('what changes while it waits', () => {
  it('an edit changes the waiting message, a deletion takes it back', async () => {
    const { run, release } = gated();
    const { fake, gateway } = await open({ run });
    await gateway.pair(fake, 'ann');
    await fake.say('one', { sentAt: gateway.clock.now() });
    await gateway.settle();
    const later = { sentAt: gateway.clock.now() + 60_000 };
    await fake.say('tow', { ...later, id: messageId('x1') });
    await fake.say('gone', { sentAt: gateway.clock.now() + 120_000, id: messageId('x2') });
    await gateway.settle();
    await fake.say('two', { ...later, id: messageId('x1'), kind: 'edit', revision: '1' });
    await fake.say('', { ...later, id: messageId('x2'), kind: 'delete' });
    await gateway.settle();
    release();
    await gateway.settle();
    release();
    await gateway.settle();
    expect(fake.texts().slice(1)).toEqual(['echo: one', 'echo: two']);
    expect(await listInbox(gateway.db, { state: 'queued', limit: 10 })).toEqual([]);
    expect(await states(gateway)).toEqual(['answered', 'answered', 'superseded', 'merged', 'merged']);
  });

  it('a text that the platform cut in two is one message', async () => {
    const { fake, gateway } = await open();
    await gateway.pair(fake, 'ann');
    await fake.say('first half', { partial: true });
    await gateway.settle();
    expect(gateway.turns).toHaveLength(0);
    await fake.say('second half');
    await gateway.settle();
    await gateway.clock.advance(700);
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: first half | second half']);
  });
});

describe('after a crash', () => {
  it('a turn that was running is resumed and answered once', async () => {
    const fake = makeFakePlatform();
    const never: RunTurn = () => new Promise(() => undefined);
    const first = await openTestGateway({ platforms: [fake], run: never });
    await first.pair(fake, 'ann');
    await fake.say('hello');
    await first.settle();
    const home = await first.crash();
    gateway = await openTestGateway({ platforms: [fake], home, clock: first.clock });
    await gateway.settle();
    expect(gateway.turns.map((turn) => turn.resumed)).toEqual([true]);
    expect(fake.texts()).toEqual(['echo: hello']);
    expect(await states(gateway)).toEqual(['answered']);
  });

  it('a turn that crashed the process three times is set aside, and the next message is answered', async () => {
    const fake = makeFakePlatform();
    const crashing: RunTurn = (turn) =>
      turn.inputs[0]?.text === 'boom' ? new Promise(() => undefined) : Promise.resolve(answer(turn, 'fine'));
    let opened = await openTestGateway({ platforms: [fake], run: crashing });
    await opened.pair(fake, 'ann');
    await fake.say('boom');
    await opened.settle();
    for (let crash = 0; crash < 3; crash++) {
      const home = await opened.crash();
      opened = await openTestGateway({ platforms: [fake], run: crashing, home, clock: opened.clock });
      await opened.settle();
    }
    gateway = opened;
    expect(fake.texts()).toEqual([expect.stringContaining('set it aside')]);
    expect(await states(opened)).toEqual(['dead']);
    await fake.say('still there?', { sentAt: opened.clock.now() + 60_000 });
    await opened.settle();
    expect(fake.texts().at(-1)).toBe('fine');
  });
});
