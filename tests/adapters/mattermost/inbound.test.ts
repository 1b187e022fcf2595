import { describe, expect, it } from 'vitest';
import {
  readPost,
  readText,
  type InboundContext,
  type InboundResult,
} from '../../../adapters/mattermost/receive/inbound.ts';
import { channelSchema, frameSchema, postSchema, readPosts, userSchema } from '../../../adapters/mattermost/schema.ts';
import { accountId } from '../../../shared/ids.ts';

const id = (letter: string) => letter.repeat(26);
const BOT = { id: id('b'), username: 'herald' };
const ANN = userSchema.parse({ id: id('a'), username: 'ann', first_name: 'Ann', last_name: 'Ames' });
const DM = channelSchema.parse({ id: id('d'), type: 'D', name: 'x__y', display_name: 'ann' });
const TOWN = channelSchema.parse({ id: id('t'), type: 'O', display_name: 'Town Square', team_id: id('m') });

function post(more: Record<string, unknown> = {}) {
  const base = { id: id('p'), channel_id: DM.id, user_id: ANN.id, create_at: 1_700_000_000_000, message: 'hello' };
  return postSchema.parse({ ...base, ...more });
}

function context(more: Partial<InboundContext> = {}): InboundContext {
  return {
    account: accountId('default'),
    bot: BOT,
    channel: DM,
    sender: ANN,
    thread: undefined,
    sharedAuthor: undefined,
    replyInThread: true,
    followThreads: true,
    ...more,
  };
}

function messageOf(result: InboundResult) {
  if (result.kind === 'ignored') throw new Error(`ignored: ${result.reason}`);
  return result.message;
}

describe('who is heard', () => {
  it.each([
    ['our own', { user_id: BOT.id }],
    ['bots', { props: { from_bot: 'true' } }],
    ['webhooks, which carry the id of whoever made them', { props: { from_webhook: 'true' } }],
    ['plugins', { props: { from_plugin: true } }],
    ['notes of the server', { type: 'system_add_to_channel' }],
    ['posts of programs', { type: 'custom_calls' }],
    ['earlier versions of edited posts', { original_id: id('o') }],
    ['empty ones', { message: '' }],
  ])('not: %s', (_, more) => {
    expect(readPost(post(more), 'message', context()).kind).toBe('ignored');
  });

  it('not: an account that is a bot, though its post does not say so', () => {
    const sender = { ...ANN, is_bot: true };
    expect(readPost(post(), 'message', context({ sender })).kind).toBe('ignored');
  });

  it('a person whose name the server does not tell', () => {
    const { sender } = messageOf(readPost(post(), 'message', context({ sender: undefined })));
    expect(sender).toEqual({ id: ANN.id, bot: false });
  });

  it('a person who says what they do', () => {
    expect(messageOf(readPost(post({ type: 'me' }), 'message', context())).text).toBe('hello');
  });
});

describe('a post', () => {
  it('in a direct message', () => {
    expect(messageOf(readPost(post(), 'message', context()))).toEqual({
      kind: 'message',
      account: 'default',
      chat: DM.id,
      chatKind: 'dm',
      thread: undefined,
      id: id('p'),
      revision: '',
      sender: { id: ANN.id, name: 'Ann Ames', username: 'ann', bot: false },
      sentAt: 1_700_000_000_000,
      text: 'hello',
      attachments: [],
      replyTo: undefined,
      addressed: true,
    });
  });

  it('in a channel begins the thread of its answer, when it asks us and that is wanted', () => {
    const asked = post({ channel_id: TOWN.id, message: '@herald hello' });
    const said = post({ channel_id: TOWN.id });
    const inTown = context({ channel: TOWN });
    expect(messageOf(readPost(asked, 'message', inTown))).toMatchObject({
      chatKind: 'group',
      chatTitle: 'Town Square',
      thread: id('p'),
      text: 'hello',
      addressed: true,
    });
    expect(messageOf(readPost(said, 'message', inTown))).toMatchObject({ thread: undefined, addressed: false });
    const flat = context({ channel: TOWN, replyInThread: false });
    expect(messageOf(readPost(asked, 'message', flat)).thread).toBeUndefined();
  });

  it('in a thread is for us when we began it or take part in it', () => {
    const reply = post({ channel_id: TOWN.id, root_id: id('r') });
    const thread = { text: 'lunch?', author: 'Eve', isOurs: false, isJoined: false };
    const read = (more: Partial<InboundContext>) =>
      messageOf(readPost(reply, 'message', context({ channel: TOWN, ...more })));
    expect(read({ thread })).toMatchObject({
      thread: id('r'),
      addressed: false,
      replyTo: { message: id('r'), text: 'lunch?', author: 'Eve', mine: false },
    });
    expect(read({ thread: { ...thread, isJoined: true } }).addressed).toBe(true);
    expect(read({ thread: { ...thread, isJoined: true }, followThreads: false }).addressed).toBe(false);
    expect(read({ thread: { ...thread, isOurs: true }, followThreads: false })).toMatchObject({
      addressed: true,
      replyTo: { mine: true },
    });
    expect(read({ thread: undefined }).replyTo).toEqual({ message: id('r') });
    expect(read({ thread: { ...thread, author: 'You' } }).replyTo?.author).toBe('somebody called you');
  });

  it('of a direct message keeps its thread', () => {
    expect(messageOf(readPost(post({ root_id: id('r') }), 'message', context()))).toMatchObject({
      chatKind: 'dm',
      thread: id('r'),
    });
  });

  it('with an exclamation mark is handed on as it is: the core knows which are commands', () => {
    const textOf = (message: string) => messageOf(readPost(post({ message }), 'message', context())).text;
    for (const text of ['!help me', '!Help', '!important']) expect(textOf(text)).toBe(text);
    expect(textOf('@herald !help me')).toBe('!help me');
  });

  it('forwarded says whose words it holds, and is no command; with a comment it answers that message', () => {
    const link = `https://chat.example.org/crew/pl/${id('s')}`;
    const data = { post_id: id('s'), post: { user_id: id('e'), message: '/new' } };
    const metadata = { embeds: [7, { type: 'opengraph', data: {} }, { type: 'permalink', data }] };
    const eve = userSchema.parse({ id: id('e'), username: 'eve' });
    const read = (message: string) =>
      messageOf(readPost(post({ message, metadata }), 'message', context({ sharedAuthor: eve })));
    expect(read(link)).toMatchObject({ text: 'Forwarded from eve:\n/new', replyTo: undefined });
    expect(read(`what is this? ${link}`)).toMatchObject({
      text: `what is this? ${link}`,
      replyTo: { message: id('s'), text: '/new', author: 'eve', mine: false },
    });
  });

  it('edited and deleted', () => {
    const edited = messageOf(readPost(post({ edit_at: 1_700_000_000_500 }), 'edit', context()));
    expect(edited).toMatchObject({ kind: 'edit', id: id('p'), revision: '1700000000500', text: 'hello' });
    expect(readPost(post(), 'edit', context()).kind).toBe('ignored');
    expect(messageOf(readPost(post({ delete_at: 5 }), 'delete', context()))).toMatchObject({
      kind: 'delete',
      text: '',
    });
  });

  it('with files', () => {
    const files = [
      { id: id('f'), name: 'a.png', mime_type: 'image/png', size: 10 },
      { id: '../../users/me' },
      { id: id('g'), mime_type: 7, size: -1 },
      null,
    ];
    const { attachments } = messageOf(readPost(post({ message: '', metadata: { files } }), 'message', context()));
    expect(attachments).toMatchObject([
      { kind: 'image', ref: id('f'), name: 'a.png', mime: 'image/png', bytes: 10 },
      { kind: 'document', ref: id('g') },
    ]);
    const bare = messageOf(readPost(post({ message: '', file_ids: [id('h'), 'x', 7] }), 'message', context()));
    expect(bare.attachments).toEqual([{ kind: 'document', ref: id('h') }]);
  });
});

describe('mentions', () => {
  it.each([
    ['@herald what time is it?', 'what time is it?'],
    ['  @Herald, what time?', 'what time?'],
    ['@herald: @herald go', 'go'],
    ['what do you think, @herald?', 'what do you think, @herald?'],
    ['thanks @herald.', 'thanks @herald.'],
    ['@herald', ''],
  ])('%j names us', (raw, text) => {
    expect(readText(raw, 'herald')).toEqual({ text, isAddressed: true });
  });

  it.each([
    '@herald.smith hi',
    '@herald-2 hi',
    '@heralds hi',
    'me@herald',
    '@channel',
    '`@herald`',
    '```\n@herald\n```',
  ])('%j does not', (raw) => {
    expect(readText(raw, 'herald')).toEqual({ text: raw, isAddressed: false });
  });

  it('names with dots are taken as they are', () => {
    expect(readText('@the.bot hi', 'the.bot')).toEqual({ text: 'hi', isAddressed: true });
    expect(readText('@thexbot hi', 'the.bot').isAddressed).toBe(false);
  });

  it('long hostile texts cost little', () => {
    for (const text of [
      '@herald '.repeat(20_000),
      `@herald${' '.repeat(100_000)}x`,
      '`'.repeat(100_000),
      '@'.repeat(100_000),
    ])
      expect(typeof readText(text, 'herald').isAddressed).toBe('boolean');
  }, 2_000);
});

describe('foreign payloads', () => {
  it('pages with anything in them give the posts that can be read, oldest first', () => {
    const one = post({ id: id('1'), create_at: 1 });
    const two = post({ id: id('2'), create_at: 2 });
    const body = { order: ['x', two.id, one.id, 'y'], posts: { [one.id]: one, [two.id]: two, x: 7 } };
    expect(readPosts(body).posts.map((found) => found.id)).toEqual([one.id, two.id]);
    expect(readPosts(body).count).toBe(4);
    for (const odd of [undefined, null, 7, [], { order: 7 }, { order: ['a'] }, { posts: [] }])
      expect(readPosts(odd).posts).toEqual([]);
  });

  it('fields of the wrong type are left out, ids must be ids', () => {
    expect(post({ props: 7, edit_at: 'x', metadata: 'y', file_ids: {}, root_id: 7 })).toMatchObject({
      props: {},
      edit_at: 0,
      metadata: { files: [], embeds: [] },
      file_ids: [],
      root_id: '',
    });
    for (const bad of [{ id: '../x' }, { channel_id: 'x' }, { user_id: '' }, { message: null }])
      expect(postSchema.safeParse({ ...post(), ...bad }).success).toBe(false);
    expect(frameSchema.safeParse({ event: 'posted', data: 7 }).data?.data).toEqual({});
  });
});
