// What people and phones do, over real encryption: who is who, groups, the chat with oneself, the queue, and odd kinds of messages.
import { proto } from 'baileys';
import { describe, expect, it } from 'vitest';
import { VIEW_ONCE_TEXT } from '../../../adapters/whatsapp/web/receive/content.ts';
import { systemClock } from '../../../shared/clock.ts';
import { messageId, userId } from '../../../shared/ids.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { BOT_PHONE } from '../../support/whatsapp/server.ts';
import { addressOf } from './web-harness.ts';
import { openWeb, until, type WebRig } from './web-rig.ts';

const HOUR = 3_600_000;
const now = () => AbortSignal.timeout(5_000);

async function hear(rig: WebRig, record: Awaited<ReturnType<WebRig['start']>>['record'], message: proto.IMessage) {
  const id = await rig.whatsapp.say(rig.ada, message);
  return record.waitFor((got) => got.id === id);
}

describe('who is who', () => {
  it('hidden address first, number later, either alone after that: one sender, one chat', async () => {
    const rig = await openWeb();
    const { adapter, record } = await rig.start();
    rig.ada.tellsOther = false;
    const first = await hear(rig, record, { conversation: 'hidden' });
    expect(first.sender.id).toBe(rig.ada.lidJid);
    rig.ada.tellsOther = true;
    const both = await hear(rig, record, { conversation: 'both' });
    rig.ada.addressing = 'pn';
    rig.ada.tellsOther = false;
    const number = await hear(rig, record, { conversation: 'number' });
    for (const got of [both, number]) {
      expect(got.sender.id).toBe(first.sender.id);
      expect(got.chat).toBe(first.chat);
    }
    const result = await adapter.send({ ...addressOf(first.chat), kind: 'dm' }, makeOutbound('hello you'), now());
    expect(result).toMatchObject({ ok: true });
    expect(rig.whatsapp.seen.of(rig.ada.phone).map(({ raw }) => raw)).toEqual(['hello you']);
  });

  it('a number whose hidden address the message does not tell is looked up, so that a group gives no second id', async () => {
    const rig = await openWeb();
    const group = rig.whatsapp.group('Team', [rig.ada]);
    const { record } = await rig.start();
    rig.ada.tellsOther = false;
    await rig.whatsapp.say(rig.ada, { conversation: 'in the group' }, { group });
    const inGroup = await record.waitFor(({ text }) => text === 'in the group');
    expect(inGroup.sender.id).toBe(rig.ada.lidJid);
    rig.ada.addressing = 'pn';
    rig.ada.tellsOther = true;
    const direct = await hear(rig, record, { conversation: 'direct' });
    expect(direct.sender.id).toBe(rig.ada.lidJid);
  });

  it('survives a restart', async () => {
    const rig = await openWeb();
    const first = await rig.start();
    rig.ada.tellsOther = false;
    const before = await hear(rig, first.record, { conversation: 'before' });
    await first.adapter.stop();
    const second = await rig.start();
    rig.ada.tellsOther = true;
    const after = await hear(rig, second.record, { conversation: 'after' });
    expect(after.sender.id).toBe(before.sender.id);
  });

  it('a DM opens by number or hidden address, and by nothing else', async () => {
    const { start } = await openWeb();
    const { adapter } = await start();
    for (const id of ['15550002222', '222@lid'])
      expect(await adapter.openDm?.(userId(id))).toMatchObject({ chat: id, kind: 'dm' });
    for (const id of ['', 'ada', '1@g.us', '../x', '15550002222@s.whatsapp.net'])
      expect(await adapter.openDm?.(userId(id))).toBeUndefined();
  });
});

describe('groups', () => {
  it('a mention by number or by hidden address names us, and is taken out of the text', async () => {
    const rig = await openWeb();
    const group = rig.whatsapp.group('Team', [rig.ada]);
    const { record } = await rig.start();
    const { owner } = rig.whatsapp;
    const cases: [string, string][] = [
      [owner.lidJid, `@${owner.lid} what is up?`],
      [owner.jid, `what is up, @${owner.phone}?`],
      [owner.jid, `ask @${owner.phone} about it`],
    ];
    for (const [jid, text] of cases)
      await rig.whatsapp.say(
        rig.ada,
        { extendedTextMessage: { text, contextInfo: { mentionedJid: [jid] } } },
        { group },
      );
    await rig.whatsapp.say(
      rig.ada,
      { extendedTextMessage: { text: '@123 hello', contextInfo: { mentionedJid: ['123@lid'] } } },
      { group },
    );
    await record.waitUntil(() => record.received.length === 4);
    expect(record.received.map(({ text, addressed, chatTitle }) => [text, addressed, chatTitle])).toEqual([
      ['what is up?', true, 'Team'],
      ['what is up?', true, 'Team'],
      [`ask @${owner.phone} about it`, true, 'Team'],
      ['@123 hello', false, 'Team'],
    ]);
  });

  it('answers quote their author, and reactions name them', async () => {
    const rig = await openWeb();
    const bob = rig.whatsapp.person({ phone: '15550003333', lid: '333000333', name: 'Bob' });
    const group = rig.whatsapp.group('Team', [rig.ada, bob]);
    const { adapter, record } = await rig.start();
    const id = messageId(await rig.whatsapp.say(bob, { conversation: 'which one?' }, { group }));
    await record.waitFor((got) => got.id === id);
    const to = addressOf(group.jid);
    await adapter.send(to, { ...makeOutbound('that one'), replyTo: id }, now());
    const quote = rig.whatsapp.seen.of(group.jid)[0]?.message.extendedTextMessage?.contextInfo;
    expect(quote).toMatchObject({ stanzaId: id, participant: bob.lidJid });
    expect(quote?.quotedMessage?.conversation).toBe('which one?');
    expect(await adapter.react?.(to, id, '👍')).toMatchObject({ ok: true });
    expect(await adapter.react?.(to, messageId('unheard-of'), '👍')).toMatchObject({ ok: false, code: 'not_found' });
  });
});

describe('our own account', () => {
  it('the chat with ourselves is a direct message of the owner; what we say elsewhere is nobody’s', async () => {
    const rig = await openWeb();
    const { owner } = rig.whatsapp;
    const { adapter, record } = await rig.start();
    for (const addressing of ['pn', 'lid'] as const) {
      owner.addressing = addressing;
      const from = owner.from;
      const message = {
        deviceSentMessage: { destinationJid: from, message: { conversation: `note by ${addressing}` } },
      };
      await rig.whatsapp.say(owner, message, { attrs: { recipient: from } });
      const got = await record.waitFor(({ text }) => text === `note by ${addressing}`);
      expect(got).toMatchObject({ chat: BOT_PHONE, chatKind: 'dm', addressed: true, sender: { id: BOT_PHONE } });
    }
    const elsewhere = { deviceSentMessage: { destinationJid: rig.ada.jid, message: { conversation: 'to Ada' } } };
    await rig.whatsapp.say(owner, elsewhere, { attrs: { recipient: rig.ada.lidJid } });
    expect(await adapter.send(addressOf(BOT_PHONE), makeOutbound('noted'), now())).toMatchObject({ ok: true });
    const [answer] = rig.whatsapp.seen.of(BOT_PHONE);
    expect(answer?.raw).toBe('noted');
    // A reply to our note is told from a reply to the owner's own.
    for (const stanzaId of [answer?.id ?? '', record.received[0]?.id ?? '']) {
      const contextInfo = { stanzaId, participant: owner.lidJid, quotedMessage: { conversation: 'x' } };
      const reply = { extendedTextMessage: { text: `about ${stanzaId}`, contextInfo } };
      const message = { deviceSentMessage: { destinationJid: owner.lidJid, message: reply } };
      await rig.whatsapp.say(owner, message, { attrs: { recipient: owner.lidJid } });
    }
    await record.waitUntil(() => record.received.length === 4);
    expect(record.received.slice(2).map(({ replyTo }) => replyTo?.mine)).toEqual([true, false]);
  });

  it('can listen to that chat alone', async () => {
    const rig = await openWeb();
    const { owner } = rig.whatsapp;
    const { record } = await rig.start({ settings: { self_chat_only: true } });
    await rig.whatsapp.say(rig.ada, { conversation: 'a friend' });
    const message = { deviceSentMessage: { destinationJid: owner.lidJid, message: { conversation: 'me' } } };
    await rig.whatsapp.say(owner, message, { attrs: { recipient: owner.lidJid } });
    await record.waitFor(({ text }) => text === 'me');
    expect(record.received).toHaveLength(1);
  });

  it('what the phone sends to its devices is no message, and what it repeats for us is one', async () => {
    const rig = await openWeb();
    const { owner } = rig.whatsapp;
    const { record } = await rig.start();
    const resent = proto.WebMessageInfo.encode({
      key: { remoteJid: rig.ada.jid, id: 'RESENT1', fromMe: false },
      message: { conversation: 'came without content at first' },
      messageTimestamp: Math.floor(Date.now() / 1_000),
    }).finish();
    const answer = { peerDataOperationResult: [{ placeholderMessageResendResponse: { webMessageInfoBytes: resent } }] };
    const peer = { protocolMessage: { type: 17, peerDataOperationRequestResponseMessage: answer } };
    await rig.whatsapp.say(owner, peer, { attrs: { category: 'peer' } });
    // The same from somebody else is a forgery.
    await rig.whatsapp.say(rig.ada, {
      protocolMessage: { type: 17, peerDataOperationRequestResponseMessage: answer },
    });
    const got = await record.waitFor(({ text }) => text.startsWith('came without'));
    expect(got).toMatchObject({ id: 'RESENT1', sender: { id: rig.ada.phone } });
    await hear(rig, record, { conversation: 'next' });
    expect(record.answers).toHaveLength(2);
  });
});

describe('the queue', () => {
  it('brings what was sent while we were away; what is too old is left out and told once', async () => {
    const rig = await openWeb();
    const group = rig.whatsapp.group('Team', [rig.ada]);
    const startedAt = Date.now();
    const seconds = (ageMs: number) => Math.floor((startedAt - ageMs) / 1_000);
    await rig.whatsapp.say(rig.ada, { conversation: 'ancient' }, { at: seconds(50 * HOUR) });
    await rig.whatsapp.say(rig.ada, { conversation: 'old' }, { at: seconds(30 * HOUR) });
    await rig.whatsapp.say(rig.ada, { conversation: 'old too' }, { at: seconds(40 * HOUR), group });
    await rig.whatsapp.say(rig.ada, { conversation: 'recent' }, { at: seconds(20 * HOUR) });
    // The queue counts as read when it has been quiet for a while; here a short one.
    const clock = { ...systemClock, after: (ms: number, fn: () => void) => systemClock.after(ms / 20, fn) };
    const { record } = await rig.start({ web: { clock } });
    await record.waitFor(({ text }) => text === 'recent');
    await record.waitUntil(() => record.gaps.length === 2);
    expect(record.received.map(({ text }) => text)).toEqual(['recent']);
    expect(record.gaps).toMatchObject([
      {
        chat: { id: rig.ada.phone, kind: 'dm' },
        missed: 2,
        reason: 'limit',
        since: seconds(50 * HOUR) * 1_000,
        until: seconds(30 * HOUR) * 1_000,
      },
      { chat: { id: group.jid, kind: 'group' }, missed: 1, reason: 'limit' },
    ]);
    await until('the receipts', () => rig.whatsapp.waiting.length === 0);
  });
});

describe('kinds of messages', () => {
  const media = { url: 'u', directPath: '/v/x', mediaKey: Buffer.alloc(32), mimetype: 'image/jpeg' };

  const KINDS: readonly [string, proto.IMessage, Record<string, unknown>][] = [
    ['one that vanishes', { ephemeralMessage: { message: { conversation: 'soon gone' } } }, { text: 'soon gone' }],
    [
      'a forwarded text',
      { extendedTextMessage: { text: 'once upon', contextInfo: { isForwarded: true, forwardingScore: 2 } } },
      { text: 'Forwarded from somebody:\nonce upon' },
    ],
    [
      'a forwarded voice message',
      { audioMessage: { ...media, mimetype: 'audio/ogg', ptt: true, contextInfo: { isForwarded: true } } },
      { text: 'Forwarded from somebody:' },
    ],
    [
      'a forwarded voice note, whose words are not the sender’s',
      { audioMessage: { ...media, ptt: true, contextInfo: { isForwarded: true } } },
      { text: 'Forwarded from somebody:', attachments: [{ kind: 'voice' }] },
    ],
    [
      'a place',
      { locationMessage: { degreesLatitude: 1.5, degreesLongitude: 2.5, name: 'Café', address: 'Main St' } },
      { text: 'Location: 1.5, 2.5 (Café, Main St)' },
    ],
    ['a live place', { liveLocationMessage: { degreesLatitude: 1, degreesLongitude: 2 } }, { text: 'Location: 1, 2' }],
    [
      'a contact',
      { contactMessage: { displayName: 'Bob', vcard: 'BEGIN:VCARD\nFN:Bob\nitem1.TEL;waid=1555:+1 555\nEND:VCARD' } },
      { text: 'Contact: Bob, +1 555' },
    ],
    [
      'contacts',
      { contactsArrayMessage: { contacts: [{ displayName: 'Bob' }, { displayName: 'Cy', vcard: 'TEL:+2' }] } },
      { text: 'Contacts:\n- Bob\n- Cy, +2' },
    ],
    [
      'a poll',
      { pollCreationMessageV3: { name: 'When?', options: [{ optionName: 'now' }, { optionName: 'later' }] } },
      { text: 'Poll: When?\n- now\n- later' },
    ],
    ['an event', { eventMessage: { name: 'Party' } }, { text: 'Event: Party' }],
    ['a choice', { listResponseMessage: { title: 'Blue' } }, { text: 'Blue' }],
    [
      'a photo seen once',
      { viewOnceMessageV2: { message: { imageMessage: media } } },
      { text: VIEW_ONCE_TEXT, attachments: [] },
    ],
    ['a voice seen once', { audioMessage: { ...media, viewOnce: true } }, { text: VIEW_ONCE_TEXT, attachments: [] }],
    [
      'a photo of an album',
      {
        imageMessage: media,
        messageContextInfo: { messageAssociation: { associationType: 1, parentMessageKey: { id: 'ALBUM' } } },
      },
      { mediaGroup: 'ALBUM', attachments: [{ kind: 'image' }] },
    ],
    [
      'a round video',
      { ptvMessage: { ...media, mimetype: 'video/mp4', seconds: 4 } },
      { attachments: [{ kind: 'video', durationMs: 4_000 }] },
    ],
    [
      'a voice note',
      { audioMessage: { ...media, mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 7, fileLength: 1_234 } },
      { attachments: [{ kind: 'voice', mime: 'audio/ogg', durationMs: 7_000, bytes: 1_234 }] },
    ],
    [
      'a document with a name',
      {
        documentWithCaptionMessage: {
          message: { documentMessage: { ...media, fileName: 'a b.pdf', caption: 'read' } },
        },
      },
      { text: 'read', attachments: [{ kind: 'document', name: 'a b.pdf' }] },
    ],
  ];

  it('are read as what they say', async () => {
    const rig = await openWeb();
    const { record } = await rig.start();
    for (const [name, message, expected] of KINDS)
      expect(await hear(rig, record, message), name).toMatchObject({ kind: 'message', ...expected });
  });

  it('one to be seen once, which linked devices do not even get, is told politely', async () => {
    const rig = await openWeb();
    const { record } = await rig.start();
    rig.whatsapp.inject({
      tag: 'message',
      attrs: {
        id: 'ONCE',
        from: rig.ada.lidJid,
        sender_pn: rig.ada.jid,
        t: String(Math.floor(Date.now() / 1_000)),
        type: 'media',
      },
      content: [{ tag: 'unavailable', attrs: { type: 'view_once' } }],
    });
    const got = await record.waitFor(({ text }) => text === VIEW_ONCE_TEXT);
    expect(got).toMatchObject({ id: 'ONCE', sender: { id: rig.ada.phone } });
    await until('the receipt', () => rig.whatsapp.waiting.length === 0);
  });

  it('one of a broadcast list is a direct message', async () => {
    const rig = await openWeb();
    const { record } = await rig.start();
    const attrs = { from: '171@broadcast', participant: rig.ada.lidJid, participant_pn: rig.ada.jid };
    await rig.whatsapp.say(rig.ada, { conversation: 'to all of you' }, { attrs });
    const got = await record.waitFor(({ text }) => text === 'to all of you');
    expect(got).toMatchObject({ chat: rig.ada.phone, chatKind: 'dm', sender: { id: rig.ada.phone } });
  });

  it('answers vanish as the messages of their chat do', async () => {
    const rig = await openWeb();
    const { adapter, record } = await rig.start();
    const send = () => adapter.send(addressOf(rig.ada.phone), makeOutbound('noted'), now());
    await send();
    await hear(rig, record, { extendedTextMessage: { text: 'secret', contextInfo: { expiration: 86_400 } } });
    await send();
    await hear(rig, record, { conversation: 'not any more' });
    await send();
    const contexts = rig.whatsapp.seen.of(rig.ada.phone).map(({ message }) => message.extendedTextMessage?.contextInfo);
    expect(contexts.map((context) => context?.expiration ?? 0)).toEqual([0, 86_400, 0]);
  });

  it('read receipts are sent only when they are wanted', async () => {
    for (const read_receipts of [false, true]) {
      const rig = await openWeb();
      const { record } = await rig.start({ settings: { read_receipts } });
      const id = await rig.whatsapp.say(rig.ada, { conversation: 'seen?' });
      await record.waitFor(({ text }) => text === 'seen?');
      await until('the receipt', () => rig.whatsapp.waiting.length === 0);
      const types = () =>
        rig.whatsapp.stanzas
          .filter(({ tag, attrs }) => tag === 'receipt' && attrs['id'] === id)
          .map(({ attrs }) => attrs['type']);
      if (read_receipts) await until('the read receipt', () => types().includes('read'));
      expect(types().includes('read')).toBe(read_receipts);
    }
  });
});

describe('edits of ours', () => {
  it('are for a quarter of an hour, and of our own messages', async () => {
    const rig = await openWeb();
    let ahead = 0;
    const clock = { ...systemClock, now: () => Date.now() + ahead };
    const { adapter } = await rig.start({ web: { clock } });
    const to = addressOf(rig.ada.phone);
    const sent = await adapter.send(to, makeOutbound('draft'), now());
    const id = sent.ok ? (sent.ids[0] ?? messageId('')) : messageId('');
    expect(await adapter.edit?.(to, id, makeOutbound('final'), now())).toMatchObject({ ok: true });
    expect(rig.whatsapp.seen.of(rig.ada.phone)).toMatchObject([{ raw: 'final', isEdited: true }]);
    expect(rig.whatsapp.stanzas.filter(({ attrs }) => attrs['edit'] === '1')).toHaveLength(1);
    ahead = 16 * 60_000;
    expect(await adapter.edit?.(to, id, makeOutbound('later'), now())).toMatchObject({
      ok: false,
      code: 'unsupported',
      reached: 'no',
    });
  });
});
