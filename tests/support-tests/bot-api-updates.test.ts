// The loopback Bot API server through the real client: how updates reach the bot, and what people do.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Bot } from 'grammy';
import type { Update } from 'grammy/types';
import { describe, expect, it } from 'vitest';
import { makeFakeClock } from '../support/fake-clock.ts';
import { closeServersAfterEach, refusal, startRig } from './bot-api-rig.ts';

closeServersAfterEach();

const ANN = 4242;
const file = { name: 'a.bin', mime: 'application/octet-stream', bytes: new Uint8Array([1, 2, 3]) };

function texts(updates: readonly Update[]): (string | undefined)[] {
  return updates.map((update) => update.message?.text);
}

describe('getUpdates', () => {
  it('delivers again until an offset confirms, and never after that', async () => {
    const { server, api } = await startRig();
    const { dm } = server.user(ANN);
    for (const text of ['a', 'b', 'c']) dm.sendText(text);
    const first = await api.getUpdates();
    expect(texts(first)).toEqual(['a', 'b', 'c']);
    expect(await api.getUpdates()).toEqual(first);
    const [a = 0, b = 0, c = 0] = first.map((update) => update.update_id);
    expect([b - a, c - b]).toEqual([1, 1]);
    expect(texts(await api.getUpdates({ offset: b, limit: 1 }))).toEqual(['b']);
    expect(texts(await api.getUpdates({ offset: 0 }))).toEqual(['b', 'c']);
    expect(await api.getUpdates({ offset: c + 1 })).toEqual([]);
    expect(await api.getUpdates({ offset: a })).toEqual([]);
    expect(server.pendingUpdates()).toEqual([]);
  });

  it('with a negative offset forgets all but the last', async () => {
    const { server, api } = await startRig();
    for (const text of ['a', 'b', 'c']) server.user(ANN).dm.sendText(text);
    expect(texts(await api.getUpdates({ offset: -1 }))).toEqual(['c']);
    expect(texts(await api.getUpdates())).toEqual(['c']);
  });

  it('holds a poll until something comes', async () => {
    const { server, api } = await startRig();
    const poll = api.getUpdates({ timeout: 30 });
    await server.until('the poll', () => server.isPolling());
    server.user(ANN).dm.sendText('now');
    expect(texts(await poll)).toEqual(['now']);
  });

  it('answers a poll with nothing when its time is over', async () => {
    const clock = makeFakeClock();
    const { server, api } = await startRig({ clock });
    let answer: readonly Update[] | undefined;
    const poll = api.getUpdates({ timeout: 30 }).then((updates) => (answer = updates));
    await server.until('the poll', () => server.isPolling());
    await clock.advance(29_999);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    expect(await poll).toEqual([]);
  });

  it('lets the later of two pollers win', async () => {
    const { server, api } = await startRig();
    const first = refusal(api.getUpdates({ timeout: 30 }));
    await server.until('the poll', () => server.isPolling());
    const second = api.getUpdates({ timeout: 30 });
    expect(await first).toMatchObject({
      code: 409,
      description: 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
    });
    server.user(ANN).dm.sendText('for the second');
    expect(texts(await second)).toEqual(['for the second']);
  });

  it('forgets a poll whose client has gone', async () => {
    const { server, api } = await startRig();
    const gone = new AbortController();
    const poll = api.getUpdates({ timeout: 30 }, gone.signal as never).catch(() => 'gone');
    await server.until('the poll', () => server.isPolling());
    gone.abort();
    expect(await poll).toBe('gone');
    await server.until('its end', () => !server.isPolling());
    server.user(ANN).dm.sendText('kept');
    expect(texts(await api.getUpdates())).toEqual(['kept']);
  });

  it('keeps what was in an answer that got lost', async () => {
    const { server, api } = await startRig();
    server.user(ANN).dm.sendText('a');
    server.fail({ method: 'getUpdates', drop: 'after' });
    await expect(api.getUpdates()).rejects.toThrow();
    expect(texts(await api.getUpdates())).toEqual(['a']);
  });

  it('makes only the kinds that were asked for', async () => {
    const { server, api } = await startRig();
    const ann = server.user(ANN);
    const { message_id: id } = ann.dm.sendText('a');
    ann.dm.react(id, '👍');
    expect((await api.getUpdates()).map((update) => Object.keys(update)[1])).toEqual(['message']);
    await api.getUpdates({ offset: -1, allowed_updates: ['message_reaction'] });
    ann.dm.sendText('not asked for');
    ann.dm.react(id, undefined);
    const [, reaction] = await api.getUpdates();
    expect(reaction?.message_reaction).toMatchObject({
      message_id: id,
      user: { id: ANN },
      old_reaction: [{ type: 'emoji', emoji: '👍' }],
      new_reaction: [],
    });
  });

  it('redelivers, reverses and injects when told', async () => {
    const { server, api } = await startRig();
    const { dm } = server.user(ANN);
    dm.sendText('a');
    const [first] = await api.getUpdates();
    const offset = (first?.update_id ?? 0) + 1;
    await api.getUpdates({ offset });
    server.redeliver();
    expect(await api.getUpdates({ offset })).toEqual([first]);
    expect(await api.getUpdates({ offset })).toEqual([]);
    server.redeliver(1, 'new');
    const [again] = await api.getUpdates({ offset });
    expect(again?.message).toEqual(first?.message);
    expect(again?.update_id).toBe(offset);
    dm.sendText('b');
    server.reverseNext();
    expect(texts(await api.getUpdates({ offset: offset + 1 }))).toEqual(['b']);
    dm.sendText('c');
    expect(texts(await api.getUpdates({ offset: offset + 1 }))).toEqual(['c', 'b']);
    const odd = { update_id: 'seven', message: 'no message at all' };
    server.inject({ no_such_kind: { deep: [1] } });
    server.inject(odd);
    const raw: unknown[] = await api.getUpdates();
    expect(raw[0]).toEqual(odd);
    expect(raw.at(-1)).toMatchObject({ no_such_kind: { deep: [1] } });
    expect(await api.getUpdates()).not.toContainEqual(odd);
  });
});

describe('webhook', () => {
  async function receiver(
    answer: (body: string, headers: Record<string, unknown>) => { status: number; body?: string },
  ) {
    const hook = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const said = answer(body, request.headers);
        response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body);
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const { port } = hook.address() as AddressInfo;
    return {
      origin: `http://127.0.0.1:${port}`,
      close: () =>
        new Promise<void>((resolve) => {
          hook.close(() => resolve());
          hook.closeAllConnections();
        }),
    };
  }

  it('gets updates of a chat in order with the secret, each until it is taken, and may answer with a call', async () => {
    const got: string[] = [];
    const hook = await receiver((body, headers) => {
      expect(headers['x-telegram-bot-api-secret-token']).toBe('s3cret');
      const text = (JSON.parse(body) as Update).message?.text ?? '';
      got.push(text);
      if (got.length === 1) return { status: 500 };
      return text === 'b'
        ? { status: 200, body: JSON.stringify({ method: 'sendMessage', chat_id: ANN, text: 'answered' }) }
        : { status: 200 };
    });
    try {
      const { server, api } = await startRig({ webhookOrigins: { 'https://bot.example': hook.origin } });
      await api.setWebhook('https://bot.example/telegram', { secret_token: 's3cret' });
      for (const text of ['a', 'b', 'c']) server.user(ANN).dm.sendText(text);
      await server.waitForText(ANN, 'answered');
      await expect.poll(() => server.pendingUpdates()).toEqual([]);
      expect(got).toEqual(['a', 'a', 'b', 'c']);
      expect(await api.getWebhookInfo()).toMatchObject({
        url: 'https://bot.example/telegram',
        pending_update_count: 0,
        last_error_message: 'Wrong response from the webhook: 500 Internal Server Error',
      });
      expect(await refusal(api.getUpdates())).toMatchObject({
        code: 409,
        description:
          "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
      });
      await api.deleteWebhook();
      server.user(ANN).dm.sendText('d');
      expect(texts(await api.getUpdates())).toEqual(['d']);
      expect(got).toHaveLength(4);
    } finally {
      await hook.close();
    }
  });

  it('ends a held poll when it is set, and is refused without https', async () => {
    const { server, api } = await startRig({ webhookOrigins: { 'https://bot.example': 'http://127.0.0.1:1' } });
    const poll = refusal(api.getUpdates({ timeout: 30 }));
    await server.until('the poll', () => server.isPolling());
    await api.setWebhook('https://bot.example/');
    expect((await poll).description).toBe('Conflict: terminated by setWebhook request');
    expect((await refusal(api.setWebhook('http://bot.example/'))).description).toBe(
      'Bad Request: bad webhook: An HTTPS URL must be provided for webhook',
    );
    await api.setWebhook('');
    expect((await api.getWebhookInfo()).url).toBe('');
  });
});

describe('people', () => {
  it('write, edit, forward, answer and quote', async () => {
    const { server, api } = await startRig();
    const ann = server.user(ANN, 'Ann');
    const bob = server.user(5, 'Bob');
    const sent = await api.sendMessage(ANN, 'Which colour?');
    const said = ann.dm.sendText('blue', { replyTo: sent.message_id, quote: 'colour' });
    ann.dm.editText(said.message_id, 'red /help');
    ann.dm.sendText('from Bob', { forwardedFrom: bob.user });
    ann.dm.sendText('from somebody', { forwardedFrom: 'Hidden' });
    expect(await api.getUpdates()).toMatchObject([
      {
        message: {
          text: 'blue',
          reply_to_message: { message_id: sent.message_id, from: { id: server.botId } },
          quote: { text: 'colour', position: 6 },
        },
      },
      { edited_message: { message_id: said.message_id, text: 'red /help', entities: [{ type: 'bot_command' }] } },
      { message: { forward_origin: { type: 'user', sender_user: { id: 5 } } } },
      { message: { forward_origin: { type: 'hidden_user', sender_user_name: 'Hidden' } } },
    ]);
  });

  it('send files that the bot can fetch', async () => {
    const { server, api } = await startRig();
    const { dm } = server.user(ANN);
    dm.sendPhoto(file, { caption: 'look' });
    dm.sendVoice(file, { fields: { duration: 4 } });
    dm.sendDocument(file);
    dm.sendAudio(file);
    dm.sendVideo(file);
    dm.sendSticker(file, { fields: { emoji: '👍' } });
    dm.sendAlbum([file, file], { caption: 'two' });
    dm.sendOther({ location: { latitude: 1, longitude: 2 } });
    const messages = (await api.getUpdates()).map((update) => update.message);
    expect(messages).toMatchObject([
      { photo: [{}, {}, { width: 1280 }], caption: 'look' },
      { voice: { duration: 4, mime_type: file.mime } },
      { document: { file_name: 'a.bin', file_size: 3 } },
      { audio: { file_name: 'a.bin' } },
      { video: { width: 320 } },
      { sticker: { type: 'regular', emoji: '👍' } },
      { photo: [{}, {}, {}], caption: 'two', media_group_id: messages[7]?.media_group_id },
      { photo: [{}, {}, {}], media_group_id: expect.any(String) },
      { location: { latitude: 1, longitude: 2 } },
    ]);
    const path = await api.getFile(messages[1]?.voice?.file_id ?? '');
    const download = await fetch(`${server.url}/file/bot${server.token}/${path.file_path}`);
    expect(new Uint8Array(await download.arrayBuffer())).toEqual(file.bytes);
  });

  it('press buttons, whose answers are kept', async () => {
    const { server, api } = await startRig();
    const ann = server.user(ANN);
    const keyboard = { inline_keyboard: [[{ text: 'Yes', callback_data: 'yes' }]] };
    const sent = await api.sendMessage(ANN, 'Sure?', { reply_markup: keyboard });
    const id = ann.dm.press(sent.message_id, 'yes');
    expect((await api.getUpdates())[0]?.callback_query).toMatchObject({
      id,
      from: { id: ANN },
      data: 'yes',
      message: { message_id: sent.message_id },
    });
    await api.answerCallbackQuery(id, { text: 'Noted' });
    expect(server.callback(id)).toMatchObject({ answered: true, text: 'Noted' });
    expect((await refusal(api.answerCallbackQuery('1'))).description).toBe(
      'Bad Request: query is too old and response timeout expired or query ID is invalid',
    );
    expect(() => ann.dm.press(sent.message_id, 'no')).toThrow('no button');
  });

  it('block the bot, and let it in again', async () => {
    const { server, api } = await startRig();
    const ann = server.user(ANN);
    ann.block();
    expect(await refusal(api.sendMessage(ANN, 'x'))).toMatchObject({
      code: 403,
      description: 'Forbidden: bot was blocked by the user',
    });
    ann.unblock();
    await api.sendMessage(ANN, 'x');
    expect((await api.getUpdates()).map((update) => update.my_chat_member?.new_chat_member.status)).toEqual([
      'kicked',
      'member',
    ]);
    ann.deactivate();
    expect((await refusal(api.sendMessage(ANN, 'x'))).description).toBe('Forbidden: user is deactivated');
  });
});

describe('groups', () => {
  it('name the bot with an entity; in privacy mode nothing else is seen', async () => {
    const { server, api } = await startRig({ readsAllGroupMessages: false });
    const group = server.group();
    const place = server.user(ANN).in(group);
    const sent = await api.sendMessage(group.id, 'hello all');
    place.sendText('not for the bot');
    place.sendText('time?', { mention: true });
    place.sendText('/time');
    place.sendText('thanks', { replyTo: sent.message_id });
    const seen = (await api.getUpdates()).map((update) => update.message);
    expect(seen).toMatchObject([
      { text: `@${server.username} time?`, entities: [{ type: 'mention', offset: 0, length: 16 }] },
      { text: '/time' },
      // Outside forums, answers in supergroups carry a thread id that is no topic.
      { text: 'thanks', message_thread_id: sent.message_id },
    ]);
    expect(seen[2]).not.toHaveProperty('is_topic_message');
    expect((await refusal(api.sendMessage(group.id, 'x', { message_thread_id: sent.message_id }))).description).toBe(
      'Bad Request: message thread not found',
    );
  });

  it('have topics, whose messages answer the topic itself', async () => {
    const { server, api } = await startRig();
    const forum = server.group({ forum: true });
    const topic = forum.topic('Work');
    server.user(ANN).in(forum, topic).sendText('in topic');
    server.user(ANN).in(forum).sendText('in general');
    expect((await api.getUpdates()).map((update) => update.message)).toMatchObject([
      {
        message_thread_id: topic,
        is_topic_message: true,
        reply_to_message: { message_id: topic, forum_topic_created: { name: 'Work' } },
      },
      { text: 'in general' },
    ]);
    const sent = await api.sendMessage(forum.id, 'answer', { message_thread_id: topic });
    expect(sent).toMatchObject({ message_thread_id: topic, is_topic_message: true });
  });

  it('become supergroups and say where they went', async () => {
    const { server, api } = await startRig();
    const ann = server.user(ANN);
    const old = server.group({ type: 'group' });
    const next = old.migrate(ann);
    expect((await api.getUpdates())[0]?.message?.migrate_to_chat_id).toBe(next.id);
    expect(await refusal(api.sendMessage(old.id, 'x'))).toEqual({
      code: 400,
      description: 'Bad Request: group chat was upgraded to a supergroup chat',
      parameters: { migrate_to_chat_id: next.id },
    });
    await api.sendMessage(next.id, 'here');
  });

  it('throw the bot out', async () => {
    const { server, api } = await startRig();
    const ann = server.user(ANN);
    const group = server.group();
    group.setBot('kicked', ann);
    ann.in(group).sendText('unseen');
    const updates = await api.getUpdates();
    expect(updates).toMatchObject([{ my_chat_member: { new_chat_member: { status: 'kicked' } } }]);
    expect(await refusal(api.sendMessage(group.id, 'x'))).toMatchObject({
      code: 403,
      description: 'Forbidden: bot was kicked from the supergroup chat',
    });
    group.setBot('administrator', ann);
    await api.sendMessage(group.id, 'x');
    await api.leaveChat(group.id);
    expect((await refusal(api.sendMessage(group.id, 'x'))).code).toBe(403);
  });
});

describe('closing', () => {
  it('ends held polls, and runs under a real bot until then', async () => {
    const { server } = await startRig();
    const bot = new Bot(server.token, { client: { apiRoot: server.url } });
    bot.on('message:text', (context) => context.reply(`echo ${context.message.text}`));
    const running = bot.start();
    server.user(ANN).dm.sendText('hello');
    await server.waitForText(ANN, 'echo hello');
    await bot.stop();
    await running;
    const poll = bot.api.getUpdates({ timeout: 30 }).catch(() => 'ended');
    await server.until('the poll', () => server.isPolling());
    await server.close();
    expect(await poll).toBe('ended');
    await server.close();
  });
});
