// Payloads as Discord sends them (shapes: its documentation, read 2026-11-21), also broken, hostile and huge ones.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Directory, type Place } from '../../../adapters/discord/receive/directory.ts';
import { makeDeletion, readInteraction, readMessage } from '../../../adapters/discord/receive/inbound.ts';
import { accountId, userId } from '../../../shared/ids.ts';

const ME = '700000000000000001';
const ADA = { id: '80351110224678912', username: 'ada', discriminator: '0', global_name: 'Ada L.', avatar: null };
const GUILD = '41771983423143937';
const CHANNEL = '290926798999357250';
const OUR_ROLE = '41771983423143990';

function makeDirectory(): Directory {
  const directory = new Directory(ME);
  directory.apply('GUILD_CREATE', {
    id: GUILD,
    name: 'Makers',
    premium_tier: 2,
    roles: [
      { id: GUILD, name: '@everyone' },
      { id: OUR_ROLE, name: 'Herald', managed: true, tags: { bot_id: ME } },
      { id: '41771983423143991', name: 'Readers' },
    ],
    channels: [
      { id: CHANNEL, type: 0, name: 'general', last_message_id: '3343820033257021450' },
      { id: '290926798999357251', type: 4, name: 'a category' },
      { id: '290926798999357252', type: 15, name: 'questions' },
    ],
    threads: [{ id: '290926798999357253', type: 11, name: 'a thread', parent_id: CHANNEL }],
  });
  return directory;
}

const directory = makeDirectory();
const dm: Place = { kind: 'dm', chat: '1', thread: undefined, title: undefined, guild: undefined };
const channel: Place = { kind: 'group', chat: CHANNEL, thread: undefined, title: 'Makers #general', guild: GUILD };
const contextOf = (place: Place) => ({ account: accountId(ME), me: ME, directory, place });

/** A message as MESSAGE_CREATE brings it. */
function payload(changes: Record<string, unknown> = {}) {
  return {
    id: '334385199974967042',
    channel_id: CHANNEL,
    guild_id: GUILD,
    type: 0,
    content: 'Supa Hot',
    author: ADA,
    member: { nick: 'Countess', roles: [], joined_at: '2015-04-26T06:26:56.936000+00:00', deaf: false, mute: false },
    timestamp: '2017-07-11T17:27:07.299000+00:00',
    edited_timestamp: null,
    tts: false,
    mention_everyone: false,
    mentions: [],
    mention_roles: [],
    attachments: [],
    embeds: [],
    pinned: false,
    flags: 0,
    components: [],
    nonce: '334385199974967040',
    ...changes,
  };
}

function read(changes: Record<string, unknown> = {}, place = channel, kind: 'message' | 'edit' = 'message') {
  const result = readMessage(payload(changes), kind, contextOf(place));
  if (result.kind !== 'message') throw new Error(`${result.kind}: ${result.reason}`);
  return result.message;
}

const us = { ...ADA, id: ME, username: 'herald', global_name: 'Herald', bot: true };

describe('a message', () => {
  it('in a server says who, where, when', () => {
    expect(read()).toEqual({
      kind: 'message',
      account: ME,
      chat: CHANNEL,
      chatKind: 'group',
      chatTitle: 'Makers #general',
      thread: undefined,
      id: '334385199974967042',
      revision: '',
      sender: { id: ADA.id, name: 'Countess', username: 'ada', bot: false },
      sentAt: Date.UTC(2017, 6, 11, 17, 27, 7, 299),
      text: 'Supa Hot',
      attachments: [],
      replyTo: undefined,
      addressed: false,
    });
  });

  it('in a DM always addresses us', () => {
    expect(read({ guild_id: undefined, member: undefined }, dm)).toMatchObject({
      chatKind: 'dm',
      addressed: true,
      sender: { name: 'Ada L.' },
    });
  });

  it.each([
    [`<@${ME}> what time is it?`, 'what time is it?'],
    [`<@!${ME}>, what time is it?`, 'what time is it?'],
    [`what time is it, <@${ME}>?`, 'what time is it?'],
    [`hi <@${ME}>, <@${ME}>!`, 'hi!'],
    [`<@${ME}> <@${ME}>`, ''],
    [`what does <@${ME}> think?`, 'what does @Herald think?'],
    [`<@&${OUR_ROLE}> what time is it?`, 'what time is it?'],
  ])('that names us in %j addresses us', (content, text) => {
    const roles = content.includes('@&') ? [OUR_ROLE] : [];
    const mentions = content.includes('@&') ? [] : [us];
    expect(read({ content, mentions, mention_roles: roles })).toMatchObject({ text, addressed: true });
  });

  it('to everyone, to another role or to other people does not address us', () => {
    expect(read({ content: '@everyone hi', mention_everyone: true }).addressed).toBe(false);
    expect(read({ content: '<@&41771983423143991> hi', mention_roles: ['41771983423143991'] })).toMatchObject({
      text: '@Readers hi',
      addressed: false,
    });
  });

  it('has names for the ids in its text', () => {
    const content = `<@${ADA.id}> see <#${CHANNEL}> and <#1>, <:wave:41771983429993937> <a:dance:41771983429993938> </help:41771983429993939> at <t:1618953630:R>`;
    expect(read({ content, mentions: [ADA] }).text).toBe(
      '@Ada L. see #general and #1, :wave: :dance: /help at 2021-04-20 21:20 UTC',
    );
  });

  it('keeps what only looks like an id', () => {
    const content = '<@abc> <@> <t:99999999999999> <t:9999999999999> <http://x.y> <b>';
    expect(read({ content }).text).toBe(content);
  });

  it('that answers us addresses us, and quotes us', () => {
    const replied = payload({ id: '5', author: us, content: 'It is noon.' });
    const message = read({ type: 19, message_reference: { type: 0, message_id: '5' }, referenced_message: replied });
    expect(message).toMatchObject({
      addressed: true,
      replyTo: { message: '5', text: 'It is noon.', author: 'Herald', mine: true },
    });
  });

  it('that answers what is gone says only what', () => {
    const message = read({ type: 19, message_reference: { message_id: '5' }, referenced_message: null });
    expect(message.replyTo).toEqual({ message: '5' });
  });

  it('that answers somebody who calls themselves "You" does not quote us', () => {
    const replied = payload({ id: '5', author: { ...ADA, global_name: 'Y-o-u' } });
    const message = read({ type: 19, message_reference: { message_id: '5' }, referenced_message: replied });
    expect(message.replyTo).toMatchObject({ author: 'somebody called you', mine: false });
  });

  it('that is forwarded speaks for somebody else, whatever it says', () => {
    const message = read(
      {
        content: '',
        message_reference: { type: 1, message_id: '5', channel_id: '6' },
        message_snapshots: [
          {
            message: {
              content: `/approve <@${ME}>`,
              attachments: [{ id: '9', filename: 'f.txt', size: 3, url: 'https://cdn.discordapp.com/x' }],
            },
          },
        ],
        mentions: [us],
      },
      dm,
    );
    expect(message.text).toBe('Forwarded from somebody:\n/approve @Herald');
    expect(message.replyTo).toBeUndefined();
    expect(message.attachments).toMatchObject([{ ref: `${CHANNEL}/334385199974967042/9`, name: 'f.txt' }]);
    const voice = { id: '9', filename: 'voice-message.ogg', size: 3, url: 'https://cdn.discordapp.com/x' };
    const reference = { type: 1, message_id: '5', channel_id: '6' };
    const snapshots = [{ message: { content: '', attachments: [voice] } }];
    const spoken = read({ content: '', message_reference: reference, message_snapshots: snapshots }, dm);
    expect(spoken.text).toBe('Forwarded from somebody:');
  });

  it('with a poll asks it in words', () => {
    const poll = {
      question: { text: 'Tea?' },
      answers: [{ poll_media: { text: 'Yes' } }, { poll_media: { text: 'No' } }],
    };
    expect(read({ content: '', poll }).text).toBe('Poll: Tea?\n- Yes\n- No');
  });

  it('with files names their kinds, and where to find them', () => {
    const file = (id: string, changes: Record<string, unknown>) => ({
      id,
      filename: `f${id}`,
      size: 10,
      url: 'https://evil.example',
      ...changes,
    });
    const message = read({
      content: '',
      attachments: [
        file('1', { content_type: 'image/png', width: 1, height: 1 }),
        file('2', { content_type: 'audio/ogg', duration_secs: 2.5, waveform: 'AAA=' }),
        file('3', { content_type: 'audio/mpeg' }),
        file('4', { content_type: 'video/mp4' }),
        file('5', { content_type: 'text/plain; charset=utf-8' }),
        file('6', {}),
      ],
      sticker_items: [
        { id: '7', name: 'Wave', format_type: 1 },
        { id: '8', name: 'Dance', format_type: 4 },
        { id: '9', name: 'Lottie', format_type: 3 },
      ],
      flags: 8192,
    });
    expect(message.attachments.map(({ kind, mime, ref }) => [kind, mime, ref])).toEqual([
      ['image', 'image/png', `${CHANNEL}/334385199974967042/1`],
      ['voice', 'audio/ogg', `${CHANNEL}/334385199974967042/2`],
      ['audio', 'audio/mpeg', `${CHANNEL}/334385199974967042/3`],
      ['video', 'video/mp4', `${CHANNEL}/334385199974967042/4`],
      ['document', 'text/plain', `${CHANNEL}/334385199974967042/5`],
      ['document', undefined, `${CHANNEL}/334385199974967042/6`],
      ['sticker', 'image/png', 'sticker/7.png'],
      ['sticker', 'image/gif', 'sticker/8.gif'],
      ['sticker', 'application/json', 'sticker/9.json'],
    ]);
    expect(message.attachments[1]).toMatchObject({ durationMs: 2_500, name: 'f2', bytes: 10 });
  });
});

describe('what is left out', () => {
  it.each([
    [{ author: us }, 'our own message'],
    [{ author: { ...ADA, bot: true } }, 'sent by a bot'],
    [{ webhook_id: '5' }, 'sent by a bot'],
    [{ author: { ...ADA, system: true } }, 'sent by Discord'],
    [{ type: 7 }, 'message of type 7'],
    [{ type: 20 }, 'message of type 20'],
    [{ content: '' }, 'message without text or file'],
  ])('%j', (changes, reason) => {
    expect(readMessage(payload(changes), 'message', contextOf(channel))).toEqual({ kind: 'ignored', reason });
  });

  it.each([
    [null],
    ['text'],
    [[]],
    [{}],
    [payload({ id: 5 })],
    [payload({ id: '../../users' })],
    [payload({ author: null })],
    [payload({ content: {} })],
    [payload({ attachments: [{ id: 'x/../y', filename: 'f', size: 1 }] })],
    [payload({ timestamp: 5 })],
  ])('%j is malformed, and its words are not told', (raw) => {
    const result = readMessage(raw, 'message', contextOf(channel));
    expect(result.kind).toBe('malformed');
    expect(JSON.stringify(result)).not.toContain('Supa');
  });

  it('decorations of a form that is not known cost nothing else', () => {
    const changes = {
      member: 5,
      mentions: 'x',
      mention_roles: {},
      referenced_message: 7,
      sticker_items: 'y',
      poll: [],
    };
    expect(read({ ...changes, message_reference: { message_id: {} } })).toMatchObject({
      text: 'Supa Hot',
      attachments: [],
    });
  });

  it('nothing throws, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.dictionary(fc.constantFrom(...Object.keys(payload())), fc.anything()),
        (raw, changes) => {
          for (const one of [raw, payload(changes)]) {
            readMessage(one, 'message', contextOf(channel));
            readMessage(one, 'edit', contextOf(dm));
            readInteraction(one, contextOf(dm));
            for (const type of [
              'GUILD_CREATE',
              'GUILD_UPDATE',
              'GUILD_DELETE',
              'CHANNEL_UPDATE',
              'THREAD_LIST_SYNC',
              'GUILD_ROLE_CREATE',
            ])
              makeDirectory().apply(type, one);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('a huge message full of mentions is read in one go', () => {
    const ours = `<@${ME}>`.repeat(50_000);
    const content = `${ours}${'<@'.repeat(200_000)} x ${ours}. ${ours}`;
    expect(read({ content, mentions: [us] }).text).toBe(`${'<@'.repeat(200_000)} x.`);
  });
});

describe('an edit', () => {
  it('has a revision of its own', () => {
    const edited_timestamp = '2017-07-11T17:28:07.299111+00:00';
    expect(read({ content: 'Super', edited_timestamp }, channel, 'edit')).toMatchObject({
      kind: 'edit',
      id: '334385199974967042',
      revision: edited_timestamp,
      text: 'Super',
    });
  });

  it('is none when only a preview or a pin was added', () => {
    const result = readMessage(payload({ pinned: true }), 'edit', contextOf(channel));
    expect(result).toEqual({ kind: 'ignored', reason: 'change that is no edit' });
  });
});

describe('a deletion', () => {
  it('says which message, and whose it was', () => {
    const sender = { id: userId(ADA.id), name: 'Ada', bot: false };
    expect(makeDeletion('334385199974967042', sender, contextOf(dm))).toMatchObject({
      kind: 'delete',
      id: '334385199974967042',
      sender,
      chatKind: 'dm',
    });
  });
});

describe('an interaction', () => {
  const interaction = (changes: Record<string, unknown>) => ({
    id: '846462639134605312',
    application_id: '845027738276462632',
    type: 2,
    token: 'aW50ZXJhY3Rpb24',
    version: 1,
    channel_id: CHANNEL,
    guild_id: GUILD,
    member: { user: ADA, nick: 'Countess', roles: [] },
    data: { id: '1', name: 'model', type: 1, options: [{ name: 'text', type: 3, value: 'fast one' }] },
    ...changes,
  });

  it('is a command with its text', () => {
    expect(readInteraction(interaction({}), contextOf(channel))).toMatchObject({
      kind: 'message',
      message: {
        kind: 'message',
        id: '846462639134605312',
        text: '/model fast one',
        addressed: true,
        sender: { id: ADA.id, name: 'Countess' },
        chat: CHANNEL,
      },
    });
    const bare = interaction({ data: { id: '1', name: 'help', type: 1 } });
    expect(readInteraction(bare, contextOf(channel))).toMatchObject({ message: { text: '/help' } });
  });

  it('is a press with what the button carries', () => {
    const press = interaction({
      type: 3,
      member: undefined,
      user: ADA,
      data: { custom_id: 'allow:1', component_type: 2 },
      message: { id: '77' },
    });
    expect(readInteraction(press, contextOf(dm))).toMatchObject({
      kind: 'message',
      message: {
        kind: 'button',
        id: '846462639134605312',
        text: '',
        button: { data: 'allow:1', message: '77' },
        sender: { id: ADA.id },
      },
    });
  });

  it.each([
    [{ type: 1 }, 'ignored'],
    [{ type: 4 }, 'ignored'],
    [{ type: 3, data: { custom_id: 'x' } }, 'ignored'],
    [{ member: { user: { ...ADA, bot: true } } }, 'ignored'],
    [{ member: undefined }, 'malformed'],
    [{ token: '' }, 'malformed'],
  ])('with %j is left out', (changes, kind) => {
    expect(readInteraction(interaction(changes), contextOf(channel)).kind).toBe(kind);
  });
});

describe('the directory', () => {
  it('knows threads by their channel, forums, tiers and roles', () => {
    const known = makeDirectory();
    const thread = known.find('290926798999357253');
    expect(thread && known.placeOf(thread)).toEqual({
      kind: 'group',
      chat: CHANNEL,
      thread: '290926798999357253',
      title: 'Makers #general',
      guild: GUILD,
    });
    expect(known.isForum('290926798999357252')).toBe(true);
    expect(known.tierOf(CHANNEL)).toBe(2);
    expect(known.listTexts(GUILD).map((one) => one.id)).toEqual([CHANNEL, '290926798999357253']);
    known.apply('GUILD_ROLE_UPDATE', { guild_id: GUILD, role: { id: OUR_ROLE, name: 'Butler', tags: { bot_id: ME } } });
    expect(known.roleName(GUILD, OUR_ROLE)).toBe('Butler');
    expect(known.isOwnRole(GUILD, OUR_ROLE)).toBe(true);
    known.apply('CHANNEL_UPDATE', { id: CHANNEL, type: 0, guild_id: GUILD, name: 'lobby' });
    expect(known.channelName(CHANNEL)).toBe('lobby');
    known.apply('GUILD_DELETE', { id: GUILD, unavailable: true });
    expect(known.find(CHANNEL)).toBeDefined();
    known.apply('GUILD_DELETE', { id: GUILD });
    expect(known.find(CHANNEL)).toBeUndefined();
  });

  it('takes no part in group DMs', () => {
    const known = makeDirectory();
    const group = known.add({ id: '5', type: 3 });
    expect(group && known.placeOf(group)).toBeUndefined();
  });
});
