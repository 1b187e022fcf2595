import { describe, expect, it } from 'vitest';
import { readEnvelope, readFrame, type InboundContext, type InboundResult } from '../../../adapters/signal/inbound.ts';
import { accountId } from '../../../shared/ids.ts';

const SELF = { number: '+4930239999', uuid: '11111111-1111-4111-8111-111111111111' };
const ADA = '22222222-2222-4222-8222-222222222222';
const BOB = '33333333-3333-4333-8333-333333333333';

const context: InboundContext = {
  account: accountId(SELF.number),
  self: SELF,
  noteToSelfOnly: false,
  nameOf: (id) => ({ [BOB]: 'Bob', [ADA]: 'Ada' })[id],
  originalOf: (author, timestamp) => (author === ADA && timestamp === 20 ? 10 : timestamp),
  isOwnSend: (timestamp) => timestamp === 555,
};

function read(fields: Record<string, unknown>, more: Partial<InboundContext> = {}): InboundResult {
  const result = readFrame({
    account: SELF.number,
    envelope: {
      source: '+4930230001',
      sourceNumber: '+4930230001',
      sourceUuid: ADA,
      sourceName: 'Ada',
      sourceDevice: 1,
      timestamp: 10,
      serverReceivedTimestamp: 1_000,
      serverDeliveredTimestamp: 1_001,
      ...fields,
    },
  });
  return result.kind === 'frame' ? readEnvelope(result.frame, { ...context, ...more }) : result;
}

function message(fields: Record<string, unknown>, more?: Partial<InboundContext>) {
  const result = read(fields, more);
  if (result.kind !== 'message') throw new Error(`${result.kind}: ${result.reason}`);
  return result.message;
}

const data = (fields: Record<string, unknown>) => ({ dataMessage: { timestamp: 10, message: null, ...fields } });
const group = { groupInfo: { groupId: 'aW50ZXJuYWw=', groupName: 'Team', revision: 1, type: 'DELIVER' } };
const sync = (sentMessage: Record<string, unknown>) => ({
  source: SELF.number,
  sourceNumber: SELF.number,
  sourceUuid: SELF.uuid,
  syncMessage: { sentMessage },
});
const toSelf = { destination: SELF.number, destinationNumber: SELF.number, destinationUuid: SELF.uuid };

describe('messages', () => {
  it('of a person are named by time and author, with the time of the server', () => {
    expect(message(data({ message: 'hi' }))).toMatchObject({
      kind: 'message',
      id: `10:${ADA}`,
      chat: ADA,
      chatKind: 'dm',
      sentAt: 1_000,
      sender: { id: ADA, name: 'Ada', username: '+4930230001', bot: false },
      addressed: true,
    });
  });

  it('of somebody who hides the number have no number, and of an old server no uuid', () => {
    expect(message({ ...data({ message: 'hi' }), sourceNumber: null, source: ADA }).sender).toMatchObject({ id: ADA });
    expect(message({ ...data({ message: 'hi' }), sourceUuid: null }).sender.id).toBe('+4930230001');
  });

  it('in a group go to the id that the server sends to', () => {
    expect(message(data({ message: 'hi', ...group }))).toMatchObject({
      chat: `group.${Buffer.from('aW50ZXJuYWw=').toString('base64')}`,
      chatKind: 'group',
      chatTitle: 'Team',
      addressed: false,
    });
  });

  it.each([
    ['the account itself, from elsewhere', { sourceNumber: SELF.number, sourceUuid: null, ...data({ message: 'x' }) }],
    ['a reaction', data({ reaction: { emoji: '👍', targetSentTimestamp: 1, isRemove: false } })],
    ['a change of the timer', data({ isExpirationUpdate: true, message: 'x' })],
    ['a change of the group', data({ groupInfo: { ...group.groupInfo, type: 'UPDATE' } })],
    ['a typing indicator', { typingMessage: { action: 'STARTED', timestamp: 1 } }],
    ['a receipt', { receiptMessage: { when: 1, isDelivery: true } }],
    ['a story', { storyMessage: { allowsReplies: true } }],
    ['a call', { callMessage: { offerMessage: {} } }],
    ['what our phone sent to somebody', sync({ timestamp: 5, message: 'x', destinationUuid: BOB })],
    ['what our phone sent to a group', sync({ timestamp: 5, message: 'x', ...toSelf, ...group })],
  ])('%s is left out', (_name, fields) => {
    expect(read(fields).kind).toBe('ignored');
  });

  it('that signal-cli could not read say so, without their content', () => {
    const raw = { account: 'x', envelope: { timestamp: 1, source: 'x' }, exception: { type: 'SomeException' } };
    const result = readFrame(raw);
    if (result.kind !== 'frame') throw new Error('malformed');
    expect(readEnvelope(result.frame, context)).toMatchObject({ kind: 'malformed' });
  });

  it('keep their text when something beside it is odd', () => {
    const odd = {
      quote: { id: 'x' },
      attachments: [{}, 7],
      mentions: 'x',
      textStyles: [null],
      contacts: {},
      pollCreate: 3,
    };
    expect(message(data({ message: 'still here', ...odd }))).toMatchObject({ text: 'still here', attachments: [] });
  });
});

describe('mentions', () => {
  const us = { name: SELF.number, number: SELF.number, uuid: SELF.uuid, length: 1 };
  const bob = { name: BOB, number: null, uuid: BOB, length: 1 };
  it.each([
    ['\ufffc what is up?', [{ ...us, start: 0 }], 'what is up?', true],
    ['\ufffc, what is up?', [{ ...us, start: 0 }], 'what is up?', true],
    ['what is up, \ufffc?', [{ ...us, start: 12 }], 'what is up?', true],
    ['tell \ufffc about it', [{ ...us, start: 5 }], 'tell @you about it', true],
    ['ask \ufffc', [{ ...bob, start: 4 }], 'ask @Bob', false],
    [
      '\ufffc ask \ufffc',
      [
        { ...us, start: 0 },
        { ...bob, start: 6 },
      ],
      'ask @Bob',
      true,
    ],
    ['\ufffc by uuid', [{ ...us, number: null, name: SELF.uuid, start: 0 }], 'by uuid', true],
    ['\ufffc', [{ name: '+49', number: '+49', uuid: null, start: 0, length: 1 }], '@+49', false],
    ['short', [{ ...bob, start: 40 }], 'short', false],
  ])('%j', (text, mentions, expected, addressed) => {
    expect(message(data({ message: text, mentions, ...group }))).toMatchObject({ text: expected, addressed });
  });

  it('and styles are told apart from text', () => {
    const textStyles = [
      { style: 'BOLD', start: 0, length: 9 },
      { style: 'ITALIC', start: 5, length: 4 },
      { style: 'MONOSPACE', start: 10, length: 3 },
      { style: 'STRIKETHROUGH', start: 14, length: 2 },
      { style: 'SPOILER', start: 17, length: 1 },
      { style: 'BOLD', start: 900, length: 5 },
    ];
    expect(message(data({ message: 'bold ital code st x', textStyles })).text).toBe('**bold *ital*** `cod`e ~~s~~t x');
    const crossing = [
      { style: 'BOLD', start: 0, length: 3 },
      { style: 'ITALIC', start: 2, length: 3 },
    ];
    expect(message(data({ message: 'a b c', textStyles: crossing })).text).toBe('**a b** c');
    const over = [{ style: 'BOLD', start: 0, length: 6 }];
    const mentions = [{ ...us, start: 0 }];
    expect(message(data({ message: '\ufffc bold', mentions, textStyles: over })).text).toBe('**bold**');
  });
});

describe('quotes, edits, deletions', () => {
  it('a quote of ours addresses us and is known by our own name for it', () => {
    const quote = { id: 7, author: SELF.number, authorNumber: SELF.number, authorUuid: SELF.uuid, text: 'we said' };
    expect(message(data({ message: 'yes', quote, ...group }))).toMatchObject({
      addressed: true,
      replyTo: { message: '7:me', mine: true, text: 'we said' },
    });
  });

  it('a quote of another person names them, but nobody is called you', () => {
    const quote = {
      id: 7,
      author: BOB,
      authorNumber: null,
      authorUuid: BOB,
      text: '\ufffc!',
      mentions: [{ name: ADA, uuid: ADA, number: null, start: 0, length: 1 }],
    };
    expect(message(data({ message: 'yes', quote })).replyTo).toEqual({
      message: `7:${BOB}`,
      mine: false,
      author: 'Bob',
      text: '@Ada!',
    });
    const named = message(data({ message: 'yes', quote }), { nameOf: () => ' Y-O-U' });
    expect(named.replyTo?.author).toBe('somebody called you');
  });

  it('an edit has the id of the first version, whichever version it names', () => {
    const edit = (target: number) => ({
      editMessage: { targetSentTimestamp: target, dataMessage: { timestamp: 30, message: 'new' } },
    });
    expect(message(edit(10))).toMatchObject({ kind: 'edit', id: `10:${ADA}`, revision: '30', text: 'new' });
    expect(message(edit(20))).toMatchObject({ kind: 'edit', id: `10:${ADA}`, revision: '30' });
  });

  it('a deletion names the message, also by an admin of the group', () => {
    expect(message(data({ remoteDelete: { timestamp: 20 } }))).toMatchObject({ kind: 'delete', id: `10:${ADA}` });
    const adminDelete = { targetSentTimestamp: 8, targetAuthor: BOB, targetAuthorUuid: BOB };
    expect(message(data({ adminDelete, ...group }))).toMatchObject({
      kind: 'delete',
      id: `8:${BOB}`,
      chatKind: 'group',
    });
  });
});

describe('files and other things', () => {
  const file = (contentType: string, filename: string | null = null) => ({ id: 'a.b', contentType, filename, size: 5 });
  it.each([
    ['image/jpeg', null, 'image'],
    ['video/mp4', null, 'video'],
    ['audio/aac', null, 'voice'],
    ['audio/mpeg', 'song.mp3', 'audio'],
    ['application/pdf', 'a.pdf', 'document'],
  ])('%s %s is %s', (mime, name, kind) => {
    const [first] = message(data({ attachments: [file(mime, name)] })).attachments;
    expect(first).toMatchObject({ kind, ref: 'a.b', mime, bytes: 5 });
  });

  it('a text that was too long for a message is a file only when signal-cli has not put it together', () => {
    const attachments = [file('text/x-signal-plain')];
    const cut = message(data({ message: 'begin', attachments }));
    expect(cut.attachments).toMatchObject([{ kind: 'document', name: 'message.txt', mime: 'text/plain' }]);
    expect(message(data({ message: 'x'.repeat(2_001), attachments })).attachments).toEqual([]);
  });

  it('what may be viewed once is not opened', () => {
    const once = message(data({ viewOnce: true, attachments: [file('image/jpeg')] }));
    expect(once.attachments).toEqual([]);
    expect(once.text).toContain('only once');
  });

  it('stickers, contacts and polls are told in words', () => {
    expect(message(data({ sticker: { packId: 'x', stickerId: 1 } })).text).toBe('(a sticker)');
    const contacts = [{ name: { given: 'Bob', family: 'B' }, phone: [{ value: '+49' }] }];
    expect(message(data({ contacts })).text).toBe('Contact: Bob B, +49');
    const pollCreate = { question: 'When?', options: ['now', 'later'], allowMultiple: false };
    expect(message(data({ pollCreate })).text).toBe('Poll: When?\n- now\n- later');
  });
});

describe('Note to Self', () => {
  const note = { timestamp: 5, message: 'remember', ...toSelf };
  it('is a DM of the one whose account it is', () => {
    expect(message(sync(note))).toMatchObject({
      kind: 'message',
      id: `5:${SELF.uuid}`,
      chat: SELF.uuid,
      chatKind: 'dm',
      text: 'remember',
      sender: { id: SELF.uuid },
    });
    expect(message(sync({ ...note, destinationUuid: null, destination: null })).text).toBe('remember');
  });

  it('does not answer itself', () => {
    expect(read(sync({ ...note, timestamp: 555 }))).toEqual({ kind: 'ignored', reason: 'our own message' });
  });

  it('has edits and deletions', () => {
    const editMessage = { targetSentTimestamp: 5, dataMessage: { timestamp: 6, message: 'better' } };
    expect(message(sync({ ...toSelf, editMessage }))).toMatchObject({
      kind: 'edit',
      id: `5:${SELF.uuid}`,
      revision: '6',
    });
    expect(message(sync({ ...toSelf, timestamp: 7, remoteDelete: { timestamp: 5 } }))).toMatchObject({
      kind: 'delete',
    });
  });

  it('tells quotes of our answers from those of notes', () => {
    const quote = (id: number) => ({
      id,
      author: SELF.number,
      authorNumber: SELF.number,
      authorUuid: SELF.uuid,
      text: 'q',
    });
    expect(message(sync({ ...note, quote: quote(555) })).replyTo).toMatchObject({ message: '555:me', mine: true });
    expect(message(sync({ ...note, quote: quote(4) })).replyTo).toMatchObject({
      message: `4:${SELF.uuid}`,
      mine: false,
    });
  });

  it('is all that is heard when the settings say so', () => {
    const only = { noteToSelfOnly: true };
    expect(read(data({ message: 'hi' }), only)).toEqual({ kind: 'ignored', reason: 'not Note to Self' });
    expect(read(data({ message: 'hi', ...group }), only).kind).toBe('ignored');
    expect(message(sync(note), only).text).toBe('remember');
  });
});
