import { afterEach, describe, expect, it } from 'vitest';
import { readMention, readMessage, readRedaction } from '../../../adapters/matrix/receive/inbound.ts';
import { readEvent } from '../../../adapters/matrix/receive/event-schema.ts';
import { MISSING_NOTICE } from '../../../adapters/matrix/crypto/encryption.ts';
import { openRoomRig, type RoomRig } from './room-rig.ts';

const read = (content: Record<string, unknown>, type = 'm.room.message') => readMessage({ type, content });

describe('contents', () => {
  it('text, emotes and places are read; what nobody said is not', () => {
    expect(read({ msgtype: 'm.text', body: 'hi' })).toMatchObject({ text: 'hi', isNotice: false, attachments: [] });
    expect(read({ msgtype: 'm.notice', body: 'beep' })).toMatchObject({ isNotice: true });
    expect(read({ msgtype: 'm.emote', body: 'waves' })?.text).toBe('* waves');
    expect(read({ msgtype: 'm.location', body: 'Here', geo_uri: 'geo:1,2' })?.text).toBe('Here (geo:1,2)');
    for (const content of [
      {},
      { body: 'x' },
      { msgtype: 'm.text' },
      { msgtype: 'm.key.verification.request', body: 'x' },
    ])
      expect(read(content)).toBeUndefined();
    expect(read({ msgtype: 'm.text', body: 'x' }, 'm.room.topic')).toBeUndefined();
  });

  it('captions, names and voice messages are told apart', () => {
    const url = 'mxc://hs.test/abcDEF-_1';
    const info = { mimetype: 'audio/ogg', size: 5, duration: 2500 };
    expect(read({ msgtype: 'm.audio', body: 'a.ogg', url, info, 'org.matrix.msc3245.voice': {} })).toMatchObject({
      text: '',
      attachments: [{ kind: 'voice', ref: url, name: 'a.ogg', mime: 'audio/ogg', bytes: 5, durationMs: 2500 }],
    });
    expect(read({ msgtype: 'm.image', body: 'look', filename: 'a.png', url, info: 'none' })).toMatchObject({
      text: 'look',
      attachments: [{ kind: 'image', name: 'a.png', mime: undefined }],
    });
  });

  it.each([
    'https://evil.example/x',
    'mxc://evil.example',
    'mxc://a/b/c',
    'mxc://a/../b',
    'mxc://a b/c',
    'mxc:///c',
    '',
  ])('a file at %j is left out', (url) => expect(read({ msgtype: 'm.file', body: 'x', url })).toBeUndefined());

  it('the text that is answered is taken off in front, and only then', () => {
    const body = '> <@ann:hs.test> first\n> second\n\nmy answer\n> a quote of mine';
    const relation = { 'm.relates_to': { 'm.in_reply_to': { event_id: '$a' } } };
    expect(read({ msgtype: 'm.text', body, ...relation })).toMatchObject({
      text: 'my answer\n> a quote of mine',
      replyTo: '$a',
    });
    expect(read({ msgtype: 'm.text', body })?.text).toBe(body);
    expect(read({ msgtype: 'm.text', body: '> I quote\n\nmyself', ...relation })?.text).toBe('> I quote\n\nmyself');
    expect(read({ msgtype: 'm.text', body: '> <@ann:hs.test> all', ...relation })?.text).toBe('');
  });

  it('a thread is no reply unless it says so', () => {
    const relation = { rel_type: 'm.thread', event_id: '$root', 'm.in_reply_to': { event_id: '$last' } };
    const inThread = (more: object) => read({ msgtype: 'm.text', body: 'x', 'm.relates_to': { ...relation, ...more } });
    expect(inThread({ is_falling_back: true })).toMatchObject({ thread: '$root', replyTo: undefined });
    expect(inThread({})).toMatchObject({ thread: '$root', replyTo: '$last' });
    expect(inThread({ event_id: 'no id' })).toMatchObject({ thread: undefined });
  });

  it('redactions of old and new room versions name what they take away', () => {
    const event = { event_id: '$r', sender: '@a:b', origin_server_ts: 1, type: 'm.room.redaction' };
    const target = (more: object) => {
      const found = readEvent({ ...event, content: {}, ...more });
      return found && readRedaction(found);
    };
    expect(target({ redacts: '$old' })).toBe('$old');
    expect(target({ content: { redacts: '$new' } })).toBe('$new');
    expect(target({ content: { redacts: 5 } })).toBeUndefined();
  });

  it.each([
    ['Herald: what time is it?', [], 'what time is it?', true],
    ['@herald:hs.test: hi', [], 'hi', true],
    ['herald, hi', [], 'hi', true],
    ['what do you think, Herald?', [], 'what do you think, Herald?', true],
    ['hi all', ['@herald:hs.test'], 'hi all', true],
    ['heralds are old', [], 'heralds are old', false],
    ['herald:other.test says', [], 'herald:other.test says', true],
    ['hi', ['@other:hs.test'], 'hi', false],
  ])('%j with mentions %j', (text, mentions, rest, isNamed) => {
    const us = { id: '@herald:hs.test', displayName: 'Herald' };
    expect(readMention({ text, mentions }, us)).toEqual({ isNamed, text: rest });
  });

  it('a display name that is full of signs is only text', () => {
    const us = { id: '@h:hs.test', displayName: '.*(a+)+$' };
    expect(readMention({ text: 'anything', mentions: [] }, us).isNamed).toBe(false);
    expect(readMention({ text: 'h '.repeat(20_000), mentions: [] }, us).isNamed).toBe(true);
  });
});

describe('events', () => {
  let rig: RoomRig;
  afterEach(() => rig.close());

  it('nobody can edit what somebody else said', async () => {
    rig = await openRoomRig();
    const { ada, eve, group, record } = rig;
    const said = ada.say(group, 'send 5 to Bob').event_id;
    await record.waitFor((message) => message.text === 'send 5 to Bob');
    eve.edit(group, said, 'send 5000 to Eve');
    ada.edit(group, said, 'send 6 to Bob');
    await record.waitFor((message) => message.kind === 'edit');
    expect(record.received.filter((message) => message.kind === 'edit').map(({ text }) => text)).toEqual([
      'send 6 to Bob',
    ]);
  });

  it('an edit of a message from before the start is checked with the homeserver', async () => {
    rig = await openRoomRig({
      before: ({ ada, dm }) => {
        ada.say(dm, 'old');
      },
    });
    const { ada, eve, dm, record, server } = rig;
    const old = server.world.rooms.get(dm.id)?.events.find((event) => event.content['body'] === 'old')?.event_id ?? '';
    server.world.setMember(dm, eve.id, 'join');
    eve.edit(dm, old, 'not mine');
    ada.edit(dm, old, 'new');
    const edit = await record.waitFor((message) => message.kind === 'edit');
    expect(edit).toMatchObject({ id: old, text: 'new', sender: { id: ada.id } });
  });

  it('a chat with a third person is a group from then on, whatever it was called', async () => {
    rig = await openRoomRig();
    const { ada, eve, dm, record, server } = rig;
    ada.say(dm, 'between us');
    await record.waitFor((message) => message.text === 'between us');
    server.world.setMember(dm, eve.id, 'join');
    ada.say(dm, 'among three');
    const later = await record.waitFor((message) => message.text === 'among three');
    expect(record.received[0]).toMatchObject({ chatKind: 'dm', addressed: true, sender: { name: 'Ada' } });
    expect(later).toMatchObject({ chatKind: 'group', addressed: false });
  });

  it('without the crypto library an encrypted room is told once what is missing, and gets nothing else in the clear', async () => {
    rig = await openRoomRig({ ports: { loadCrypto: () => Promise.reject(new Error('not installed')) } });
    const { ada, server } = rig;
    const room = ada.invite({ encrypted: true });
    const notices = () =>
      room.events.filter((event) => event.sender === server.botId && event.content['body'] === MISSING_NOTICE);
    const encrypted = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'AwgA' };
    ada.send(room, 'm.room.encrypted', encrypted);
    await rig.record.waitUntil(() => rig.record.cursors.has(`encrypted:${room.id}`));
    await rig.restart();
    ada.send(room, 'm.room.encrypted', encrypted);
    const clear = ada.say(room, 'in the clear, by whatever app');
    ada.say(rig.dm, 'after it');
    await rig.record.waitFor((message) => message.text === 'after it');
    expect(notices()).toHaveLength(1);
    const forged = await rig.record.waitFor(({ id }) => id === clear.event_id);
    expect(forged.sender.verified).toBe(false);
    expect(rig.record.received.filter(({ sender }) => sender.verified !== false)).toMatchObject([{ text: 'after it' }]);
    expect(await rig.send(room, 'secret')).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
    expect(JSON.stringify(room.events)).not.toContain('secret');
  });

  it('a redacted message that is answered is gone, and its answer still arrives', async () => {
    rig = await openRoomRig();
    const { ada, dm, record } = rig;
    const gone = ada.send(dm, 'm.room.message', {}).event_id;
    ada.say(dm, 'about that', { replyTo: gone });
    expect(await record.waitFor((message) => message.text === 'about that')).toMatchObject({
      replyTo: { message: gone },
    });
  });
});
