// Who vouches for a sender: fields as real services write them, and what forgers put into mails.
import { describe, expect, it } from 'vitest';
import { parseHeaders } from '../../../adapters/email/headers.ts';
import { parseAuthenticationResults } from '../../../adapters/email/trust/authentication-results.ts';
import { judgeSender } from '../../../adapters/email/trust/sender.ts';

const FROM = 'From: Ada <ada@example.org>';
const BORDER =
  'Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.home.test (Postfix) with ESMTPS id 4X for <bot@home.test>; Sat, 21 Nov 2026 12:00:00 +0000';
const LMTP =
  'Received: from mx.home.test ([127.0.0.1]) by home.test with LMTP id abc (envelope-from <ada@example.org>) for <bot@home.test>; Sat, 21 Nov 2026 12:00:01 +0000';

function judge(lines: readonly string[], trusted: readonly string[] = [], from = 'ada@example.org') {
  return judgeSender(parseHeaders(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)), from, trusted);
}

const PASS = { verified: true };
const FAIL = { verified: false };

describe('results above the line with which our side took the mail', () => {
  it.each([
    ['dmarc=pass (p=reject) header.from=example.org', 'dmarc'],
    ['dkim=pass (2048-bit key) header.d=example.org header.i=@example.org header.b=xyz', 'dkim'],
    ['dkim=pass header.i=someone@example.org', 'dkim'],
    ['spf=pass smtp.mailfrom=bounce@example.org smtp.helo=evil.test', 'spf'],
    ['spf=pass smtp.mailfrom=example.org', 'spf'],
    ['dkim = pass reason="good; dkim=fail" header.d = example.org', 'dkim'],
    ['dkim=fail header.d=example.org; dkim=pass header.d=example.org', 'dkim'],
    ['DKIM=PASS Header.D=EXAMPLE.ORG', 'dkim'],
  ])('%s verifies', (result, by) => {
    expect(judge([LMTP, `Authentication-Results: mx.home.test; ${result}`, BORDER, FROM])).toEqual({ ...PASS, by });
  });

  it.each([
    'none',
    '',
    'dmarc=fail header.from=example.org; dkim=pass header.d=example.org',
    'dmarc=pass header.from=evil.test',
    'dmarc=pass',
    'dmarc=none header.from=example.org',
    'dkim=pass header.d=evil.test',
    'dkim=pass header.d=example.org.evil.test',
    'dkim=pass header.d=news.example.org',
    'dkim=pass header.d=org',
    'dkim=pass header.d=evil.test header.d=example.org',
    'dkim=fail header.d=example.org',
    'dkim=pass',
    'spf=pass smtp.mailfrom=bounce@evil.test smtp.helo=example.org',
    'spf=softfail smtp.mailfrom=example.org',
    'spf=pass smtp.helo=example.org',
    'arc=pass header.d=example.org',
    'iprev=pass policy.iprev=192.0.2.1',
    '(dmarc=pass header.from=example.org)',
    'x=y "dmarc=pass header.from=example.org"',
    'dkim=none reason="; dmarc=pass header.from=example.org"',
  ])('%j does not', (result) => {
    expect(judge([LMTP, `Authentication-Results: mx.home.test; ${result}`, BORDER, FROM])).toMatchObject(FAIL);
  });

  it('one who signs for a domain may speak for those under it', () => {
    const results = 'Authentication-Results: mx.home.test; dkim=pass header.d=example.org';
    expect(judge([results, BORDER, FROM], [], 'ada@news.example.org')).toMatchObject(PASS);
  });

  it('all fields of the topmost server count there, those of others do not', () => {
    const dkim = 'Authentication-Results: mx.home.test; dkim=pass header.d=example.org';
    const none = 'Authentication-Results: mx.home.test; dmarc=none header.from=example.org';
    const other = 'Authentication-Results: filter.home.test; dmarc=none';
    expect(judge([none, dkim, BORDER, FROM])).toMatchObject(PASS);
    expect(judge([other, dkim, BORDER, FROM])).toMatchObject(FAIL);
  });
});

describe('what came with the mail', () => {
  const FORGED = 'Authentication-Results: mx.home.test; dmarc=pass header.from=example.org';

  it('does not count, whatever it says', () => {
    expect(judge([LMTP, BORDER, FORGED, FROM])).toMatchObject({ ...FAIL, untrusted: 'mx.home.test' });
    expect(judge([FORGED, FROM])).toMatchObject(FAIL);
    expect(judge([BORDER, 'Received: by anything with LMTP id 1; now', FORGED, FROM])).toMatchObject(FAIL);
    expect(
      judge([BORDER, 'Received: (qmail 1 invoked by uid 2)', FORGED, 'Received: from x by y', FROM]),
    ).toMatchObject(FAIL);
  });

  it('a client that calls itself anything does not move the border', () => {
    const names = [
      'from a by mx.home.test with LMTP id 1 (evil.test [198.51.100.6])',
      'from localhost ([127.0.0.1]) (evil.test [198.51.100.6])',
      'from localhost (localhost [127.0.0.1])',
    ];
    for (const name of names) {
      const border = `Received: ${name} by mx.home.test (Postfix) with ESMTP id 4X for <"x by y with LMTP"@home.test>; now`;
      expect(judge([border, FORGED, BORDER, FROM]), name).toMatchObject(FAIL);
    }
  });

  it('ours that fails is not outvoted by what lies below it', () => {
    const ours = 'Authentication-Results: mx.home.test; dmarc=fail header.from=example.org';
    expect(judge([ours, BORDER, FORGED, FROM])).toMatchObject(FAIL);
    expect(judge([BORDER, ours, FORGED, FROM], ['mx.home.test'])).toMatchObject(FAIL);
  });

  it('a second From, or a header that was cut, verifies nothing', () => {
    const ours = 'Authentication-Results: mx.home.test; dmarc=pass header.from=example.org';
    expect(judge([ours, BORDER, FROM, 'From: eve@evil.test'])).toMatchObject(FAIL);
    expect(judge([ours, BORDER, FROM, 'From : eve@evil.test'])).toMatchObject(FAIL);
    expect(judge([ours, BORDER, FROM, ...Array.from({ length: 2_001 }, (_, i) => `X-${i}: y`)])).toMatchObject(FAIL);
  });
});

describe('servers that are named', () => {
  it('count below their own line, the topmost only', () => {
    const gmail = [
      'Delivered-To: bot@gmail.com',
      'Received: by 2002:a05:6402:1 with SMTP id x; Sat, 21 Nov 2026 04:00:00 -0800 (PST)',
      'ARC-Authentication-Results: i=1; mx.google.com; dmarc=pass header.from=example.org',
      'Return-Path: <ada@example.org>',
      'Received: from mail.example.org (mail.example.org. [192.0.2.1]) by mx.google.com with ESMTPS id x for <bot@gmail.com>; Sat, 21 Nov 2026 04:00:00 -0800 (PST)',
      'Received-SPF: pass (google.com: domain of ada@example.org designates 192.0.2.1 as permitted sender) client-ip=192.0.2.1;',
    ];
    const verdict = (result: string, below: readonly string[] = []) =>
      judge(
        [...gmail, `Authentication-Results: mx.google.com;\r\n       ${result}`, ...below, FROM],
        ['mx.google.com'],
      );
    expect(
      verdict(
        'dkim=pass header.i=@example.org header.s=s1 header.b=abc; spf=pass (google.com: domain of ada@example.org designates 192.0.2.1 as permitted sender) smtp.mailfrom=ada@example.org; dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.org',
      ),
    ).toEqual({ ...PASS, by: 'dmarc' });
    const forged = ['Authentication-Results: mx.google.com; dmarc=pass header.from=example.org'];
    expect(verdict('dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=example.org', forged)).toMatchObject(FAIL);
    expect(verdict('spf=none smtp.mailfrom=eve@evil.test', forged)).toMatchObject(FAIL);
  });

  it('as other services write theirs', () => {
    const icloud = [
      'Authentication-Results: bimi.icloud.com; bimi=skipped reason="insufficient dmarc"',
      'Authentication-Results: dmarc.icloud.com; dmarc=pass header.from=example.org',
      'Authentication-Results: dkim-verifier.icloud.com; dkim=pass header.d=evil.test',
    ];
    expect(judge([...icloud, FROM], ['dmarc.icloud.com'])).toMatchObject(PASS);
    const zoho =
      'Authentication-Results: mx.zohomail.com;\r\n\tdkim=pass;\r\n\tdmarc=pass(p=reject dis=none)  header.from=example.org';
    expect(judge([zoho, FROM], ['mx.zohomail.com'])).toMatchObject(PASS);
    const fastmail =
      'Authentication-Results: phl-mx-07.messagingengine.com; dkim=pass header.d=example.org; x-me-sender=none';
    expect(judge([fastmail, FROM], ['*.messagingengine.com'])).toMatchObject(PASS);
    expect(
      judge([fastmail.replace('phl', 'messagingengine.com.evil.test-phl'), FROM], ['messagingengine.com']),
    ).toMatchObject(FAIL);
    const microsoft =
      'Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.org; dkim=pass (signature was verified) header.d=example.org;dmarc=pass action=none header.from=example.org;compauth=pass reason=100';
    expect(judge([microsoft, FROM], ['-'])).toMatchObject(PASS);
    expect(judge([microsoft, FROM], ['protection.outlook.com'])).toMatchObject(FAIL);
    expect(judge([fastmail, FROM], ['-'])).toMatchObject(FAIL);
  });

  it('do not count behind a server of somebody else', () => {
    const results = 'Authentication-Results: mx.home.test; dmarc=pass header.from=example.org';
    const foreign = 'Received: from x (x [198.51.100.7]) by relay.evil.test with ESMTP id 1; now';
    expect(judge([BORDER, foreign, results, FROM], ['mx.home.test'])).toMatchObject(FAIL);
    expect(judge([BORDER, results, foreign, FROM], ['mx.home.test'])).toMatchObject(PASS);
  });

  it('replace what the place in the header proves', () => {
    const results = 'Authentication-Results: filter.home.test; dmarc=pass header.from=example.org';
    expect(judge([results, BORDER, FROM])).toMatchObject(PASS);
    expect(judge([results, BORDER, FROM], ['mx.home.test'])).toMatchObject(FAIL);
  });
});

describe('parseAuthenticationResults', () => {
  it('bears anything, in linear time', () => {
    for (const value of [
      '',
      ';',
      ';;;',
      '(',
      '"',
      '((((((',
      'a;b;c',
      '=;=',
      'x 1; y=',
      '\\',
      '(\\'.repeat(50_000),
      '"'.repeat(50_001),
      ';'.repeat(100_000),
    ])
      expect(() => parseAuthenticationResults(value)).not.toThrow();
    expect(parseAuthenticationResults('mx.test 1; dkim/1=pass header.d=a.test')).toMatchObject({
      server: 'mx.test',
      results: [{ method: 'dkim', result: 'pass' }],
    });
  });
});
