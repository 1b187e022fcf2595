import { describe, expect, it } from 'vitest';
import { readUpdate, type InboundResult } from '../../../adapters/telegram/inbound.ts';
import { accountId } from '../../../shared/ids.ts';
import { findEntities } from '../../support/bot-api/entities.ts';

const bot = { id: 7, username: 'herald_bot' };
const context = { account: accountId('7'), bot, now: 1_790_000_000_000 };
const ada = { id: 5, is_bot: false, first_name: 'Ada', last_name: 'L', username: 'ada' };
const dm = { id: 5, type: 'private', first_name: 'Ada' };
const group = { id: -100, type: 'supergroup', title: 'Group' };

function read(fields: Record<string, unknown>, kind = 'message'): InboundResult {
  return readUpdate(
    { update_id: 1, [kind]: { message_id: 10, date: 1_700_000_000, chat: dm, from: ada, ...fields } },
    context,
  );
}

/** The message read from `fields`, in a group when a text names nobody by itself. */
function message(fields: Record<string, unknown>, kind = 'message') {
  const result = read(fields, kind);
  if (result.kind !== 'message') throw new Error(`${result.kind}: ${result.reason}`);
  return result.message;
}

const inGroup = (text: string, extra: Record<string, unknown> = {}) =>
  message({ chat: group, text, entities: findEntities({ text, entities: [] }), ...extra });

describe('text', () => {
  it('is read with its sender, its time and its place', () => {
    expect(message({ text: 'hi' })).toEqual({
      kind: 'message',
      account: '7',
      chat: '5',
      chatKind: 'dm',
      chatTitle: undefined,
      thread: undefined,
      id: '10',
      revision: '',
      sender: { id: '5', name: 'Ada L', username: 'ada', bot: false },
      sentAt: 1_700_000_000_000,
      text: 'hi',
      attachments: [],
      replyTo: undefined,
      addressed: true,
      mediaGroup: undefined,
    });
  });

  it.each([
    ['@herald_bot what is up', 'what is up', true],
    ['@Herald_Bot, what is up', 'what is up', true],
    ['what is up @herald_bot', 'what is up', true],
    ['what is up, @herald_bot?', 'what is up?', true],
    ['ask @herald_bot about it', 'ask @herald_bot about it', true],
    ['@other_bot what is up', '@other_bot what is up', false],
    ['/help@herald_bot now', '/help now', true],
    ['/help@other_bot now', '/help@other_bot now', false],
    ['/help now', '/help now', false],
    ['just talking', 'just talking', false],
    ['😀 @herald_bot 日本', '😀 @herald_bot 日本', true],
  ])('in a group, %j is read as %j, addressed: %s', (text, expected, addressed) => {
    expect(inGroup(text)).toMatchObject({ text: expected, addressed });
  });

  it('knows a mention of somebody without a username by its id', () => {
    const entities = [{ type: 'text_mention', offset: 0, length: 6, user: { id: 7 } }];
    expect(message({ chat: group, text: 'Herald hello', entities })).toMatchObject({ text: 'hello', addressed: true });
  });

  it('shows the target of a link that hides it', () => {
    const entities = [{ type: 'text_link', offset: 4, length: 4, url: 'https://example.org/x' }];
    expect(message({ text: 'see this now', entities }).text).toBe('see this (https://example.org/x) now');
  });

  it('is marked as partial when the client may have cut it', () => {
    expect(message({ text: 'x'.repeat(4_000) }).partial).toBe(true);
    expect(message({ text: 'x'.repeat(3_999) }).partial).toBeUndefined();
  });

  it('that is forwarded says whose it is, and is no command', () => {
    const origin = { type: 'hidden_user', sender_user_name: 'Eve', date: 1 };
    expect(message({ text: '/stop', forward_origin: origin }).text).toBe('Forwarded from Eve:\n/stop');
    const voice = { file_id: 'v', file_unique_id: 'u', duration: 2 };
    expect(message({ voice, forward_origin: origin }).text).toBe('Forwarded from Eve:');
    expect(message({ voice }).text).toBe('');
  });

  it('stands for a location and a contact', () => {
    expect(message({ location: { latitude: 52.5, longitude: 13.4 } }).text).toBe('Location: 52.5, 13.4');
    expect(message({ contact: { phone_number: '+491', first_name: 'Bob' } }).text).toBe('Contact: Bob, +491');
  });
});

describe('replies and topics', () => {
  it.each(['you', '[You]', ' "y\u202eou" '])('are not taken for answers to us when somebody is called %s', (name) => {
    const replied = {
      message_id: 9,
      date: 1,
      chat: group,
      from: { id: 8, is_bot: false, first_name: name },
      text: 'x',
    };
    expect(message({ text: 'see', reply_to_message: replied }).replyTo?.author).toBe('somebody called you');
  });

  const ours = {
    message_id: 9,
    date: 1,
    chat: group,
    from: { id: 7, is_bot: true, first_name: 'Herald' },
    text: 'Which one?',
  };

  it('a reply to us is addressed, and prefers the quoted part', () => {
    expect(message({ chat: group, text: 'this', reply_to_message: ours, quote: { text: 'one' } })).toMatchObject({
      addressed: true,
      replyTo: { message: '9', text: 'one', author: 'Herald', mine: true },
    });
  });

  it('the message that opened a topic is not replied to by everything in it', () => {
    const opened = { ...ours, message_id: 77, text: undefined, forum_topic_created: { name: 'T' } };
    const read = message({
      chat: group,
      text: 'x',
      is_topic_message: true,
      message_thread_id: 77,
      reply_to_message: opened,
    });
    expect(read).toMatchObject({ thread: '77', addressed: false, replyTo: undefined });
  });

  it('a chain of replies outside of a forum is no thread', () => {
    expect(message({ chat: group, text: 'x', message_thread_id: 55 }).thread).toBeUndefined();
  });
});

describe('edits', () => {
  it('of one second have revisions of their own, and a redelivery has the same', () => {
    const edit = (text: string) => message({ text, edit_date: 1_700_000_009 }, 'edited_message');
    expect(edit('a')).toMatchObject({ kind: 'edit', id: '10', text: 'a' });
    expect(edit('a').revision).toBe(edit('a').revision);
    expect(edit('a').revision).not.toBe(edit('b').revision);
  });
});

describe('files', () => {
  const photo = (width: number) => ({
    file_id: `p${width}`,
    file_unique_id: 'u',
    width,
    height: width,
    file_size: width,
  });

  it('takes the largest photo, whatever the order, with its caption', () => {
    const read = message({ photo: [photo(90), photo(1280), photo(320)], caption: 'look', media_group_id: 'g1' });
    expect(read).toMatchObject({
      text: 'look',
      mediaGroup: 'g1',
      attachments: [{ kind: 'image', ref: 'p1280', mime: 'image/jpeg', bytes: 1280 }],
    });
  });

  it('reads an animation once, though it comes as a document too', () => {
    const file = { file_id: 'a', file_unique_id: 'u', mime_type: 'video/mp4', duration: 2, width: 1, height: 1 };
    expect(message({ animation: file, document: file }).attachments).toMatchObject([
      { kind: 'video', ref: 'a', durationMs: 2_000 },
    ]);
  });

  it('names kind and type of voice, audio, video notes and stickers', () => {
    const file = { file_id: 'f', file_unique_id: 'u', duration: 3 };
    expect(message({ voice: file }).attachments).toMatchObject([
      { kind: 'voice', mime: 'audio/ogg', durationMs: 3_000 },
    ]);
    expect(message({ audio: { ...file, file_name: 's.mp3' } }).attachments).toMatchObject([
      { kind: 'audio', name: 's.mp3' },
    ]);
    expect(message({ video_note: { ...file, length: 9 } }).attachments).toMatchObject([{ kind: 'video' }]);
    expect(message({ sticker: { file_id: 's', emoji: '😀', is_animated: true } }).attachments).toMatchObject([
      { kind: 'sticker', name: '😀', mime: 'application/x-tgsticker' },
    ]);
  });
});

describe('presses', () => {
  const press = (fields: Record<string, unknown>) =>
    readUpdate(
      { update_id: 1, callback_query: { id: 'c1', from: ada, chat_instance: '1', data: 'yes', ...fields } },
      context,
    );

  it('carry their own id, the button and the message, also one too old to be shown', () => {
    const result = press({ message: { message_id: 9, date: 0, chat: dm } });
    expect(result).toMatchObject({
      kind: 'message',
      callbackId: 'c1',
      message: { kind: 'button', id: 'c1', button: { data: 'yes', message: '9' }, sentAt: context.now },
    });
  });

  it('without a message or data are not ours', () => {
    expect(press({})).toMatchObject({ kind: 'ignored' });
    expect(press({ data: undefined, message: { message_id: 9, date: 0, chat: dm } })).toMatchObject({
      kind: 'ignored',
    });
  });
});

describe('what is left out', () => {
  it.each([
    ['our own message', { from: { id: 7, is_bot: true, first_name: 'H' }, text: 'x' }],
    ['sent by a bot', { from: { id: 8, is_bot: true, first_name: 'B' }, text: 'x' }],
    ['post of a linked channel', { is_automatic_forward: true, text: 'x' }],
    ['no sender', { from: undefined, text: 'x' }],
    ['service message', { new_chat_title: 'New' }],
    ['chat of type channel', { chat: { id: -1, type: 'channel' }, text: 'x' }],
  ])('%s', (reason, fields) => {
    expect(read(fields)).toEqual({ kind: 'ignored', reason });
  });

  it('names the fields of a broken update, never their content', () => {
    const result = read({ text: 42, chat: { id: 'private words', type: 'private' } });
    expect(result.kind).toBe('malformed');
    expect(JSON.stringify(result)).toContain('message.text');
    expect(JSON.stringify(result)).not.toContain('private words');
  });

  it.each([undefined, null, 7, 'x', [], {}, { update_id: 'x' }])('takes %j without throwing', (raw) => {
    expect(['malformed', 'ignored']).toContain(readUpdate(raw, context).kind);
  });
});
