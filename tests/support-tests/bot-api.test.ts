// The loopback Bot API server through the real client: what the bot sends, changes and fetches, and how it is refused.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { HttpError, InputFile } from 'grammy';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/gateway-process.ts';
import { closeServersAfterEach, refusal, startRig } from './bot-api-rig.ts';

closeServersAfterEach();

const ANN = 4242;
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe('sending', () => {
  it('gives back the complete message and keeps it', async () => {
    const { server, api } = await startRig();
    server.user(ANN, 'Ann', { username: 'ann' });
    const sent = await api.sendMessage(ANN, ' Hello <b>there</b> ', { parse_mode: 'HTML' });
    expect(sent).toMatchObject({
      message_id: 1,
      from: { id: server.botId, is_bot: true, username: server.username },
      chat: { id: ANN, type: 'private', first_name: 'Ann', username: 'ann' },
      text: 'Hello there',
      entities: [{ type: 'bold', offset: 6, length: 5 }],
    });
    expect(Math.abs(sent.date - Date.now() / 1000)).toBeLessThan(5);
    expect(server.messages(ANN).map((entry) => entry.message)).toEqual([sent]);
    expect(server.calls.map(({ method, status }) => ({ method, status }))).toEqual([
      { method: 'sendMessage', status: 200 },
    ]);
  });

  it.each([
    ['nobody there', 1, 'x', {}, 'chat not found'],
    ['nothing said', ANN, '', {}, 'message text is empty'],
    ['white space alone', ANN, ' \n ', {}, 'text must be non-empty'],
    ['too long', ANN, 'x'.repeat(4097), {}, 'message is too long'],
    ['too long in UTF-16 units', ANN, '😀'.repeat(2049), {}, 'message is too long'],
    ['unknown parse mode', ANN, 'x', { parse_mode: 'Wiki' }, 'unsupported parse_mode'],
    ['answer to nothing', ANN, 'x', { reply_parameters: { message_id: 99 } }, 'message to be replied not found'],
    ['no such topic', ANN, 'x', { message_thread_id: 9 }, 'message thread not found'],
    [
      'button data of 65 bytes',
      ANN,
      'x',
      { reply_markup: { inline_keyboard: [[{ text: 'b', callback_data: 'é'.repeat(33) }]] } },
      'BUTTON_DATA_INVALID',
    ],
    [
      'button without an action',
      ANN,
      'x',
      { reply_markup: { inline_keyboard: [[{ text: 'b' }]] } },
      "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ],
  ])('refuses: %s', async (_what, chat, text, more, words) => {
    const { server, api } = await startRig();
    server.user(ANN);
    const refused = await refusal(api.raw.sendMessage({ chat_id: chat, text, ...more } as never));
    expect(refused).toEqual({ code: 400, description: `Bad Request: ${words}`, parameters: {} });
    expect(server.messages(ANN)).toEqual([]);
  });

  it('measures text after parsing, and takes exactly 4096 units', async () => {
    const { server, api } = await startRig();
    server.user(ANN);
    const text = `<b>${'x'.repeat(4094)}</b>&lt;&gt;`;
    expect((await api.sendMessage(ANN, text, { parse_mode: 'HTML' })).text).toHaveLength(4096);
    await api.sendMessage(ANN, 'x', { reply_parameters: { message_id: 99, allow_sending_without_reply: true } });
    const button = { text: 'b', callback_data: 'x'.repeat(64) };
    await api.sendMessage(ANN, 'x', { reply_markup: { inline_keyboard: [[button]] } });
    expect(server.messages(ANN)).toHaveLength(3);
  });

  it('shows what a message answers, without what that one answered', async () => {
    const { server, api } = await startRig();
    const first = server.user(ANN).dm.sendText('one');
    const second = await api.sendMessage(ANN, 'two', { reply_parameters: { message_id: first.message_id } });
    const third = await api.sendMessage(ANN, 'three', { reply_parameters: { message_id: second.message_id } });
    expect(third.reply_to_message).toMatchObject({ message_id: second.message_id, text: 'two' });
    expect(third.reply_to_message).not.toHaveProperty('reply_to_message');
  });

  it('shows drafts apart, until the message comes', async () => {
    const { server, api } = await startRig();
    server.user(ANN);
    await api.raw.sendMessageDraft({ chat_id: ANN, draft_id: 7, text: 'Th' });
    await api.raw.sendMessageDraft({ chat_id: ANN, draft_id: 7, text: 'Thin' });
    expect(server.drafts(ANN)).toMatchObject([{ id: 7, text: 'Thin', shown: ['Th', 'Thin'] }]);
    expect(server.messages(ANN)).toEqual([]);
    await api.sendMessage(ANN, 'Think');
    expect(server.drafts(ANN)).toEqual([]);
    expect(await refusal(api.raw.sendMessageDraft({ chat_id: ANN, draft_id: 0, text: 'x' }))).toMatchObject({
      code: 400,
    });
  });

  it('keeps chat actions', async () => {
    const { server, api } = await startRig();
    server.user(ANN);
    await api.sendChatAction(ANN, 'typing');
    expect(server.actions(ANN).map(({ action }) => action)).toEqual(['typing']);
    const wrong = await refusal(api.raw.sendChatAction({ chat_id: ANN, action: 'dancing' as 'typing' }));
    expect(wrong.description).toBe('Bad Request: wrong parameter action in request');
  });
});

describe('changing', () => {
  it('edits text and keyboard, says when nothing changes, and takes the keyboard away when it is left out', async () => {
    const { server, api } = await startRig();
    const mine = server.user(ANN).dm.sendText('mine');
    const keyboard = { inline_keyboard: [[{ text: 'Yes', callback_data: 'y' }]] };
    const sent = await api.sendMessage(ANN, 'a', { reply_markup: keyboard });
    const edited = await api.editMessageText(ANN, sent.message_id, '*b*', {
      parse_mode: 'MarkdownV2',
      reply_markup: keyboard,
    });
    expect(edited).toMatchObject({ text: 'b', entities: [{ type: 'bold' }], reply_markup: keyboard });
    const again = api.editMessageText(ANN, sent.message_id, '<b>b</b>', { parse_mode: 'HTML', reply_markup: keyboard });
    expect((await refusal(again)).description).toBe(
      'Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    );
    expect(await api.editMessageText(ANN, sent.message_id, 'c')).not.toHaveProperty('reply_markup');
    await api.editMessageReplyMarkup(ANN, sent.message_id, { reply_markup: keyboard });
    expect(server.messages(ANN)).toMatchObject([{ message: { text: 'c', reply_markup: keyboard } }]);
    expect(server.messages(ANN)[0]?.earlier).toEqual(['a', 'b', 'c']);
    expect((await refusal(api.editMessageText(ANN, 999, 'x'))).description).toBe(
      'Bad Request: message to edit not found',
    );
    expect((await refusal(api.editMessageText(ANN, mine.message_id, 'x'))).description).toBe(
      "Bad Request: message can't be edited",
    );
  });

  it('deletes, once', async () => {
    const { server, api } = await startRig();
    server.user(ANN);
    const { message_id: id } = await api.sendMessage(ANN, 'a');
    await api.deleteMessage(ANN, id);
    expect(server.messages(ANN)).toEqual([]);
    expect((await refusal(api.deleteMessage(ANN, id))).description).toBe('Bad Request: message to delete not found');
    expect((await refusal(api.editMessageText(ANN, id, 'b'))).description).toBe(
      'Bad Request: message to edit not found',
    );
  });

  it('reacts with one emoji of those allowed', async () => {
    const { server, api } = await startRig();
    const { message_id: id } = server.user(ANN).dm.sendText('a');
    await api.setMessageReaction(ANN, id, [{ type: 'emoji', emoji: '👍' }]);
    expect(server.history(ANN)[0]?.reactions).toEqual(['👍']);
    await api.setMessageReaction(ANN, id, []);
    expect(server.history(ANN)[0]?.reactions).toEqual([]);
    const wrong = api.setMessageReaction(ANN, id, [{ type: 'emoji', emoji: '🧪' as '👍' }]);
    expect((await refusal(wrong)).description).toBe('Bad Request: REACTION_INVALID');
    expect((await refusal(api.setMessageReaction(ANN, 99, []))).description).toBe(
      'Bad Request: message to react not found',
    );
  });

  it('keeps commands', async () => {
    const { server, api } = await startRig();
    await api.setMyCommands([{ command: 'help', description: 'Help' }]);
    expect(await api.getMyCommands()).toEqual([{ command: 'help', description: 'Help' }]);
    expect(server.commands()).toEqual([{ command: 'help', description: 'Help' }]);
    const wrong = api.setMyCommands([{ command: 'Help!', description: 'x' }]);
    expect((await refusal(wrong)).description).toBe('Bad Request: BOT_COMMAND_INVALID');
  });
});

describe('files', () => {
  it('takes uploads with captions, and gives the bytes back', async () => {
    const { server, api } = await startRig();
    server.user(ANN);
    const photo = await api.sendPhoto(ANN, new InputFile(bytes('jpeg'), 'a.jpg'), {
      caption: '<i>look</i>',
      parse_mode: 'HTML',
    });
    expect(photo).toMatchObject({ caption: 'look', caption_entities: [{ type: 'italic', offset: 0, length: 4 }] });
    const document = await api.sendDocument(ANN, new InputFile(bytes('report'), 'report.txt'));
    expect(document.document).toMatchObject({ file_name: 'report.txt', file_size: 6 });
    await api.sendVoice(ANN, new InputFile(bytes('ogg'), 'v.ogg'), { duration: 3 });
    await api.sendAudio(ANN, new InputFile(bytes('mp3'), 'a.mp3'));
    await api.sendVideo(ANN, new InputFile(bytes('mp4'), 'v.mp4'));
    expect(server.messages(ANN).map((entry) => Buffer.from(entry.file?.bytes ?? []).toString())).toEqual([
      'jpeg',
      'report',
      'ogg',
      'mp3',
      'mp4',
    ]);
    const file = await api.getFile(document.document?.file_id ?? '');
    const download = await fetch(`${server.url}/file/bot${server.token}/${file.file_path}`);
    expect(await download.text()).toBe('report');
    // A file that the server has is sent by its id.
    const again = await api.sendDocument(ANN, document.document?.file_id ?? '');
    expect(again.document?.file_unique_id).toBe(document.document?.file_unique_id);
  });

  it('refuses captions, files and downloads that are too big or not there', async () => {
    const { server, api } = await startRig();
    const file = { name: 'big.bin', mime: 'application/octet-stream', bytes: bytes('x'), size: 21 * 1024 * 1024 };
    const big = server.user(ANN).dm.sendDocument(file);
    const upload = () => new InputFile(bytes('x'), 'a.txt');
    const words = async (call: Promise<unknown>) => (await refusal(call)).description;
    expect(await words(api.sendDocument(ANN, upload(), { caption: 'x'.repeat(1025) }))).toBe(
      'Bad Request: message caption is too long',
    );
    expect(await words(api.sendDocument(ANN, new InputFile(new Uint8Array(), 'a.txt')))).toBe(
      'Bad Request: file must be non-empty',
    );
    expect(await words(api.sendPhoto(ANN, new InputFile(new Uint8Array(10 * 1024 * 1024 + 1), 'a.jpg')))).toMatch(
      'is too big for a photo',
    );
    expect(await words(api.sendDocument(ANN, 'unknown-id'))).toBe(
      'Bad Request: wrong file identifier/HTTP URL specified',
    );
    expect(await words(api.getFile('unknown-id'))).toBe(
      'Bad Request: wrong file_id or the file is temporarily unavailable',
    );
    expect(await words(api.getFile(big.document?.file_id ?? ''))).toBe('Bad Request: file is too big');
    expect((await fetch(`${server.url}/file/bot${server.token}/documents/none`)).status).toBe(404);
  });

  it('sends albums as messages of one group', async () => {
    const { server, api } = await startRig();
    server.user(ANN);
    const sent = await api.sendMediaGroup(ANN, [
      { type: 'photo', media: new InputFile(bytes('1'), '1.jpg'), caption: '<b>both</b>', parse_mode: 'HTML' },
      { type: 'photo', media: new InputFile(bytes('2'), '2.jpg') },
    ]);
    expect(sent[0]).toMatchObject({ caption: 'both', caption_entities: [{ type: 'bold' }] });
    const groups = server.messages(ANN).map(({ message }) => message.media_group_id);
    expect(groups).toEqual([groups[0], groups[0]]);
    expect(groups[0]).toMatch(/^\d+$/);
  });
});

describe('requests', () => {
  it('takes parameters in the query, urlencoded and as JSON, with methods in any case', async () => {
    const { server } = await startRig();
    server.user(ANN);
    const root = `${server.url}/bot${server.token}`;
    await fetch(`${root}/sendMessage?chat_id=${ANN}&text=query`);
    await fetch(`${root}/SENDMESSAGE`, {
      method: 'POST',
      body: new URLSearchParams({ chat_id: String(ANN), text: 'form' }),
    });
    await fetch(`${root}/sendmessage`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ chat_id: String(ANN), text: 'json' }),
    });
    expect(server.messages(ANN).map((entry) => entry.message.text)).toEqual(['query', 'form', 'json']);
  });

  it('tells a wrong token, a shapeless one, an unknown method and a revoked token apart', async () => {
    const { server, api } = await startRig();
    const answer = async (where: string) => (await fetch(`${server.url}${where}`)).json();
    expect(await answer('/bot1:wrong/getMe')).toEqual({ ok: false, error_code: 401, description: 'Unauthorized' });
    expect(await answer('/botnonsense/getMe')).toEqual({ ok: false, error_code: 404, description: 'Not Found' });
    expect(await answer(`/bot${server.token}/sendNonsense`)).toMatchObject({ error_code: 404 });
    server.revokeToken();
    expect((await refusal(api.getMe())).code).toBe(401);
  });

  it('fails as it is told: statuses, waits, lost connections, before and after the deed', async () => {
    const { server, api } = await startRig();
    server.user(ANN);
    server.fail({ method: 'sendMessage', status: 429, retryAfter: 3 });
    expect(await refusal(api.sendMessage(ANN, '429'))).toEqual({
      code: 429,
      description: 'Too Many Requests: retry after 3',
      parameters: { retry_after: 3 },
    });
    server.fail({ status: 502, times: 2, after: 1 });
    await api.sendMessage(ANN, 'passes');
    expect((await refusal(api.sendMessage(ANN, '502'))).description).toBe('Bad Gateway');
    expect((await refusal(api.getMe())).code).toBe(502);
    server.fail({ drop: 'before' });
    await expect(api.sendMessage(ANN, 'never done')).rejects.toBeInstanceOf(HttpError);
    server.fail({ drop: 'after' });
    await expect(api.sendMessage(ANN, 'done unseen')).rejects.toBeInstanceOf(HttpError);
    server.fail({ status: 400, description: "Bad Request: can't parse entities: no", when: hasParseMode });
    await api.sendMessage(ANN, 'plain');
    expect((await refusal(api.sendMessage(ANN, 'rich', { parse_mode: 'HTML' }))).code).toBe(400);
    const remove = server.fail({ method: 'sendMessage', status: 500, times: Infinity });
    expect((await refusal(api.sendMessage(ANN, '500'))).code).toBe(500);
    remove();
    server.fail({ method: 'getMe', delayMs: 60 });
    const before = performance.now();
    await api.getMe();
    expect(performance.now() - before).toBeGreaterThan(50);
    expect(server.messages(ANN).map((entry) => entry.message.text)).toEqual(['passes', 'done unseen', 'plain']);
  });

  it('goes away and comes back at the same port, with all that it had', async () => {
    const { server, api } = await startRig();
    server.user(ANN);
    await api.sendMessage(ANN, 'before');
    await server.goAway();
    await expect(api.sendMessage(ANN, 'nobody')).rejects.toBeInstanceOf(HttpError);
    await server.comeBack();
    await api.sendMessage(ANN, 'after');
    expect(server.messages(ANN).map((entry) => entry.message.text)).toEqual(['before', 'after']);
  });

  it('records requests and answers, few empty polls, and no answer that got lost or was made by hand', async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'bot-api-'));
    try {
      const { server, api } = await startRig({ recordTo: dir });
      server.user(ANN);
      await api.sendDocument(ANN, new InputFile(bytes('abc'), 'a.txt'));
      for (let i = 0; i < 8; i++) await api.getUpdates();
      server.fail({ drop: 'after' });
      await api.sendMessage(ANN, 'lost').catch(() => undefined);
      server.inject({ no_such_kind: {} });
      await api.getUpdates();
      const lines = readFileSync(path.join(dir, 'telegram.jsonl'), 'utf8').trim().split('\n');
      const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(records[0]).toMatchObject({
        method: 'POST',
        path: `/bot${server.token}/sendDocument`,
        body: { chat_id: String(ANN) },
        response: { status: 200, body: { ok: true } },
      });
      expect(JSON.stringify(records[0]?.['body'])).toContain('"file":{"name":"a.txt"');
      expect(records).toHaveLength(5);
      expect(records.slice(-1)[0]).not.toHaveProperty('response');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('as a process of its own', () => {
  it('is driven over its control routes', async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'bot-api-'));
    const portFile = path.join(dir, 'port');
    const entry = path.join(import.meta.dirname, '..', 'support', 'bot-api.ts');
    const child = spawn(process.execPath, [entry, '--port-file', portFile, '--token', '11:abc'], { stdio: 'ignore' });
    try {
      const port = await waitFor('the port', () => readIfThere(portFile));
      const control = async (route: string, body?: unknown) => {
        const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
        const response = await fetch(`http://127.0.0.1:${port}/_control/${route}`, body === undefined ? {} : init);
        return { status: response.status, body: await response.json() };
      };
      const call = async (method: string, params: Record<string, string>) =>
        (await fetch(`http://127.0.0.1:${port}/bot11:abc/${method}?${new URLSearchParams(params).toString()}`)).json();
      const user = { id: ANN, name: 'Ann' };
      await control('user', { user, call: 'sendText', args: ['hello'] });
      const file = { name: 'a.txt', mime: 'text/plain', base64: 'YWJj' };
      await control('user', { user, call: 'sendDocument', args: [file, { caption: 'file' }] });
      expect(await call('getUpdates', {})).toMatchObject({
        result: [{ message: { text: 'hello' } }, { message: { caption: 'file', document: { file_size: 3 } } }],
      });
      await control('fault', { method: 'sendMessage', status: 429, retryAfter: 2 });
      expect(await call('sendMessage', { chat_id: String(ANN), text: 'a' })).toMatchObject({ error_code: 429 });
      await call('sendMessage', { chat_id: String(ANN), text: 'b' });
      expect((await control(`messages?chat=${ANN}`)).body).toMatchObject([{ message: { text: 'b' } }]);
      expect((await control('inject', { poll: {} })).body).toEqual({ update_id: expect.any(Number) });
      expect((await control('user', { user, call: 'toString' })).status).toBe(400);
      expect((await control('nonsense')).status).toBe(404);
    } finally {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

function hasParseMode(request: { fields: ReadonlyMap<string, string> }): boolean {
  return request.fields.has('parse_mode');
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
