import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Adapter, OutboundMessage } from '../../../adapters/contract.ts';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { makeTelegramAdapter } from '../../../adapters/telegram/adapter.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { startBotApi } from '../../support/bot-api.ts';
import type { BotApi } from '../../support/bot-api/types.ts';
import { ADA, addressOf, settingsFor } from './telegram-harness.ts';

let api: BotApi;
let adapter: Adapter;
let folder: string;
let group: number;

beforeEach(async () => {
  api = await startBotApi();
  api.user(ADA, 'Ada');
  group = api.group({ title: 'The group' }).id;
  adapter = makeAdapter();
  folder = await mkdtemp(path.join(tmpdir(), 'herald-telegram-'));
});

afterEach(async () => {
  await adapter.stop();
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

function makeAdapter(extra: Record<string, unknown> = {}): Adapter {
  return makeTelegramAdapter({
    platform: 'telegram',
    account: addressOf(api, ADA).account,
    settings: settingsFor(api, extra),
    fetch,
  });
}

const sent = (chat: number) => api.messages(chat).map((entry) => entry.message);
const soon = () => AbortSignal.timeout(10_000);
const dm = () => addressOf(api, ADA);

function message(markdown: string, extra: Partial<OutboundMessage> = {}): OutboundMessage {
  return { key: 'k', body: parseMarkdown(markdown), plain: false, files: [], buttons: [], silent: false, ...extra };
}

async function makeFile(name: string, kind: StoredFile['kind'] = 'document'): Promise<StoredFile> {
  const file = path.join(folder, path.basename(name));
  await writeFile(file, 'content');
  return { kind, path: file, name, mime: 'text/plain', bytes: 7 };
}

describe('several messages for one', () => {
  it('wait for a rate limit between them, so that nothing stays half sent', async () => {
    const files = [await makeFile('a.txt'), await makeFile('b.txt')];
    api.fail({ method: 'sendDocument', status: 429, retryAfter: 0.05 });
    const long = 'x'.repeat(2_000);
    const result = await adapter.send(dm(), message(long, { files }), soon());
    expect(result).toMatchObject({ ok: true });
    expect(sent(ADA).map((shown) => (shown.text ? 'text' : 'file'))).toEqual(['text', 'file', 'file']);
  });

  it('that end in the middle may have reached the reader', async () => {
    const files = [await makeFile('a.txt'), await makeFile('b.txt')];
    api.fail({ method: 'sendDocument', status: 400, description: 'Bad Request: wrong file' });
    const result = await adapter.send(dm(), message('x'.repeat(2_000), { files }), soon());
    expect(result).toMatchObject({ ok: false, reached: 'maybe' });
    expect(sent(ADA)).toHaveLength(1);
  });

  it('carry the reply and the buttons once', async () => {
    const files = [await makeFile('a.txt'), await makeFile('b.txt')];
    await adapter.send(dm(), message('short', { files, buttons: [[{ label: 'Ok', data: 'ok' }]] }), soon());
    expect(sent(ADA).map((shown) => [shown.caption, shown.reply_markup !== undefined])).toEqual([
      ['short', true],
      [undefined, false],
    ]);
  });
});

describe('files', () => {
  it('keep their names, but for what would break a header', async () => {
    const file = await makeFile('evil.txt');
    await adapter.send(dm(), message('', { files: [{ ...file, name: 'a"b\r\nContent-Type: x;c/../d.txt' }] }), soon());
    await adapter.send(dm(), message('', { files: [{ ...file, name: 'Bericht für März; final.txt' }] }), soon());
    expect(api.messages(ADA).map((entry) => entry.file?.name)).toEqual([
      'a_b_Content-Type: x;c_.._d.txt',
      'Bericht für März; final.txt',
    ]);
  });

  it('that are empty are refused before they are sent', async () => {
    const file = await makeFile('empty.txt');
    await writeFile(file.path, '');
    expect(await adapter.send(dm(), message('', { files: [file] }), soon())).toMatchObject({
      ok: false,
      code: 'bad_request',
      reached: 'no',
    });
    expect(api.calls).toEqual([]);
  });
});

describe('refusals before anything is sent', () => {
  it.each([
    ['an empty message', message(''), 'bad_request'],
    [
      'a button that carries too much',
      message('x', { buttons: [[{ label: 'x', data: 'é'.repeat(33) }]] }),
      'bad_request',
    ],
    ['a button that carries nothing', message('x', { buttons: [[{ label: 'x', data: '' }]] }), 'bad_request'],
    ['a text that is too long', message('x'.repeat(4_097)), 'too_long'],
  ] as const)('%s', async (_name, outbound, code) => {
    expect(await adapter.send(dm(), outbound, soon())).toMatchObject({ ok: false, code, reached: 'no' });
    expect(api.calls).toEqual([]);
  });

  it('an unknown reaction', async () => {
    const sent = await adapter.send(dm(), message('x'), soon());
    const id = sent.ok ? sent.ids[0] : undefined;
    if (!id) throw new Error('not sent');
    expect(await adapter.react?.(dm(), id, '🦖')).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
    expect(await adapter.react?.(dm(), id, '❤️')).toMatchObject({ ok: true });
  });
});

describe('a group that moved', () => {
  it('is followed to its new id', async () => {
    api.fail({
      method: 'sendMessage',
      status: 400,
      description: 'Bad Request: group chat was upgraded to a supergroup chat',
      migrateTo: group,
    });
    expect(await adapter.send(addressOf(api, -42), message('where are you?'), soon())).toMatchObject({ ok: true });
    expect(sent(group).map((shown) => shown.text)).toEqual(['where are you?']);
  });
});

describe('streaming', () => {
  const draft = (text: string, tools: readonly string[] = []) =>
    adapter.draft?.(dm(), { key: 'turn', text, tools }, soon());

  it('shows drafts in private chats, under one id for a turn', async () => {
    expect(adapter.capabilities(dm()).drafts.support).toBe('full');
    expect(adapter.capabilities(addressOf(api, group)).drafts.support).toBe('dropped');
    await draft('**Unfinished `mark', ['searching']);
    await draft('**Unfinished** `marks` done');
    const ids = api.calls.map((call) => call.params['draft_id']);
    expect(new Set(ids).size).toBe(1);
    expect(Number(ids[0])).toBeGreaterThan(0);
    expect(api.drafts(ADA)).toMatchObject([{ text: 'Unfinished marks done', shown: { length: 2 } }]);
    expect(await adapter.draft?.(addressOf(api, group), { key: 'x', text: 'x', tools: [] }, soon())).toMatchObject({
      code: 'unsupported',
    });
  });

  it('turns to edits when the server knows no drafts', async () => {
    api.fail({ method: 'sendMessageDraft', status: 404, description: 'Not Found: method not found' });
    expect(await draft('x')).toMatchObject({ ok: false, code: 'unsupported' });
    expect(adapter.capabilities(dm())).toMatchObject({ drafts: { support: 'dropped' }, edits: { support: 'full' } });
  });

  it('follows its setting', () => {
    expect(makeAdapter({ streaming: 'edit' }).capabilities(dm())).toMatchObject({
      drafts: { support: 'dropped' },
      edits: { support: 'full' },
    });
    expect(makeAdapter({ streaming: 'off' }).capabilities(dm())).toMatchObject({
      drafts: { support: 'dropped' },
      edits: { support: 'dropped' },
    });
  });

  it('edits the caption of a file', async () => {
    const sent = await adapter.send(dm(), message('before', { files: [await makeFile('a.txt')] }), soon());
    const id = sent.ok ? sent.ids[0] : undefined;
    if (!id) throw new Error('not sent');
    expect(await adapter.edit?.(dm(), id, message('**after**'), soon())).toMatchObject({ ok: true });
    expect(api.messages(ADA)[0]?.message.caption).toBe('after');
  });
});

describe('rate limit', () => {
  it('is kept without asking the server when it is on', async () => {
    const limited = makeAdapter({ rate_limit: true });
    const results = await Promise.all(
      Array.from({ length: 14 }, () => limited.send(dm(), message('x'), AbortSignal.timeout(1_000))),
    );
    const refused = results.filter((result) => !result.ok && result.code === 'rate_limited');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every((result) => !result.ok && result.reached === 'no' && (result.retryAfterMs ?? 0) > 5_000)).toBe(
      true,
    );
    expect(sent(ADA)).toHaveLength(5);
  });
});
