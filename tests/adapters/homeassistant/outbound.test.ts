// What goes out, where, and what must not.
import { afterEach, describe, expect, it } from 'vitest';
import type { OutboundMessage, SendResult } from '../../../adapters/contract.ts';
import { chunkMarkdown } from '../../../adapters/chunk.ts';
import { messageId, userId } from '../../../shared/ids.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { hexId, RENDERED } from '../../support/homeassistant/world.ts';
import { actionsOf, addressOf, openHome, pressOf, type HomeRig } from './home-rig.ts';

const IS_CALL = (service: string) => (command: { type: string; [key: string]: unknown }) =>
  command.type === 'call_service' && command['service'] === service;

describe('messages', () => {
  let rig: HomeRig;
  const open = async (notify: (people: Pick<HomeRig, 'ada' | 'ben'>) => Record<string, unknown> = () => ({})) =>
    (rig = await openHome({ settings: (people) => ({ notify: notify(people) }) }));
  const send = (chat: string, message: OutboundMessage | string): Promise<SendResult> =>
    rig.adapter.send(
      addressOf(chat),
      typeof message === 'string' ? makeOutbound(message) : message,
      AbortSignal.timeout(5_000),
    );
  const shown = () => [...rig.home.world.notifications.values()].map((one) => one.message);
  const pushed = () => rig.home.world.pushes.map(({ service, message }) => [service, message]);
  const fired = () =>
    rig.home.world.events.filter((event) => event.event_type === 'herald_answer').map(({ data }) => data);

  afterEach(() => rig.close());

  it('go to the devices of their person, to the default, or to Home Assistant itself', async () => {
    const { ada, ben } = await open(({ ada: one }) => ({
      [one.id]: ['notify.mobile_app_ada', 'notify.mobile_app_tablet'],
      events: 'notify.family',
    }));
    await send(ada.id, 'to **Ada**');
    await send(ben.id, 'to **Ben**');
    await send('events', 'to *all*');
    expect(pushed()).toEqual([
      ['mobile_app_ada', 'to Ada'],
      ['mobile_app_tablet', 'to Ada'],
      ['family', 'to all'],
    ]);
    expect(shown()).toEqual(['to **Ben**']);
    const at = (chat: string) => rig.adapter.capabilities(addressOf(chat));
    expect([at(ada.id).sendDedupe, at(ben.id).edits.support, at('events').sendDedupe]).toEqual([
      'by-key',
      'full',
      'none',
    ]);
  });

  it('are never rendered as templates by Home Assistant', async () => {
    const { ada, ben } = await open(({ ada: one }) => ({ [one.id]: ['notify.mobile_app_ada', 'notify.family'] }));
    const text = 'a {{ states("lock.front") }} {% for i in x %} {# c #} {{{% b';
    await send(ada.id, text);
    await send(ben.id, text);
    const all = JSON.stringify([...pushed(), ...shown()]);
    expect(all).not.toContain(RENDERED);
    for (const one of [...pushed().map(([, message]) => message ?? ''), ...shown()])
      expect(one.replaceAll(/[\u2060\\]/g, '')).toBe(text);
  });

  it('load no images in the frontend', async () => {
    const { ada } = await open();
    await send(
      ada.id,
      'see ![secret](https://evil.example/?q=1) and\n\n| a |\n| --- |\n| ![x](https://evil.example/2) |',
    );
    expect(shown()[0]).not.toContain('![');
    expect(shown()[0]).toContain('[secret](https://evil.example/?q=1)');
  });

  it('have three buttons on a phone and the others as text; elsewhere all as text', async () => {
    const { ada, ben } = await open(({ ada: one }) => ({ [one.id]: 'notify.mobile_app_ada' }));
    const buttons = ['one', 'two', 'three', 'four'].map((label) => [{ label, data: `/choose ${label}` }]);
    await send(ada.id, { ...makeOutbound('Which?'), buttons });
    await send(ben.id, { ...makeOutbound('Which?'), buttons });
    const actions = actionsOf(rig.home.world.pushes[0]?.data ?? {});
    expect(actions.map(pressOf)).toEqual(['/choose one', '/choose two', '/choose three']);
    expect(pushed()[0]?.[1]).toBe('Which?\n\nfour: /choose four');
    expect(shown()[0]).toContain('one: /choose one');
  });

  it('name the files that they cannot show, and the tag by which they are replaced', async () => {
    const { ada } = await open(({ ada: one }) => ({ [one.id]: 'notify.mobile_app_ada' }));
    const file = {
      kind: 'document',
      path: '/x/report.pdf',
      name: 'report.pdf',
      mime: 'application/pdf',
      bytes: 9,
    } as const;
    const message = { ...makeOutbound(''), files: [file] };
    expect(await send(ada.id, message)).toMatchObject({ ok: true, ids: [`herald_${message.key}`] });
    await send(ada.id, message);
    expect(pushed()).toEqual([['mobile_app_ada', 'File: report.pdf (it cannot be shown here)']]);
  });

  it('fit a push message when they were cut to the limit, in any script', async () => {
    const { ada } = await open(({ ada: one }) => ({ [one.id]: 'notify.mobile_app_ada' }));
    const { text } = rig.adapter.capabilities(addressOf(ada.id));
    const buttons = [1, 2, 3].map((n) => [{ label: `Choice number ${n}`, data: 'x'.repeat(64) }]);
    for (const part of chunkMarkdown('日本語の長い文章 '.repeat(300), text))
      expect(await send(ada.id, { ...makeOutbound(part), buttons })).toMatchObject({ ok: true });
    for (const push of rig.home.world.pushes) expect(Buffer.byteLength(JSON.stringify(push))).toBeLessThan(3_000);
  });

  it('that reached one of two devices may have reached', async () => {
    const { ada, home } = await open(({ ada: one }) => ({
      [one.id]: ['notify.mobile_app_ada', 'notify.mobile_app_lost'],
    }));
    expect(await send(ada.id, 'half')).toMatchObject({ ok: false, code: 'not_found', reached: 'maybe' });
    home.fail(IS_CALL('mobile_app_ada'), { kind: 'error', code: 'home_assistant_error', message: 'not connected' });
    expect(await send(ada.id, 'none')).toMatchObject({ ok: false, code: 'unreachable', reached: 'maybe' });
    home.fail(IS_CALL('mobile_app_ada'), { kind: 'error', code: 'unauthorized', message: 'Unauthorized' });
    expect(await send(ada.id, 'none')).toMatchObject({ ok: false, code: 'forbidden', reached: 'no' });
  });

  it('for voice devices are events only; silent ones and previews are no answers of others', async () => {
    const { ada } = await open();
    const device = hexId();
    expect(await send(`device:${device}`, 'It is **noon**.')).toMatchObject({ ok: true });
    expect(fired()).toEqual([
      { text: 'It is noon.', key: expect.any(String), chat: `device:${device}`, device_id: device },
    ]);
    expect(shown()).toEqual([]);
    const preview = { ...makeOutbound('It is …'), silent: true };
    await send(ada.id, preview);
    expect(fired()).toHaveLength(1);
    const edit = rig.adapter.edit?.bind(rig.adapter);
    const id = messageId(`herald_${preview.key}`);
    await edit?.(addressOf(ada.id), id, makeOutbound('It is noon.'), AbortSignal.timeout(5_000));
    expect(shown()).toEqual(['It is noon.']);
    expect(fired().at(-1)).toMatchObject({ text: 'It is noon.', user_id: ada.id });
  });

  it('that are empty, or for nobody, or when nothing runs, are answers and no exceptions', async () => {
    const { ada } = await open(({ ada: one }) => ({ [one.id]: 'notify.mobile_app_ada' }));
    expect(await send(ada.id, '  ')).toMatchObject({ ok: false, code: 'bad_request', reached: 'no' });
    expect(await send('../x', 'hi')).toMatchObject({ ok: false, code: 'not_found', reached: 'no' });
    const edited = rig.adapter.edit?.(addressOf(ada.id), messageId('x'), makeOutbound('x'), AbortSignal.timeout(5_000));
    expect(await edited).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
    expect(await rig.adapter.openDm?.(userId('nobody'))).toBeUndefined();
    await rig.adapter.stop();
    expect(await send(ada.id, 'late')).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
  });
});
