import { describe, expect, it } from 'vitest';
import { readEnvelope } from '../../../adapters/email/inbound/read-mail.ts';
import { parseHeaders } from '../../../adapters/email/headers.ts';

const OWN = new Set(['bot@home.test', 'alias@home.test']);
const read = (lines: readonly string[]) =>
  readEnvelope(parseHeaders(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)), OWN);

describe('mails that no person wrote to us', () => {
  it.each([
    ['Auto-Submitted: auto-generated'],
    ['Auto-Submitted: auto-replied; owner-email="x"'],
    ['Auto-submitted: AUTO-NOTIFIED'],
    ['Precedence: bulk'],
    ['precedence: List'],
    ['Precedence: junk'],
    ['List-Id: <x.test>'],
    ['List-Unsubscribe: <mailto:x@x.test>'],
    ['Return-Path: <>'],
    ['Return-Path: < >'],
    ['X-Auto-Response-Suppress: All'],
    ['X-Auto-Response-Suppress: DR, OOF, AutoReply'],
    ['X-Autoreply: yes'],
    ['X-Failed-Recipients: a@x.test'],
    ['Content-Type: multipart/report; report-type=delivery-status'],
    ['X-Loop: bot@home.test'],
  ])('%s', (line) => {
    expect(read(['From: ada@example.org', line])).toMatchObject({ kind: 'ignored' });
  });

  it.each([
    'noreply@x.test',
    'no-reply@x.test',
    'NO-REPLY+17@x.test',
    'donotreply@x.test',
    'do-not-reply@x.test',
    'MAILER-DAEMON@x.test',
    'postmaster@x.test',
    'bounces+123=x@x.test',
    'noreply-calendar@x.test',
    'Bot@Home.test',
    'alias@home.test',
  ])('from %s', (from) => {
    expect(read([`From: ${from}`])).toMatchObject({ kind: 'ignored' });
  });

  it.each([
    ['Auto-Submitted: no'],
    ['Auto-Submitted: No (a comment)'],
    ['Precedence: normal'],
    ['Return-Path: <ada@example.org>'],
    ['X-Auto-Response-Suppress: DR, RN, NRN'],
    ['Content-Type: multipart/mixed; boundary=report'],
    ['X-Loop: somebody@else.test'],
  ])('%s is a person', (line) => {
    expect(read(['From: ada@example.org', line])).toMatchObject({ kind: 'from', from: { address: 'ada@example.org' } });
  });

  it.each(['bouncer@x.test', 'noah@x.test', 'replyto@x.test', 'postmasters@x.test'])('%s is a person', (from) => {
    expect(read([`From: ${from}`])).toMatchObject({ kind: 'from' });
  });
});
