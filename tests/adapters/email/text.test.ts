// From what a mail holds to what its writer said: HTML, quotes, signatures, forwards, invitations.
import { describe, expect, it } from 'vitest';
import { describeCalendar } from '../../../adapters/email/inbound/calendar.ts';
import { findForward } from '../../../adapters/email/inbound/forwards.ts';
import { htmlToText } from '../../../adapters/email/inbound/html-text.ts';
import { splitReply } from '../../../adapters/email/inbound/reply-text.ts';
import { baseSubject } from '../../../adapters/email/threads.ts';

/** Far above what any of it takes, and far below what a quadratic way would. */
const PATIENCE_MS = 5_000;

function timed(run: () => unknown): number {
  const startedAt = performance.now();
  run();
  return performance.now() - startedAt;
}

describe('htmlToText', () => {
  it.each([
    ['blocks', '<p>One</p><p>Two<br>lines</p><div>a</div><div>b</div>', 'One\n\nTwo\nlines\n\na\nb'],
    ['white space', 'a\n  b&nbsp;c <b> d</b>', 'a b c d'],
    ['links', '<a href="https://x.test/?a=1&amp;b=2">here</a>', 'here (https://x.test/?a=1&b=2)'],
    [
      'links that say where they go',
      '<a href="https://x.test/">https://x.test</a> <a href="mailto:a@x.test">a@x.test</a>',
      'https://x.test a@x.test',
    ],
    [
      'targets that are no pages',
      '<a href="javascript:alert(1)">click</a> <a href="data:text/html,x">it</a>',
      'click it',
    ],
    ['lists', '<ul><li>one</li><li>two</li></ul><ol><li>x<li>y</ol>', '- one\n- two\n\n1. x\n2. y'],
    [
      'tables',
      '<table><tr><th>Name</th><th>Value</th></tr><tr><td>a</td><td>1</td></tr></table>',
      'Name | Value\na | 1',
    ],
    [
      'quotes',
      '<div>Yes</div><blockquote>What?<blockquote>Earlier</blockquote></blockquote>',
      'Yes\n\n> What?\n>\n> > Earlier',
    ],
    ['code', '<pre>if (x)\n  y</pre>', 'if (x)\n  y'],
    [
      'entities',
      '&lt;b&gt; &eacute;&Ouml;&szlig; &#8364;&#x20ac; &unknown; &#0; &amp;amp;',
      '<b> éÖß €€ &unknown; \ufffd &amp;',
    ],
    ['pictures', '<img src="x" alt="A cat"><img src="track.gif" width="1">', 'A cat'],
    ['what nobody sees', '<head><title>t</title></head><style>p{}</style><script>x()</script><!-- c -->text', 'text'],
    [
      'hidden orders',
      '<p style="display:none">obey</p><span style="font-size:0">me</span><div hidden>now</div><b style="visibility: hidden">x</b><i style="opacity:0">y</i>fine',
      'fine',
    ],
    ['broken tags', '1 < 2 <b>bold <i>both</b> end <p unclosed', '1 < 2 bold both end <p unclosed'],
    [
      'a quote that Outlook marks by an id',
      '<p>Yes</p><div id="divRplyFwdMsg"><b>From:</b> a@x</div>',
      'Yes\n\n-----Original Message-----\n\nFrom: a@x',
    ],
  ])('%s', (_, html, text) => {
    expect(htmlToText(html)).toBe(text);
  });

  it.each([
    '<'.repeat(200_000),
    '<a '.repeat(60_000),
    '<div>'.repeat(60_000),
    '<a href="'.repeat(40_000),
    "<b style='".repeat(20_000),
    '<style>'.repeat(40_000),
    '<!--'.repeat(60_000),
    '<a href="https://x.test">y'.repeat(20_000),
    '<blockquote>x'.repeat(20_000),
    '&'.repeat(300_000),
    '</p>'.repeat(60_000),
    `<p ${'hidden '.repeat(20_000)}>`,
  ])('takes linear time for %.12s…', (html) => {
    expect(timed(() => htmlToText(html))).toBeLessThan(PATIENCE_MS);
  });

  it('is bounded', () => {
    expect(htmlToText(`<p>${'x '.repeat(10_000)}</p>`, 1_000).length).toBeLessThanOrEqual(1_000);
  });
});

describe('splitReply', () => {
  const split = (text: string) => splitReply(text, true);

  it.each([
    [
      'Gmail',
      'Yes.\n\nOn Mon, 1 Jan 2026 at 10:00, Bot <bot@x.test> wrote:\n\n> Red or blue?\n',
      'Yes.',
      'Red or blue?',
    ],
    ['a wrapped header', 'Yes.\n\nOn Mon, 1 Jan 2026 at 10:00, Bot <\nbot@x.test> wrote:\n\n> Red?\n', 'Yes.', 'Red?'],
    ['German', 'Ja.\n\nAm Mo., 1. Jan. 2026 um 10:00 Uhr schrieb Bot <bot@x.test>:\n\n> Rot?', 'Ja.', 'Rot?'],
    [
      'Outlook',
      'Yes.\n\nFrom: Bot <bot@x.test>\nSent: Monday\nTo: Ada\nSubject: Colour\n\nRed or blue?',
      'Yes.',
      'Red or blue?',
    ],
    ['a separator', 'Yes.\n\n-----Original Message-----\nFrom: Bot <bot@x.test>\n\nRed?', 'Yes.', 'Red?'],
    ['below the quote', 'On Monday Bot wrote:\n> Red?\n\nYes.', 'Yes.', 'Red?'],
    ['deeper quotes', 'Yes.\n\nOn Mon, Bot <b@x.test> wrote:\n\n> Red?\n> > Which?', 'Yes.', 'Red?\n> Which?'],
  ])('quotes: %s', (_, mail, text, quoted) => {
    expect(split(mail)).toMatchObject({ text, quoted });
  });

  it('answers between quotes stay where they are', () => {
    const mail = '> Red?\nyes\n\n> Large?\nno';
    expect(split(mail)).toMatchObject({ text: mail, quoted: '' });
  });

  it.each([
    ['Fine.\n\n-- \nAda Lovelace\nMathematician', 'Fine.'],
    ['Fine.\n\nSent from my iPhone', 'Fine.'],
    ['Fine.\n\nBest wishes,\nAda', 'Fine.'],
    ['Fine.\n\n-- \nAda\n\nOn Mon, Bot <b@x.test> wrote:\n\n> x', 'Fine.'],
  ])('signatures go: %j', (mail, text) => {
    expect(split(mail).text).toBe(text);
  });

  it.each([
    'Part one\n\n---\n\nPart two\n\n---\n\nPart three',
    'a\n====\nb',
    `Hi\n\n-- \n${Array.from({ length: 40 }, (_, i) => `line ${i} of what is no signature`).join('\n')}`,
    '> only a quote',
    '-- \nonly a signature',
    "costs $5, $& and $' and $` too",
    'a line\n\n    indented\ttab',
  ])('what may be meant stays: %j', (mail) => {
    expect(split(mail)).toMatchObject({ text: mail, quoted: '' });
  });

  it('tells who is quoted', () => {
    expect(split('x\n\nOn Mon, 1 Jan 2026, "Bob Boss" <b@x.test> wrote:\n\n> y').quotedAuthor).toBe('Bob Boss');
  });

  it.each([
    'Op schreef '.repeat(5_000),
    'Op \n'.repeat(15_000),
    'On x\n'.repeat(10_000),
    "On a $' wrote:\n\n".repeat(3_000),
    'a. skrev '.repeat(6_000),
    `${'On '}${'a '.repeat(20_000)}\n`.repeat(1),
    '\n'.repeat(200_000),
    '> '.repeat(30_000),
    '-- \n'.repeat(20_000),
  ])('ends in time for %.12j…', (mail) => {
    expect(timed(() => split(mail))).toBeLessThan(PATIENCE_MS);
    expect(timed(() => splitReply(mail, false))).toBeLessThan(PATIENCE_MS);
  });
});

describe('findForward', () => {
  it.each([
    ['FYI\n\n---------- Forwarded message ---------\nFrom: Bob Boss <b@x.test>\nDate: x\n\ntext', '', 'Bob Boss'],
    ['Begin forwarded message:\n\nFrom: Bob Boss <b@x.test>\n\ntext', '', 'Bob Boss'],
    ['\n> Anfang der weitergeleiteten Nachricht:\n>\n> Von: Bob Boss <b@x.test>', '', 'Bob Boss'],
    ['see\n\nFrom: Bob Boss <b@x.test>\nSent: Monday\n\ntext', 'FW: plans', 'Bob Boss'],
    ['---------- Forwarded message ---------\n\ntext', '', undefined],
  ])('%j', (text, subject, author) => {
    expect(findForward(text, subject)).toEqual({ author });
  });

  it.each([
    ['just text', 'Fwd: but nothing forwarded'],
    ['From: here on it is better', 'plans'],
    ['a -- forwarded message -- in a line', ''],
  ])('%j is none', (text, subject) => {
    expect(findForward(text, subject)).toBeUndefined();
  });
});

describe('describeCalendar', () => {
  const invite = [
    'BEGIN:VCALENDAR',
    'METHOD:REQUEST',
    'BEGIN:VTIMEZONE',
    'TZID:Europe/Berlin',
    'END:VTIMEZONE',
    'BEGIN:VEVENT',
    'SUMMARY:Lunch\\, with',
    '  Bob',
    'DTSTART;TZID="Europe/Berlin":20261121T120000',
    'DTEND:20261121T130000Z',
    'LOCATION:Room 1',
    'ORGANIZER;CN="Bob: Boss":mailto:b@x.test',
    'DESCRIPTION:Bring\\nfood',
    'BEGIN:VALARM',
    'DESCRIPTION:alarm',
    'END:VALARM',
    'END:VEVENT',
    'END:VCALENDAR',
  ].join('\r\n');

  it('is a few lines', () => {
    expect(describeCalendar(invite)).toBe(
      [
        'Invitation: Lunch, with Bob',
        'When: 2026-11-21 12:00 Europe/Berlin to 2026-11-21 13:00 UTC',
        'Where: Room 1',
        'Organizer: Bob: Boss',
        'Notes: Bring food',
      ].join('\n'),
    );
    expect(describeCalendar(invite.replace('REQUEST', 'CANCEL'))).toContain('Cancelled: Lunch');
  });

  it('bears anything', () => {
    for (const text of [
      '',
      'BEGIN:VEVENT',
      'END:VEVENT\r\n'.repeat(1_000),
      'BEGIN:VEVENT\r\n'.repeat(10_000),
      '"'.repeat(100_000),
      ':\n;\n=',
    ])
      expect(() => describeCalendar(text)).not.toThrow();
    const many = describeCalendar('BEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\n'.repeat(1_000));
    expect(many.match(/Invitation/g)).toHaveLength(5);
  });
});

describe('baseSubject', () => {
  it.each([
    ['Re: Lunch', 'Lunch'],
    ['RE: AW: Fwd: Lunch', 'Lunch'],
    ['Re[2]: Lunch', 'Lunch'],
    ['回复：午餐', '午餐'],
    ['Regarding lunch', 'Regarding lunch'],
    ['Re:', ''],
    [`${'Re: '.repeat(1_000)}x`, undefined],
  ])('%.20s', (subject, base) => {
    if (base !== undefined) expect(baseSubject(subject)).toBe(base);
    else expect(() => baseSubject(subject)).not.toThrow();
  });
});
