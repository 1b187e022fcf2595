import { expect, it } from 'vitest';
import { makeRedactor } from '../../shared/redact.ts';

it('masks known secrets wherever they stand, and learns new ones', () => {
  const redactor = makeRedactor(['correct-horse']);
  redactor.add('battery-staple');
  expect(redactor.redact('key=correct-horse;x=battery-staple')).toBe('key=[redacted];x=[redacted]');
});

it.each([
  '123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1',
  `sk-ant-${'a1'.repeat(20)}`,
  'xoxb-1234567890-abcdefghij',
  'Bearer abcdefghijklmnopqrstuvwxyz',
  '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----',
])('masks what is shaped like a secret: %s', (secret) => {
  expect(makeRedactor().redact(`before ${secret} after`)).toBe('before [redacted] after');
});

it('leaves ordinary text alone', () => {
  const text = 'At 12:30 I wrote 4 mails; ask-me-anything-about-it. Bearer of news.';
  expect(makeRedactor(['abc']).redact(text)).toBe(text);
});

it('masks the whole of a secret that begins with another one', () => {
  const short = 'hunter2';
  const long = `${short}-production`;
  expect(makeRedactor([short, long]).redact(`a ${long} b ${short} c`)).toBe('a [redacted] b [redacted] c');
});

it('masks a secret in the form that JSON gives it, as in a line of the log', () => {
  const secret = 'pass"word\\with signs';
  const redactor = makeRedactor([secret]);
  expect(redactor.redact(JSON.stringify({ msg: `tried ${secret}` }))).toBe('{"msg":"tried [redacted]"}');
});

it('takes time in proportion to the text when keys begin and never end', () => {
  const redactor = makeRedactor();
  const hostile = '-----BEGIN PRIVATE KEY-----'.repeat(40_000);
  const startedAt = performance.now();
  expect(redactor.redact(hostile)).toBe(hostile);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
