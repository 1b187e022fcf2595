// The Cloud API beyond the contract: hidden numbers, the 24-hour window, choices, files, late failures.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeCommands } from '../../../adapters/whatsapp/cloud/commands.ts';
import { CloudError, problemOf, toSendError, WINDOW_CLOSED } from '../../../adapters/whatsapp/cloud/errors.ts';
import { describeFile } from '../../../adapters/whatsapp/cloud/files.ts';
import { makeInteractive } from '../../../adapters/whatsapp/cloud/interactive.ts';
import { messageId, userId } from '../../../shared/ids.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { BUSINESS_PHONE, object } from '../../support/whatsapp/cloud-world.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { ADA, dmWith, makeAdapter, openRig } from './cloud-harness.ts';
import { makeCloudAdapter } from '../../../adapters/whatsapp/cloud/adapter.ts';
import { cloudSettingsOf, whatsappSettings } from '../../../adapters/whatsapp/settings.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { FakeCloudApi } from '../../support/whatsapp/cloud-api.ts';
import { until } from './web-rig.ts';

const HOUR = 3_600_000;
const live = () => AbortSignal.timeout(5_000);

async function open(extra: Record<string, unknown> = {}) {
  const rig = await openRig(extra);
  onTestFinished(() => rig.close());
  return rig;
}

const text = (body: string) => ({ type: 'text', text: { body } });

describe('who is who', () => {
  it('somebody who hides their number later, or shows it later, stays the same', async () => {
    const { api, record } = await open();
    const bob = { phone: '15550003333', name: 'Bob', userId: 'US.222' };
    api.say({ ...bob, hidesPhone: true }, text('hidden'));
    api.say(bob, text('shown'));
    api.say({ ...bob, hidesPhone: true }, text('hidden again'));
    api.say({ ...ADA, hidesPhone: true }, text('known by number'));
    await record.waitUntil(() => record.received.length === 4);
    expect(record.received.map(({ sender, chat }) => [sender.id, chat])).toEqual([
      ['US.222', 'US.222'],
      ['US.222', 'US.222'],
      ['US.222', 'US.222'],
      [ADA.phone, ADA.phone],
    ]);
    expect(record.received[0]?.sender.username).toBe('bob');
  });

  it('is answered by the address that we have', async () => {
    const { api, adapter, record } = await open();
    const bob = { phone: '15550003333', name: 'Bob', userId: 'US.222', hidesPhone: true };
    api.say(bob, text('hello'));
    await record.waitFor((got) => got.text === 'hello');
    expect(await adapter.send(dmWith('US.222'), makeOutbound('hello Bob'), live())).toMatchObject({ ok: true });
    expect(api.world.sent.at(-1)?.body).toMatchObject({ recipient: 'US.222' });
    expect(api.world.sent.at(-1)?.body).not.toHaveProperty('to');
    for (const id of ['US.222', 'US.ENT.11815799212886844830', '15550003333'])
      expect(await adapter.openDm?.(userId(id))).toMatchObject({ chat: id });
    expect(await adapter.openDm?.(userId('bob@example.org'))).toBeUndefined();
  });
});

describe('what comes in', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      'a place',
      { type: 'location', location: { latitude: 1.5, longitude: 2, name: 'Café' } },
      { text: 'Location: 1.5, 2 (Café)' },
    ],
    [
      'a contact',
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Bob' }, phones: [{ phone: '+1 555' }] }] },
      { text: 'Contact: Bob, +1 555' },
    ],
    ['a quick reply', { type: 'button', button: { text: 'Yes', payload: 'y' } }, { text: 'Yes' }],
    [
      'a forwarded text',
      { ...text('once upon'), context: { forwarded: true } },
      { text: 'Forwarded from somebody:\nonce upon', replyTo: undefined },
    ],
    [
      'a forwarded voice note, whose words are not the sender’s',
      {
        type: 'audio',
        audio: { id: '1', mime_type: 'audio/ogg', voice: true },
        context: { frequently_forwarded: true },
      },
      { text: 'Forwarded from somebody:', attachments: [{ kind: 'voice', ref: '1' }] },
    ],
    [
      'a choice of a list',
      {
        type: 'interactive',
        interactive: { type: 'list_reply', list_reply: { id: 'model:2', title: 'Two' } },
        context: { id: 'wamid.M', from: BUSINESS_PHONE },
      },
      { kind: 'button', button: { data: 'model:2', message: 'wamid.M' } },
    ],
  ])('%s', async (_name, message, expected) => {
    const { api, record } = await open();
    const id = api.say(ADA, message);
    expect(await record.waitFor((got) => got.id === id)).toMatchObject(expected);
  });

  it('what is older than people want to have answered is left out and told once', async () => {
    const { api, adapter, record } = await open();
    api.say(ADA, text('old'), Date.now() - 50 * HOUR);
    api.say(ADA, text('old too'), Date.now() - 30 * HOUR);
    api.say(ADA, text('recent'), Date.now() - 20 * HOUR);
    await record.waitFor((got) => got.text === 'recent');
    await adapter.stop();
    expect(record.received).toHaveLength(1);
    expect(record.gaps).toMatchObject([{ chat: { id: ADA.phone, kind: 'dm' }, missed: 2, reason: 'limit' }]);
  });

  it('messages are marked as read only when that is wanted', async () => {
    for (const read_receipts of [false, true]) {
      const { api, record } = await open({ read_receipts });
      const id = api.say(ADA, text('seen?'));
      await record.waitFor((got) => got.id === id);
      if (read_receipts) await until('the mark', () => api.world.read.includes(id));
      else {
        await api.settled();
        expect(api.world.read).toEqual([]);
      }
    }
  });
});

describe('what goes out', () => {
  it('after 24 hours of silence says so clearly', async () => {
    const { api, adapter } = await open();
    api.world.closed.add(ADA.phone);
    const result = await adapter.send(dmWith(ADA.phone), makeOutbound('hello?'), live());
    expect(result).toMatchObject({ ok: false, code: 'forbidden', reached: 'no' });
    if (!result.ok) expect(result.cause.message).toContain(WINDOW_CLOSED);
  });

  it('is told when it is refused only later', async () => {
    const { api, record } = await open();
    api.sendStatus({ id: 'wamid.x', status: 'failed', errors: [{ code: 131047, title: 'Re-engagement message' }] });
    api.sendStatus({ id: 'wamid.y', status: 'delivered' });
    await record.waitUntil(() => record.states.some(({ detail }) => detail?.includes('24 hours')));
    expect(record.states.at(-1)?.state).toBe('online');
  });

  it('an answer to a message that is gone goes out without a quote', async () => {
    const { api, adapter } = await open();
    const result = await adapter.send(
      dmWith(ADA.phone),
      { ...makeOutbound('late'), replyTo: messageId('wamid.gone') },
      live(),
    );
    expect(result).toMatchObject({ ok: true });
    expect(api.world.sent).toMatchObject([
      { replyTo: undefined, body: { text: { body: 'late', preview_url: false } } },
    ]);
  });

  it('a long text with buttons keeps all of it, and the last message carries them', async () => {
    const { api, adapter } = await open();
    const buttons = [
      [
        { label: 'Yes', data: 'y' },
        { label: 'No', data: 'n' },
      ],
    ];
    const long = 'word '.repeat(400).trim();
    const result = await adapter.send(dmWith(ADA.phone), { ...makeOutbound(long), buttons }, live());
    expect(result).toMatchObject({ ok: true });
    expect(api.world.sent.map(({ body }) => body['type'])).toEqual(['text', 'interactive']);
    if (result.ok) expect(result.ids.at(-1)).toBe(api.world.sent.at(-1)?.id);
  });

  it('a text of Markdown goes as the kind of text that the API knows', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'herald-wa-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file: StoredFile = {
      kind: 'document',
      path: path.join(folder, 'n.md'),
      name: 'n.md',
      mime: 'text/markdown',
      bytes: 3,
    };
    await writeFile(file.path, '# x');
    const { api, adapter } = await open();
    expect(await adapter.send(dmWith(ADA.phone), { ...makeOutbound(''), files: [file] }, live())).toMatchObject({
      ok: true,
    });
    expect(api.world.sent[0]?.file).toMatchObject({ name: 'n.md', mime: 'text/plain' });
    expect(object(api.world.sent[0]?.body['document'])).toMatchObject({ filename: 'n.md' });
  });

  it('a file that could not be handed over has certainly sent nothing', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'herald-wa-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file: StoredFile = {
      kind: 'image',
      path: path.join(folder, 'a.png'),
      name: 'a.png',
      mime: 'image/png',
      bytes: 3,
    };
    await writeFile(file.path, 'abc');
    const { api, adapter } = await open();
    await api.goAway();
    const result = await adapter.send(dmWith(ADA.phone), { ...makeOutbound('x'), files: [file] }, live());
    expect(result).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
  });

  it('files are fetched with our token from Meta’s hosts only', async () => {
    const { api, adapter } = await open();
    const id = api.world.addFile({ name: 'x', mime: 'image/png', bytes: Buffer.from('x') });
    const describe = api.world.describeFile.bind(api.world);
    api.world.describeFile = (file, root) => ({ ...describe(file, root), url: 'http://127.0.0.1:9/steal' });
    await expect(adapter.open({ kind: 'image', ref: id }, live())).rejects.toMatchObject({ name: 'AppError' });
    await expect(adapter.open({ kind: 'image', ref: '../me' }, live())).rejects.toMatchObject({ code: 'not_found' });
    expect(api.requests.some(({ path: asked }) => asked.includes('/me'))).toBe(false);
  });
});

describe('choices', () => {
  const some = (count: number, label = (i: number) => `Choice ${i}`) =>
    Array.from({ length: count }, (_, i) => ({ label: label(i), data: `c:${i}` }));

  it('up to three short ones are buttons', () => {
    const { parts, before } = makeInteractive('Which?', some(3));
    expect(before).toBeUndefined();
    expect(parts).toMatchObject([{ type: 'button', body: { text: 'Which?' } }]);
  });

  it('more, or longer ones, are a list whose rows tell the whole label', () => {
    const long = 'claude-sonnet-4-5-20250929 (thinking)';
    const [list] = makeInteractive(
      'Which?',
      some(2, () => long),
    ).parts;
    const rows = object(list?.['action'])['sections'] as { rows: { title: string; description?: string }[] }[];
    expect(rows[0]?.rows[0]).toEqual({ id: 'c:0', title: 'claude-sonnet-4-5-20250…', description: long });
    expect(makeInteractive('Which?', some(10)).parts).toHaveLength(1);
  });

  it('more than ten are several lists, with every one of them once', () => {
    const { parts } = makeInteractive('Which?', some(23));
    const ids = parts.flatMap((part) => {
      const [section] = object(part['action'])['sections'] as { rows: { id: string }[] }[];
      return section?.rows.map(({ id }) => id) ?? [];
    });
    expect(parts).toHaveLength(3);
    expect(ids).toEqual(Array.from({ length: 23 }, (_, i) => `c:${i}`));
  });
});

describe('errors', () => {
  it.each([
    [190, 401, 'auth', 'no', undefined],
    [10, 403, 'auth', 'no', undefined],
    [200, 403, 'auth', 'no', undefined],
    [4, 400, 'rate_limited', 'no', 300_000],
    [130429, 400, 'rate_limited', 'no', 5_000],
    [131056, 400, 'rate_limited', 'no', 10_000],
    [131048, 400, 'rate_limited', 'no', 3_600_000],
    [131047, 400, 'forbidden', 'no', undefined],
    [131031, 403, 'forbidden', 'no', undefined],
    [131026, 400, 'not_found', 'no', undefined],
    [131030, 400, 'not_found', 'no', undefined],
    [131051, 400, 'unsupported', 'no', undefined],
    [100, 400, 'bad_request', 'no', undefined],
    [131000, 500, 'unreachable', 'maybe', undefined],
    [-1, 502, 'unreachable', 'maybe', undefined],
    [-1, 413, 'too_long', 'no', undefined],
    [-1, 429, 'rate_limited', 'no', 60_000],
  ])('%i with status %i: %s, reached %s', (code, status, expected, reached, retryAfterMs) => {
    expect(toSendError(new CloudError(code, status))).toMatchObject({ code: expected, reached, retryAfterMs });
    expect(problemOf(code, status).message.length).toBeGreaterThan(10);
  });

  it('a connection that was refused reached nobody; one that broke may have', () => {
    const cause = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) });
    expect(toSendError(cause('ECONNREFUSED'))).toMatchObject({ code: 'unreachable', reached: 'no' });
    expect(toSendError(cause('ECONNRESET'))).toMatchObject({ code: 'unreachable', reached: 'maybe' });
    expect(toSendError(new Error('anything'))).toMatchObject({ reached: 'maybe' });
  });
});

describe('the rest', () => {
  it.each([
    ['image', 'image/jpeg', 'image'],
    ['image', 'image/webp', 'document'],
    ['video', 'video/webm', 'document'],
    ['voice', 'audio/ogg; codecs=opus', 'audio'],
    ['audio', 'audio/wav', 'document'],
    ['sticker', 'image/webp', 'sticker'],
  ] as const)('%s of type %s goes as %s', (kind, mime, type) => {
    expect(describeFile({ kind, mime }).type).toBe(type);
  });

  it('commands are those that the app can show', () => {
    const commands = makeCommands([
      { name: 'new', description: 'Begin\nanew' },
      { name: 'new', description: 'twice' },
      { name: 'not a name', description: 'x' },
      { name: 'help', description: '' },
      ...Array.from({ length: 40 }, (_, i) => ({ name: `c${i}`, description: 'x' })),
    ]);
    expect(commands.slice(0, 2)).toEqual([
      { command_name: 'new', command_description: 'Begin anew' },
      { command_name: 'help', command_description: 'help' },
    ]);
    expect(commands).toHaveLength(30);
  });

  it.each([
    [{ app_secret: 'not-the-secret-of-the-app' }, 'platform_auth', 'app secret'],
    [{ phone_number_id: '999999999999' }, 'config_invalid', 'phone_number_id'],
  ])('does not start with %j', async (extra, code, said) => {
    const api = await FakeCloudApi.start();
    const record = makeRecordingHost();
    const adapter = makeAdapter(api, extra);
    onTestFinished(async () => {
      await adapter.stop();
      await record.close();
      await api.close();
    });
    await expect(adapter.start(record.host)).rejects.toMatchObject({
      name: 'AppError',
      code,
      publicMessage: expect.stringContaining(said),
    });
  });

  it('a token that ends while it runs is noticed, told, and good again when it is', async () => {
    const api = await FakeCloudApi.start();
    const record = makeRecordingHost();
    const clock = makeFakeClock(Date.now());
    const settings = whatsappSettings.parse(api.settings);
    const cloud = cloudSettingsOf(settings);
    if (!cloud) throw new Error('no settings');
    let isRevoked = false;
    const ask: typeof fetch = (url, init) =>
      isRevoked ? Promise.resolve(Response.json({ error: { code: 190 } }, { status: 401 })) : fetch(url, init);
    const account = dmWith('1').account;
    const adapter = makeCloudAdapter({ platform: 'whatsapp', account, settings, fetch: ask }, cloud, clock);
    onTestFinished(async () => {
      await adapter.stop();
      await record.close();
      await api.close();
    });
    await adapter.start(record.host);
    expect(record.states.at(-1)?.state).toBe('online');
    isRevoked = true;
    await clock.advance(5 * 60_000);
    await record.waitUntil(() => record.states.at(-1)?.state === 'needs-login');
    expect(record.states.at(-1)?.detail).toContain('WHATSAPP_CLOUD_TOKEN');
    isRevoked = false;
    await clock.advance(5 * 60_000);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
  });
});
