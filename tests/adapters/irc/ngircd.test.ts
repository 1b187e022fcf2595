// Channels and long lines on the real server.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NGIRCD_MISSING, startNgircd, type Ngircd } from '../../support/irc/ngircd.ts';
import { connectPerson, type Person } from '../../support/irc/person.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { addressOf, openIrc, type IrcRig } from './irc-rig.ts';

describe.skipIf(NGIRCD_MISSING)(`on ngircd ${NGIRCD_MISSING}`.trim(), () => {
  let server: Ngircd;
  let rig: IrcRig;
  let ada: Person;
  const wait = (text: string) => rig.record.waitFor((message) => message.text === text);

  beforeAll(async () => {
    server = await startNgircd();
    ada = await connectPerson(server.port, 'Ada');
    rig = await openIrc(server.port, {
      settings: { trust_nicks: true, channels: ['#Herald', '#locked sesame', '#full'] },
    });
    await ada.join('#herald');
  });
  afterAll(async () => {
    await rig?.close();
    ada?.quit();
    await server?.close();
  });

  it('hears what names it in a channel, and answers there', async () => {
    await ada.say('#herald', 'talking to others');
    await ada.say('#herald', 'herald: what time is it?');
    expect(await wait('talking to others')).toMatchObject({ chat: '#herald', chatKind: 'group', addressed: false });
    expect(await wait('what time is it?')).toMatchObject({
      addressed: true,
      sender: { id: 'nick:ada', verified: true },
    });
    await rig.adapter.send(addressOf('#herald'), makeOutbound('It is **noon**.'), AbortSignal.timeout(5_000));
    await ada.sync();
    expect(ada.seen.at(-1)).toEqual({
      from: 'herald',
      target: '#herald',
      text: 'It is \u0002noon\u0002.',
      type: 'PRIVMSG',
    });
  });

  it('answers no notice and no question of a program', async () => {
    const before = ada.seen.length;
    ada.write('PRIVMSG herald :\u0001VERSION\u0001');
    ada.write('NOTICE herald :are you a bot?');
    ada.write('PRIVMSG herald :\u0001ACTION waves\u0001');
    expect(await wait('* Ada waves')).toMatchObject({ chat: 'nick:ada', addressed: true });
    await ada.sync();
    expect(ada.seen).toHaveLength(before);
  });

  it('knows that a nearly full line may go on', async () => {
    const line = 'long text '.repeat(42).trim();
    await ada.say('herald', line);
    await ada.say('herald', 'and its end');
    expect(await wait(line)).toMatchObject({ partial: true });
    expect(await wait('and its end')).not.toHaveProperty('partial');
  });

  it('knows who is not there', async () => {
    const to = addressOf('nick:nobody');
    const result = await rig.adapter.send(to, makeOutbound('hello?'), AbortSignal.timeout(5_000));
    expect(result).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
  });

  it('says that the server tells no accounts when nicks are not trusted', async () => {
    const other = await openIrc(server.port, { settings: { nick: 'other' } });
    try {
      expect(other.record.states.at(-1)?.detail).toContain('trust_nicks');
      await ada.say('other', 'hi');
      expect(await other.record.waitFor((message) => message.text === 'hi')).toMatchObject({
        sender: { verified: false },
      });
    } finally {
      await other.close();
    }
  });
});
