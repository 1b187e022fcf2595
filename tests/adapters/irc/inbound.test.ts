import { describe, expect, it } from 'vitest';
import { readParty } from '../../../adapters/irc/addresses.ts';
import { readEvent, stripFormatting, type InboundContext } from '../../../adapters/irc/receive/inbound.ts';
import { accountId } from '../../../shared/ids.ts';

const context: InboundContext = {
  account: accountId('default'),
  now: 1_000,
  me: 'Herald',
  trustNicks: false,
  lower: (name) => name.toLowerCase(),
  isChannel: (name) => name.startsWith('#'),
  mintId: () => 'minted',
};
const base = { nick: 'Ada', ident: 'u', hostname: 'h', target: 'herald', message: 'hi', tags: {} };

function read(
  event: Record<string, unknown>,
  more: Partial<InboundContext> = {},
  type: 'privmsg' | 'action' = 'privmsg',
) {
  const reading = readEvent(type, { ...base, ...event }, { ...context, ...more });
  return reading.kind === 'message' ? reading.message : reading.reason;
}

describe('who speaks', () => {
  it('is the services account, whatever the nick', () => {
    expect(read({ account: 'AdaL' })).toMatchObject({
      chat: 'account:adal',
      sender: { id: 'account:adal', name: 'Ada', username: 'adal', verified: true, bot: false },
    });
  });

  it.each([[undefined], [''], ['*'], ['0']])('is nobody to rely on with the account %j', (account) => {
    const message = read({ account });
    expect(message).toMatchObject({ sender: { id: 'nick:ada', verified: false } });
    expect(message).not.toHaveProperty('sender.username');
    expect(read({ account }, { trustNicks: true })).toMatchObject({ sender: { id: 'nick:ada', verified: true } });
  });

  it('cannot have a nick that looks like an account or a channel', () => {
    expect(read({ nick: 'account:ada' }, { trustNicks: true })).toMatchObject({ sender: { id: 'nick:account:ada' } });
    expect(readParty('nick:account:ada')).toBeUndefined();
    for (const id of ['nick:a b', 'nick:', 'account:a,b', 'x', '#a b', '#a,b', 'nick:a\r\nQUIT', '', '#a\n'])
      expect(readParty(id), id).toBeUndefined();
    expect(readParty('#herald')).toEqual({ kind: 'channel', name: '#herald' });
  });

  it('is a bot when its server says so', () => {
    expect(read({ tags: { bot: '' } })).toMatchObject({ sender: { bot: true } });
    expect(read({ tags: { 'draft/bot': '' } })).toMatchObject({ sender: { bot: true } });
  });

  it.each([
    [{ nick: 'HERALD' }, 'our own message'],
    [{ from_server: true }, 'sent by a server'],
    [{ nick: '' }, 'sent by a server'],
    [{ target: 'ben' }, 'for somebody else'],
    [{ message: '\u0002 \u000312' }, 'empty'],
    [{ message: undefined }, 'unexpected form'],
    [{ nick: 7 }, 'unexpected form'],
  ])('is left out: %j', (event, reason) => {
    expect(read(event)).toBe(reason);
  });
});

describe('what is said', () => {
  it.each([
    ['herald: what time is it?', true, 'what time is it?'],
    ['Herald, hello', true, 'hello'],
    ['@herald hello', true, 'hello'],
    ['  herald hello', true, 'hello'],
    ['hello herald!', true, 'hello herald!'],
    ['(herald)', true, '(herald)'],
    ['herald', true, 'herald'],
    ['heralds come', false, 'heralds come'],
    ['herald_ is another', false, 'herald_ is another'],
    ['myherald', false, 'myherald'],
    ['talking to others', false, 'talking to others'],
  ])('in a channel: %j', (message, addressed, text) => {
    expect(read({ target: '#Chan', message })).toMatchObject({
      chat: '#chan',
      chatKind: 'group',
      chatTitle: '#Chan',
      addressed,
      text,
    });
  });

  it('knows nicks of odd characters', () => {
    const message = read({ target: '#c', message: 'a[b]^|: hi' }, { me: 'a[b]^|' });
    expect(message).toMatchObject({ addressed: true, text: 'hi' });
  });

  it('is plain text, with actions as such', () => {
    expect(
      stripFormatting('\u0002b\u0002 \u000304,05red\u0003 \u0003 \u0004ff0000x \u001d\u001f\u0016\u001e\u0011\u000f1'),
    ).toBe('b red  x 1');
    expect(read({ message: 'waves' }, {}, 'action')).toMatchObject({ text: '* Ada waves', addressed: true });
  });

  it('may go on when the line is nearly full, in bytes', () => {
    expect(read({ message: 'x'.repeat(339) })).not.toHaveProperty('partial');
    expect(read({ message: '日'.repeat(114) })).toMatchObject({ partial: true });
  });

  it('has the id of its server, or else one by which it is known again, or a new one', () => {
    expect(read({ tags: { msgid: 'abc' }, time: 5 })).toMatchObject({ id: 'abc', sentAt: 5 });
    const timed = read({ time: 5 });
    expect(timed).toEqual(read({ time: 5 }));
    expect(timed).not.toEqual(read({ time: 6 }));
    expect(read({})).toMatchObject({ id: 'minted', sentAt: 1_000 });
  });
});
