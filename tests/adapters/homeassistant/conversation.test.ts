// Who speaks, how answers find back, and what is missed.
import { afterEach, describe, expect, it } from 'vitest';
import { hexId } from '../../support/homeassistant/world.ts';
import { makeOutbound, sendOk } from '../../contracts/adapter-samples.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import type { AdapterRig } from '../../contracts/adapter-harness.ts';
import {
  act,
  actionsOf,
  addressOf,
  idOf,
  listened,
  openHome,
  say,
  type HomeRig,
  type HomeRigOptions,
} from './home-rig.ts';

const MINUTE_MS = 60_000;

describe('the conversation', () => {
  let rig: HomeRig;
  const open = async (options?: HomeRigOptions) => (rig = await openHome(options));
  const texts = () => rig.record.received.map((message) => message.text);
  const send = (chat: string, text: string) => sendOk({ adapter: rig.adapter } as AdapterRig, addressOf(chat), text);
  const answers = () =>
    rig.home.world.events.filter((event) => event.event_type === 'herald_answer').map(({ data }) => data);

  afterEach(() => rig.close());

  it('takes the sender from the context, whatever the data says, and knows the name', async () => {
    const { home, ada, ben } = await open();
    const event = await say(home, ada, 'hi', { user_id: ben.id });
    const got = await rig.record.waitFor((message) => message.text === 'hi');
    expect(got).toMatchObject({ id: idOf(event), chat: ada.id, sender: { id: ada.id, name: 'Ada', bot: false } });
  });

  it('believes an automation who it was that spoke, and a voice device that it is one', async () => {
    const { home, ben } = await open();
    await listened(home);
    const device = hexId();
    home.world.fire('herald_message', { text: 'by sentence', user_id: ben.id, device_id: device });
    home.world.fire('herald_message', { text: 'by voice', device_id: device });
    await rig.record.waitUntil(() => rig.record.received.length === 2);
    expect(rig.record.received).toMatchObject([
      { chat: ben.id, sender: { id: ben.id, name: 'Ben' } },
      { chat: `device:${device}`, sender: { id: `device:${device}` } },
    ]);
  });

  it('nobody can pass for the sender of events, or for anybody from another system', async () => {
    const { home, ada } = await open();
    await listened(home);
    for (const user of ['events', 'EVENTS', `${ada.id}0`, 'device:events', '']) {
      home.world.fire('herald_message', { text: 'forged', user_id: user });
      home.world.fire('herald_message', { text: 'forged', device_id: user });
      home.world.fire('herald_message', { text: 'forged' }, { context: home.world.context(user) });
    }
    home.world.fire('herald_message', { text: 'forged', user_id: ada.id }, { origin: 'REMOTE' });
    await say(home, ada, 'real');
    await rig.record.waitFor((message) => message.text === 'real');
    expect(texts()).toEqual(['real']);
  });

  it('an answer is an event too, with the conversation it belongs to', async () => {
    const { home, ada } = await open();
    await say(home, ada, 'hello', { conversation_id: '01HXYZ' });
    await rig.record.waitFor((message) => message.text === 'hello');
    await send(ada.id, 'Hello **Ada**');
    expect(answers()).toEqual([
      { text: 'Hello Ada', key: expect.any(String), chat: ada.id, user_id: ada.id, conversation_id: '01HXYZ' },
    ]);
    expect([...home.world.notifications.values()]).toMatchObject([
      { title: 'Herald for Ada', message: 'Hello **Ada**' },
    ]);
  });

  it('with notify: false the script shows the answer itself, for as long as the conversation lasts', async () => {
    const clock = makeFakeClock(Date.now());
    const { home, ada } = await open({ clock });
    await say(home, ada, 'quietly', { conversation_id: 'c1', notify: false });
    await rig.record.waitFor((message) => message.text === 'quietly');
    await send(ada.id, 'pst');
    await rig.restart();
    await send(ada.id, 'pst again');
    expect(home.world.notifications.size).toBe(0);
    expect(answers()).toMatchObject([{ text: 'pst' }, { text: 'pst again', conversation_id: 'c1' }]);
    await clock.advance(6 * MINUTE_MS);
    await send(ada.id, 'much later');
    expect([...home.world.notifications.values()].map((one) => one.message)).toEqual(['much later']);
    expect(answers().at(-1)).not.toHaveProperty('conversation_id');
  });

  it('a press and a reply on the phone are the sender’s own, in their own chat', async () => {
    const { home, ada, ben } = await open({
      settings: (people) => ({ notify: { [people.ada.id]: 'notify.mobile_app_ada' } }),
    });
    const message = { ...makeOutbound('Allow it?'), buttons: [[{ label: 'Yes', data: '/approve 01' }]] };
    const { ids } = await sendOk({ adapter: rig.adapter } as AdapterRig, addressOf(ada.id), message);
    const [yes, reply] = actionsOf(home.world.pushes[0]?.data ?? {});
    expect([yes?.title, reply]).toMatchObject(['Yes', { title: 'Reply', behavior: 'textInput' }]);
    act(home, ada, { action: yes?.action });
    act(home, ben, { action: yes?.action });
    act(home, undefined, { action: yes?.action });
    act(home, ada, { action: reply?.action, reply_text: 'no, wait' });
    await rig.record.waitFor((got) => got.text === 'no, wait');
    const button = { data: '/approve 01', message: ids[0] };
    expect(rig.record.received).toMatchObject([
      { kind: 'button', chat: ada.id, sender: { id: ada.id }, button },
      { kind: 'button', chat: ben.id, sender: { id: ben.id }, button },
      { kind: 'message', chat: ada.id, text: 'no, wait', replyTo: { message: ids[0], mine: true } },
    ]);
  });

  it('can be switched off: nothing is listened to, and no event is fired', async () => {
    const { home, ada } = await open({ settings: () => ({ conversation: false }) });
    expect(home.subscriptions()).toEqual([]);
    await send(ada.id, 'only a notification');
    expect(home.world.notifications.size).toBe(1);
    expect(answers()).toEqual([]);
  });

  it('says what an ordinary user’s token cannot do, and does the rest', async () => {
    const { ada, home } = await open({ admin: false });
    expect(rig.record.states.at(-1)).toMatchObject({
      state: 'online',
      detail: expect.stringContaining('administrator'),
    });
    await send(ada.id, 'still shown');
    expect(home.world.notifications.size).toBe(1);
  });
});

describe('what is missed', () => {
  let rig: HomeRig;
  const open = async (options?: HomeRigOptions) => (rig = await openHome(options));
  afterEach(() => rig.close());

  it('is told as a gap from the last sign of life on', async () => {
    const clock = makeFakeClock(Date.now());
    await open({ clock });
    expect(rig.record.gaps).toEqual([]);
    const stoppedAt = clock.now();
    await rig.restart(async () => clock.advance(30 * MINUTE_MS));
    expect(rig.record.gaps).toEqual([{ since: stoppedAt, until: stoppedAt + 30 * MINUTE_MS, reason: 'no-replay' }]);
  });

  it('is nothing when Home Assistant itself was down, or when nobody can write', async () => {
    const clock = makeFakeClock(Date.now());
    const { home } = await open({ clock });
    await rig.restart(async () => {
      home.world.runState = 'STARTING';
      await clock.advance(30 * MINUTE_MS);
    });
    expect(rig.record.gaps).toEqual([]);
    await rig.close();
    await open({ clock, settings: () => ({ conversation: false, watched: [{ domains: ['light'] }] }) });
    await rig.restart(async () => clock.advance(30 * MINUTE_MS));
    expect(rig.record.gaps).toEqual([]);
  });

  it('is bounded: after a long time without a disk the rest is a gap', async () => {
    const { home, ada } = await open();
    rig.record.failNext(3);
    for (let i = 0; i < 5_010; i++) await say(home, ada, `message ${i}`);
    await rig.record.waitUntil(() => rig.record.gaps.length > 0, 15_000);
    const { missed = 0 } = rig.record.gaps[0] ?? {};
    expect(rig.record.gaps[0]).toMatchObject({ reason: 'limit' });
    expect(rig.record.received.length + missed).toBe(5_010);
    expect(missed).toBeGreaterThan(0);
  });
});
