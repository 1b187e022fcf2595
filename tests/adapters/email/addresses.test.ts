import { describe, expect, it } from 'vitest';
import { normalizeAddress } from '../../../adapters/email/addresses.ts';
import { readSender } from '../../../adapters/email/inbound/from-field.ts';
import { inboundId, looksOwn, ownMessageId, readMessageIds } from '../../../adapters/email/ids.ts';

describe('normalizeAddress', () => {
  it.each([
    ['Ada@Example.ORG', 'ada@example.org'],
    [' ada+herald@example.org ', 'ada+herald@example.org'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@example.org.', 'ada@example.org'],
    ['jürgen@example.org', 'jürgen@example.org'],
  ])('%s is %s', (raw, normal) => {
    expect(normalizeAddress(raw)).toBe(normal);
  });

  it.each([
    'ada',
    '@example.org',
    'ada@',
    'ada@localhost',
    'ada@[127.0.0.1]',
    'ada@127.0.0.1',
    '"ada lovelace"@example.org',
    'a b@example.org',
    'a@b@example.org',
    '.ada@example.org',
    'ada\u200b@example.org',
    'ada\r\nBcc:x@example.org',
    `${'a'.repeat(65)}@example.org`,
    `ada@${'a.'.repeat(150)}org`,
  ])('%j is none', (raw) => {
    expect(normalizeAddress(raw)).toBeUndefined();
  });
});

describe('readSender', () => {
  it.each([
    ['ada@example.org', 'ada@example.org', undefined],
    ['<ada@example.org>', 'ada@example.org', undefined],
    ['Ada Lovelace <ada@example.org>', 'ada@example.org', 'Ada Lovelace'],
    ['"Lovelace, Ada" <ada@example.org>', 'ada@example.org', 'Lovelace, Ada'],
    ['=?utf-8?q?J=C3=BCrgen?= <j@example.org>', 'j@example.org', 'Jürgen'],
    ['Ada (at work) <ada@example.org> (really)', 'ada@example.org', 'Ada'],
    ['ada@example.org (Ada Lovelace)', 'ada@example.org', undefined],
    // A name that poses as an address is not shown; the address is the one in brackets.
    ['"boss@example.org" <eve@evil.test>', 'eve@evil.test', undefined],
    ['boss@example.org <eve@evil.test>', 'eve@evil.test', undefined],
    ['=?utf-8?b?Ym9zc0BleGFtcGxlLm9yZw==?= <eve@evil.test>', 'eve@evil.test', undefined],
    ['"boss＠example.org" <eve@evil.test>', 'eve@evil.test', undefined],
  ])('%s', (value, address, name) => {
    expect(readSender(value)).toEqual({ address, name });
  });

  it.each([
    '',
    'Ada Lovelace',
    'a@x.test, b@x.test',
    'a@x.test b@x.test',
    'a@x.test; b@x.test',
    'Team: a@x.test;',
    '<a@x.test> <b@x.test>',
    '<a@x.test> b@x.test',
    '<@relay.test:a@x.test>',
    '"<boss@x.test>"@evil.test',
    '=?utf-8?B?PGJvc3NAeC50ZXN0Pg==?=',
    '=?utf-8?q?boss=40x.test?=',
    'Ada <a@x.test',
    '"Ada <a@x.test>',
    'Ada (comment <a@x.test>',
    'Ada\\ <a@x.test>',
    'Ada <a@x.test\0>',
    `Ada <${'a'.repeat(3_000)}@x.test>`,
  ])('%j names no single sender', (value) => {
    expect(readSender(value)).toBeUndefined();
  });
});

describe('ids', () => {
  it('the same Message-ID from two senders is two messages; without one, the bytes decide', () => {
    const bytes = Buffer.from('Subject: a');
    const ids = [
      inboundId('<1@x>', 'ada@x.test', bytes),
      inboundId('<1@x>', 'eve@x.test', bytes),
      inboundId(undefined, 'ada@x.test', bytes),
      inboundId(undefined, 'ada@x.test', Buffer.from('Subject: b')),
    ];
    expect(new Set(ids).size).toBe(4);
    expect(inboundId('<1@x>', 'ada@x.test', Buffer.from('other'))).toBe(ids[0]);
    expect(inboundId(undefined, 'ada@x.test', bytes)).toBe(ids[2]);
  });

  it('a key always gives the same Message-ID, in our domain', () => {
    const id = ownMessageId('turn-1.1', 'bot@example.org');
    expect(ownMessageId('turn-1.1', 'bot@example.org')).toBe(id);
    expect(ownMessageId('turn-1.2', 'bot@example.org')).not.toBe(id);
    expect(ownMessageId('turn-1.1', 'other@example.org')).not.toBe(id);
    expect(looksOwn(id, 'bot@example.org')).toBe(true);
    expect(looksOwn('<herald.1@example.org>', 'bot@example.org')).toBe(false);
    expect(looksOwn(id, 'bot@example.com')).toBe(false);
  });

  it('reads lists of Message-IDs within bounds', () => {
    expect(readMessageIds('<a@x> text <b@x>\t<a@x>, "c@x"')).toEqual(['<a@x>', '<b@x>']);
    expect(readMessageIds('a@x')).toEqual([]);
    expect(readMessageIds(undefined)).toEqual([]);
    expect(readMessageIds(`<${'x'.repeat(500)}@x>`)).toEqual([]);
    const many = Array.from({ length: 3_000 }, (_, i) => `<${i}@x>`);
    const read = readMessageIds(many.join(' '));
    expect(read).toHaveLength(100);
    expect(read[0]).toBe('<0@x>');
  });
});
