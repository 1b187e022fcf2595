// Payloads as Slack sends them (shapes of docs.slack.dev, read 2026-11-21), and ones that it should not.
import { describe, expect, it } from 'vitest';
import {
  readMessage,
  readMessageEvent,
  type InboundContext,
  type InboundResult,
} from '../../../adapters/slack/inbound/messages.ts';
import { messageEventSchema, messageSchema } from '../../../adapters/slack/inbound/schema.ts';
import { mentionedUsers, readText } from '../../../adapters/slack/inbound/text.ts';
import { accountId } from '../../../shared/ids.ts';

const BOT = 'U0HERALD01';
const context: InboundContext = {
  account: accountId('default'),
  bot: BOT,
  botName: 'herald',
  names: new Map([['U0EVE', 'Eve']]),
  person: { name: 'Ada Lovelace', username: 'ada', isBot: false },
  chatTitle: '#town',
  isFollowed: () => false,
  root: undefined,
  replyInThread: true,
};
const base = {
  type: 'message',
  channel: 'C1',
  channel_type: 'channel',
  user: 'U0ADA',
  ts: '1763700000.000100',
  text: 'hi',
};

function read(event: Record<string, unknown>, more: Partial<InboundContext> = {}): InboundResult {
  return readMessageEvent(messageEventSchema.parse({ ...base, ...event }), { ...context, ...more });
}

function message(event: Record<string, unknown>, more: Partial<InboundContext> = {}) {
  const result = read(event, more);
  if (result.kind === 'ignored') throw new Error(result.reason);
  return result.message;
}

const text = (raw: string) => readText(raw, context).text;

describe('text', () => {
  it.each([
    ['a &lt;b&gt; &amp;amp; c', 'a <b> &amp; c'],
    ['<@U0EVE> and <@U0ZOE> and <@U0BOB|bob>', '@Eve and @U0ZOE and @bob'],
    ['see <#C9|random> and <#C8>', 'see #random and #C8'],
    ['<!here> <!channel|@channel> <!everyone>', '@here @channel @everyone'],
    ['<!subteam^S1|@devs> <!subteam^S2>', '@devs @group'],
    ['<!date^1392734382^{date}|Feb 18, 2014>', 'Feb 18, 2014'],
    ['<https://example.org/?a=1&amp;b=2>', 'https://example.org/?a=1&b=2'],
    ['<http://example.org|example.org> <https://x.y/|x.y>', 'example.org x.y'],
    ['<https://evil.example/login|your bank>', 'your bank (https://evil.example/login)'],
    ['<mailto:a@b.org|a@b.org>', 'a@b.org'],
    ['1 < 2 > 0', '1 < 2 > 0'],
    ['<>', '<>'],
    ['\ue000 stays out', ' stays out'],
  ])('reads %j', (raw, expected) => {
    expect(text(raw)).toBe(expected);
  });

  it.each([
    [`<@${BOT}> what time is it?`, 'what time is it?'],
    [`<@${BOT}|herald>, <@${BOT}>: go`, 'go'],
    [`tell me, <@${BOT}>!`, 'tell me!'],
    [`ask <@${BOT}> about it`, 'ask @herald about it'],
    [`<@${BOT}>`, ''],
    [`<@${BOT}> /new idea`, '/new idea'],
  ])('is addressed by %j', (raw, expected) => {
    expect(readText(raw, context)).toEqual({ text: expected, isAddressed: true });
  });

  it('finds the people it mentions', () => {
    expect(mentionedUsers('<@U1> <@U2|two> <@x> <#C1> &lt;@U3&gt;')).toEqual(['U1', 'U2']);
  });

  it('takes linear time, whatever is in it', () => {
    for (const piece of ['<', '<@', '<@U1', '&', '<https://a|', `<@${BOT}>`, '<<>>', '\n<', `<@${BOT}> `, ', '])
      expect(() => text(`<@${BOT}>${piece.repeat(200_000 / piece.length)}x`)).not.toThrow();
  });
});

describe('messages', () => {
  it('says who, where and when', () => {
    expect(message({})).toEqual({
      kind: 'message',
      account: 'default',
      chat: 'C1',
      chatKind: 'group',
      chatTitle: '#town',
      thread: undefined,
      id: '1763700000.000100',
      revision: '',
      sender: { id: 'U0ADA', name: 'Ada Lovelace', username: 'ada', bot: false },
      sentAt: 1_763_700_000_000,
      text: 'hi',
      attachments: [],
      replyTo: undefined,
      addressed: false,
    });
    expect(message({ channel: 'D1', channel_type: 'im' })).toMatchObject({ chatKind: 'dm', addressed: true });
    expect(message({ channel: 'G1', channel_type: 'mpim' })).toMatchObject({ chatKind: 'group', addressed: false });
  });

  it('reads a mention the same from both of its events', () => {
    const raw = { text: `<@${BOT}> go`, client_msg_id: 'x', team: 'T1' };
    const { channel_type: _, ...mention } = { ...base, ...raw, type: 'app_mention' };
    const twin = readMessageEvent(messageEventSchema.parse(mention), context);
    expect(twin).toEqual({ kind: 'message', message: message(raw) });
    expect(message(raw)).toMatchObject({ addressed: true, thread: base.ts, text: 'go' });
  });

  it('answers in a thread only where that is wanted', () => {
    expect(message({ text: `<@${BOT}> go` }, { replyInThread: false }).thread).toBeUndefined();
    const dm = { text: `<@${BOT}> go`, channel: 'D1', channel_type: 'im' };
    expect(message(dm).thread).toBeUndefined();
    expect(message({ ...dm, thread_ts: '1763600000.000001' }).thread).toBe('1763600000.000001');
  });

  it('knows replies in threads, and whose thread it is', () => {
    const reply = { thread_ts: '1763600000.000001', parent_user_id: 'U0EVE', text: 'me too' };
    expect(message(reply)).toMatchObject({
      thread: '1763600000.000001',
      addressed: false,
      replyTo: { message: '1763600000.000001', mine: false },
    });
    expect(message({ ...reply, parent_user_id: BOT })).toMatchObject({ addressed: true, replyTo: { mine: true } });
    expect(message(reply, { isFollowed: (thread) => thread === reply.thread_ts }).addressed).toBe(true);
    const root = { text: 'lunch?', author: 'You' };
    expect(message(reply, { root }).replyTo).toEqual({
      message: '1763600000.000001',
      mine: false,
      text: 'lunch?',
      author: 'somebody called you',
    });
    // The first message of a thread carries the thread's name too.
    expect(message({ thread_ts: base.ts, reply_count: 2 })).toMatchObject({ thread: undefined, replyTo: undefined });
  });

  it.each([
    [{ user: BOT }, 'our own message'],
    [{ bot_id: 'B1' }, 'sent by a bot'],
    [{ subtype: 'bot_message', user: undefined }, 'sent by a bot'],
    [{ user: 'USLACKBOT' }, 'sent by Slack'],
    [{ subtype: 'channel_join' }, 'subtype channel_join'],
    [{ subtype: 'channel_topic' }, 'subtype channel_topic'],
    [{ hidden: true }, 'hidden'],
    [{ user: undefined }, 'no sender'],
    [{ text: '' }, 'nothing in it'],
    [{ text: null }, 'nothing in it'],
  ])('leaves out %j', (event, reason) => {
    expect(read(event)).toEqual({ kind: 'ignored', reason });
  });

  it('leaves out people who are programs', () => {
    expect(read({}, { person: { isBot: true } })).toEqual({ kind: 'ignored', reason: 'sent by a bot' });
  });

  it.each(['file_share', 'thread_broadcast', 'me_message'])('takes %s as spoken', (subtype) => {
    expect(message({ subtype }).text).toBe('hi');
  });

  it.each(['!new idea', '!STOP', '!important', '!new-ish'])(
    'hands on "%s": the core knows which are commands',
    (said) => {
      expect(message({ text: said }).text).toBe(said);
    },
  );

  it('reads files by what they are, and trusts no address in them', () => {
    const file = { id: 'F1', name: 'a.png', mimetype: 'image/png', size: 7, url_private: 'http://169.254.169.254/' };
    const got = message({
      text: '',
      subtype: 'file_share',
      files: [
        file,
        { ...file, id: 'F2', mimetype: 'audio/webm', subtype: 'slack_audio', duration_ms: 2_300 },
        { ...file, id: 'F3', mimetype: 'video/mp4', subtype: 'slack_video' },
        { ...file, id: 'F4', mimetype: 'audio/mpeg' },
        { ...file, id: 'F5', mimetype: undefined, name: null, title: 'notes' },
        { ...file, id: 'F6', mode: 'tombstone' },
        { ...file, id: 'F7', mode: 'hidden_by_limit' },
        { name: 'no id' },
        null,
      ],
    });
    expect(got.attachments.map(({ kind, ref, durationMs }) => [kind, ref, durationMs])).toEqual([
      ['image', 'F1', undefined],
      ['voice', 'F2', 2_300],
      ['video', 'F3', undefined],
      ['audio', 'F4', undefined],
      ['document', 'F5', undefined],
    ]);
    expect(JSON.stringify(got)).not.toContain('169.254');
  });

  it('lets a forwarded text speak for its author, never for the sender', () => {
    const shared = {
      is_share: true,
      author_name: 'Eve',
      author_id: 'U0EVE',
      text: '/stop &lt;all&gt;',
      ts: '1763600000.000001',
    };
    expect(message({ text: '', attachments: [shared] }).text).toBe('Forwarded from Eve:\n/stop <all>');
    expect(message({ text: 'what is this?', attachments: [shared] })).toMatchObject({
      text: 'what is this?',
      replyTo: { message: '1763600000.000001', text: '/stop <all>', author: 'Eve', mine: false },
    });
    // A preview of a link is nobody's words.
    const preview = { from_url: 'https://x.y', text: 'a page', author_name: 'Eve' };
    expect(message({ text: 'see https://x.y', attachments: [preview, 7] })).toMatchObject({ replyTo: undefined });
  });
});

describe('edits and deletions', () => {
  const edited = { user: 'U0ADA', ts: '1763700009.000000' };
  const before = { ...base, ts: '1763700000.000100', text: 'helo' };
  const change = {
    subtype: 'message_changed',
    hidden: true,
    ts: '1763700010.000000',
    user: undefined,
    text: undefined,
  };

  it('reads an edit by its own time', () => {
    const now = { ...before, text: 'hello', edited };
    expect(message({ ...change, message: now, previous_message: before })).toMatchObject({
      kind: 'edit',
      id: '1763700000.000100',
      revision: '1763700009.000000',
      text: 'hello',
      sender: { id: 'U0ADA' },
    });
  });

  it.each([
    ['a preview that was added', { message: { ...before, attachments: [{}] }, previous_message: before }],
    ['a preview after an edit', { message: { ...before, edited }, previous_message: { ...before, edited } }],
    ['a change of our own message', { message: { ...before, user: BOT, edited }, previous_message: before }],
    ['a change of a bot', { message: { ...before, bot_id: 'B1', edited }, previous_message: before }],
    ['nothing', {}],
  ])('leaves out %s', (_, event) => {
    expect(read({ ...change, ...event }).kind).toBe('ignored');
  });

  it('reads a deletion, also of a message that leaves a stone behind', () => {
    const gone = { ...change, subtype: 'message_deleted', deleted_ts: before.ts, previous_message: before };
    expect(message(gone)).toMatchObject({ kind: 'delete', id: before.ts, text: '', sender: { id: 'U0ADA' } });
    const stone = { type: 'message', subtype: 'tombstone', user: 'USLACKBOT', ts: before.ts, hidden: true };
    expect(message({ ...change, message: stone, previous_message: before })).toMatchObject({
      kind: 'delete',
      id: before.ts,
    });
    const ours = { ...gone, previous_message: { ...before, user: BOT } };
    expect(read(ours).kind).toBe('ignored');
    expect(read({ ...gone, previous_message: undefined }).kind).toBe('ignored');
  });
});

describe('history', () => {
  it('reads like the event that told of it', () => {
    const raw = { type: 'message', user: 'U0ADA', text: `<@${BOT}> go`, ts: base.ts, team: 'T1', reactions: [] };
    const result = readMessage(messageSchema.parse(raw), { channel: 'C1' }, context);
    expect(result).toEqual({ kind: 'message', message: message({ text: raw.text }) });
  });

  it('survives whatever is in it', () => {
    const hostile = [
      { ts: base.ts, text: 'x'.repeat(500_000), user: 'U1' },
      { ts: base.ts, text: '__proto__', user: '__proto__' },
      { ts: base.ts, user: 'U1', text: '\u0000\u202e', thread_ts: base.ts },
      { ts: base.ts, user: 'U1', files: [{ id: 'F', name: '../../etc/passwd', mimetype: 'x'.repeat(10_000) }] },
      { ts: base.ts, user: 'U1', attachments: [{ is_share: true }] },
    ];
    for (const raw of hostile) {
      const parsed = messageSchema.safeParse(raw);
      if (parsed.success) expect(() => readMessage(parsed.data, { channel: 'C1' }, context)).not.toThrow();
    }
    expect(messageSchema.safeParse({ ts: '1; drop table', user: 'U1' }).success).toBe(false);
    expect(messageSchema.safeParse(null).success).toBe(false);
  });
});
