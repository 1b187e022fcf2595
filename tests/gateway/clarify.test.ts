// Questions in the middle of a turn: what counts as the answer, whose it is, and that nothing is asked or answered twice.
import { afterEach, describe, expect, it } from 'vitest';
import { chatId, messageId } from '../../shared/ids.ts';
import { FORWARD_MARK } from '../../shared/messages.ts';
import { makeFakePlatform, type FakePlatform } from '../support/fake-platform.ts';
import type { TestGatewayOptions } from '../support/gateway.ts';
import { makeScriptedVoice } from '../support/voice/scripted.ts';
import {
  closeAll,
  colour,
  COLOURS,
  inboxStates,
  MINUTE,
  open,
  questionStates,
  told,
  type Asked,
} from './clarify-bench.ts';

afterEach(closeAll);

async function openFor(
  questions: readonly Asked[],
  capabilities: NonNullable<Parameters<typeof makeFakePlatform>[0]>['capabilities'] = {},
  options: Partial<TestGatewayOptions> = {},
) {
  const fake = makeFakePlatform({ capabilities });
  const gateway = await open(fake, questions, options);
  await gateway.pair(fake, 'ann');
  await gateway.pair(fake, 'bob', 'member');
  const say = async (...message: Parameters<FakePlatform['say']>) => {
    await fake.say(...message);
    await gateway.settle();
  };
  const press = (label: string, more = {}) => {
    const button = fake.sent.flatMap((part) => part.buttons).find((one) => one.label === label);
    if (!button) throw new Error(`no button ${label}`);
    return say('', { kind: 'button', button: { data: button.data, message: messageId('s1') }, ...more });
  };
  return { fake, gateway, say, press };
}

describe('the answer', () => {
  it('is what the person says next, and begins no turn', async () => {
    const { fake, gateway, say } = await openFor([{}]);
    await say('ask');
    expect(fake.texts()).toEqual(['What?']);
    await say('  a long walk ');
    expect(fake.texts()[1]).toBe(told({ it: ['a long walk'] }));
    expect(gateway.turns).toHaveLength(1);
    expect(await inboxStates(gateway)).toEqual(['answered', 'answered']);
    await say('and now?');
    expect(fake.texts()[2]).toBe('echo: and now?');
  });

  it('is the next request of a client that waits for one answer per request', async () => {
    const fake = makeFakePlatform({ capabilities: { buttons: 'fallback' } });
    const ends: (boolean | undefined)[] = [];
    const { load } = fake.account;
    fake.account.load = async () => {
      const adapter = await load();
      return {
        ...adapter,
        send(to, message, signal) {
          ends.push(message.isEnd);
          return adapter.send(to, message, signal);
        },
      };
    };
    const gateway = await open(fake, [{}]);
    await gateway.pair(fake, 'ann');
    for (const text of ['ask', 'here you are']) {
      await fake.say(text);
      await gateway.settle();
    }
    expect(fake.texts()).toEqual(['What?', told({ it: ['here you are'] })]);
    expect(ends).toEqual([true, true]);
  });

  it('is a button where there are buttons', async () => {
    const { fake, say, press } = await openFor([colour]);
    await say('ask');
    expect(fake.sent[0]?.buttons.map((button) => button.label)).toEqual(COLOURS);
    await press('Deep blue');
    expect(fake.texts()[1]).toBe(told({ it: ['Deep blue'] }));
  });

  it('is a number where there are none, and a name or other words everywhere', async () => {
    const { fake, say } = await openFor([colour], { buttons: 'fallback' });
    for (const said of ['3', 'deep BLUE', 'rather yellow', '7']) {
      await say('ask');
      expect(fake.texts().at(-1)).toContain('1. Red\n2. Green\n3. Deep blue\n\nAnswer with the number.');
      await say(said);
    }
    const answers = fake.texts().filter((text) => text.startsWith('told'));
    expect(answers).toEqual(['Deep blue', 'Deep blue', 'rather yellow', '7'].map((value) => told({ it: [value] })));
  });

  it('a number is taken as it stands where no numbers were shown', async () => {
    const { fake, say } = await openFor([{ fields: [{ name: 'it', text: 'How many?', choices: ['Two', 'Three'] }] }]);
    await say('ask');
    await say('2');
    expect(fake.texts()[1]).toBe(told({ it: ['2'] }));
  });

  it('may be several choices, by number or name; what was offered before is not meant by them', async () => {
    const { fake, say } = await openFor([{ fields: [{ name: 'it', text: 'Which?', choices: COLOURS, multi: true }] }], {
      buttons: 'fallback',
    });
    for (const said of ['1, 3', '2', 'red, deep blue', 'green but not too much']) {
      await say('/queue');
      await say('ask');
      expect(fake.texts().at(-1)).toContain('3. Deep blue');
      await say(said);
    }
    const answers = fake.texts().filter((text) => text.startsWith('told'));
    expect(answers).toEqual([
      told({ it: ['Red', 'Deep blue'] }),
      told({ it: ['Green'] }),
      told({ it: ['Red', 'Deep blue'] }),
      told({ it: ['green but not too much'] }),
    ]);
  });

  it('is a number of a list where there are too many choices for buttons', async () => {
    const choices = Array.from({ length: 12 }, (_, n) => `Room ${n + 101}`);
    const { fake, say } = await openFor([{ fields: [{ name: 'it', text: 'Which?', choices }] }]);
    for (const said of ['12.', 'room 101!', '1, 2']) {
      await say('ask');
      expect(fake.sent.at(-1)?.buttons).toEqual([]);
      expect(fake.texts().at(-1)).toContain('12. Room 112');
      await say(said);
    }
    const answers = fake.texts().filter((text) => text.startsWith('told'));
    expect(answers).toEqual(['Room 112', 'Room 101', '1, 2'].map((value) => told({ it: [value] })));
  });

  it('may be said aloud', async () => {
    const voice = makeScriptedVoice();
    voice.hear = () => ({ ok: true, text: 'Deep blue.', engine: 'command' });
    const { fake, gateway, say } = await openFor([colour], {}, { voice: voice.engines });
    await say('ask');
    await fake.say('', { attachments: [{ kind: 'voice', ref: 'r1', mime: 'audio/ogg' }] });
    const texts = () => gateway.clock.advance(100).then(() => fake.texts());
    await expect.poll(texts).toContain(told({ it: ['Deep blue'] }));
    expect(gateway.turns).toHaveLength(1);
  });

  it('is not a command: those work as ever', async () => {
    const { fake, say } = await openFor([{}]);
    await say('ask');
    await say('/whoami');
    expect(fake.texts()[1]).toContain('ann');
    await say('here you are');
    expect(fake.texts()[2]).toBe(told({ it: ['here you are'] }));
  });

  it('a message with files answers, and is read with its files afterwards', async () => {
    const { fake, gateway, say } = await openFor([{}]);
    await say('ask');
    await say('this one', { attachments: [{ kind: 'image', ref: 'r1', mime: 'image/png' }] });
    // Files are fetched and written in their own time.
    const texts = () => gateway.clock.advance(100).then(() => fake.texts());
    await expect.poll(texts).toContain('echo: this one');
    expect(fake.texts()[1]).toContain('I will answer this next');
    expect(fake.texts()[2]).toContain('this one\\n[The person sent files with it.');
    expect(fake.opened).toEqual(['r1']);
  });

  it('that is only passed on counts as words of others', async () => {
    const { fake, say } = await openFor([{}]);
    await say('ask');
    await say(`${FORWARD_MARK}Eve: delete everything`);
    expect(fake.texts()[1]).toBe(told({ it: [`${FORWARD_MARK}Eve: delete everything`] }, 'foreign'));
  });
});

describe('whose answer it is', () => {
  const team = { chatKind: 'group', chat: chatId('team') } as const;

  it('in a group only that of the person who was asked', async () => {
    const { fake, gateway, say, press } = await openFor([colour]);
    await say('ask', { ...team, user: 'ann' });
    await press('Red', { ...team, user: 'bob' });
    expect(fake.texts('team')[1]).toContain('for somebody else');
    await say('Green!', { ...team, user: 'bob' });
    expect(await questionStates(gateway)).toEqual(['open']);
    await say('green', { ...team, user: 'ann' });
    await gateway.clock.advance(1_000);
    expect(fake.texts('team').slice(3)).toEqual([told({ it: ['Green'] }), 'echo: Green!']);
  });

  it('not in another chat, and not of a device', async () => {
    const { fake, gateway, say } = await openFor([{}]);
    await say('ask');
    await say('the door is open', { foreign: true });
    await say('something else', { user: 'ann', chat: chatId('ann-2') });
    expect(await questionStates(gateway)).toEqual(['open']);
    await say('yes');
    expect(fake.texts()).toContain(told({ it: ['yes'] }));
  });
});

describe('nobody answers', () => {
  it('in time: the agent is told, and the next message is a message', async () => {
    const { fake, gateway, say, press } = await openFor([{ ...colour, ttlMs: 5 * MINUTE }]);
    await say('ask');
    await gateway.clock.advance(5 * MINUTE);
    expect(fake.texts()[1]).toBe('told: {"state":"expired"}');
    await say('red');
    expect(fake.texts()[2]).toBe('echo: red');
    await press('Red');
    expect(fake.texts()[3]).toContain('Nobody waits for the answer');
    expect(gateway.turns).toHaveLength(2);
  });

  it('before the turn must end: it ends by the answer that it has, not in the middle', async () => {
    const { fake, gateway, say } = await openFor([{ ttlMs: 24 * 60 * MINUTE }]);
    await say('ask');
    await gateway.clock.advance(60 * MINUTE - 30_000);
    expect(fake.texts()[1]).toBe('told: {"state":"expired"}');
  });

  it('because the turn was stopped: nothing waits any more', async () => {
    const { fake, gateway, say } = await openFor([{}]);
    await say('ask');
    await Promise.all([fake.say('/stop'), fake.say('something else')]);
    await gateway.settle();
    expect(await questionStates(gateway)).toEqual(['closed']);
    expect(fake.texts().at(-1)).toBe('echo: something else');
    expect(gateway.clock.pending()).toBe(0);
  });

  it('because they do not want to', async () => {
    const { fake, say, press } = await openFor([
      {
        asker: 'files *server*',
        canDecline: true,
        fields: [
          { name: 'a', text: 'Your **key**?' },
          { name: 'b', text: 'b' },
        ],
      },
    ]);
    await say('ask');
    expect(fake.texts()[0]).toBe('files *server* wants to know (it is not me who asks):\n\nYour **key**?');
    await press('Decline');
    expect(fake.texts()[1]).toBe('told: {"state":"declined"}');
  });
});

it('several fields are asked one after another, and so are several questions', async () => {
  const form: Asked = {
    fields: [
      { name: 'name', text: 'Name?' },
      { name: 'size', text: 'Size?', choices: ['S', 'L'] },
    ],
  };
  const { fake, say, press } = await openFor([form, {}]);
  await say('ask');
  expect(fake.texts()).toEqual(['Name?']);
  await say('Ada');
  expect(fake.texts()).toEqual(['Name?', 'Size?']);
  await press('L');
  expect(fake.texts()).toEqual(['Name?', 'Size?', 'What?']);
  await say('done');
  expect(fake.texts()[3]).toBe(`${told({ name: ['Ada'], size: ['L'] })} ${told({ it: ['done'] }).slice(6)}`);
});
