// Sending over real servers: what arrives, where it is kept, what is known of it after a crash, and what refusals mean.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeEmailAdapter } from '../../../adapters/email/adapter.ts';
import { makeLimiter } from '../../../adapters/email/outbound/limiter.ts';
import { renderHtml } from '../../../adapters/email/outbound/render-html.ts';
import { emailSettings } from '../../../adapters/email/settings.ts';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { accountId, chatId } from '../../../shared/ids.ts';
import type { Address, StoredFile } from '../../../shared/messages.ts';
import { makeRecordingHost, type RecordingHost } from '../../contracts/adapter-host.ts';
import { KITCHEN_SINK } from '../../contracts/adapter-outbound.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { describeWithMail } from '../../support/mail/describe.ts';
import { withMailbox } from '../../support/mail/imap-user.ts';
import { MAIL_DOMAIN, MAX_MAIL_BYTES } from '../../support/mail/postfix.ts';
import { startScriptedSmtp, type ScriptedSmtp, type SmtpScript } from '../../support/mail/scripted-smtp.ts';
import type { MailServer } from '../../support/mail/server.ts';
import { openMailRig, type MailRig } from './rig.ts';

const signal = () => AbortSignal.timeout(20_000);
const OWN_ID = /^<herald\.[0-9a-f]{32}@herald\.test>$/;

async function withRig(server: MailServer, run: (rig: MailRig) => Promise<void>): Promise<void> {
  const rig = await openMailRig(server);
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

async function mailsOf(server: MailServer, user: string, folder = ''): Promise<readonly (Email & { raw: string })[]> {
  await server.settle();
  return Promise.all(
    server.mails(user, folder).map(async (raw) => ({ ...(await PostalMime.parse(raw)), raw: raw.toString('latin1') })),
  );
}

const header = (mail: Email | undefined, name: string) => mail?.headers.find(({ key }) => key === name)?.value;

async function eventually<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (let i = 0; i < 250; i++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it did not happen');
}

function storeFile(folder: string, name: string, bytes: Buffer): StoredFile {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return { kind: 'document', path: file, name, mime: 'application/octet-stream', bytes: bytes.length };
}

describeWithMail('sending', (server) => {
  it('an answer belongs to its conversation, as text and HTML, and says that a machine wrote it', () =>
    withRig(server(), async (rig) => {
      const { adapter, record } = await rig.start();
      await rig.say({ text: 'What is 6 times 7?' }, { subject: 'Sums ✅' });
      await record.waitUntil(() => record.received.length === 1);
      const thread = record.received[0]?.thread;
      const at: Address = { ...rig.at(rig.adaAddress), ...(thread !== undefined && { thread }) };
      await adapter.send(at, makeOutbound('It is **42**.\n\n| a | b |\n| - | - |\n| 1 | `x<y` |'), signal());
      await adapter.send(at, makeOutbound('And that is all.'), signal());
      const [first, second] = await mailsOf(server(), rig.ada);
      expect(first).toMatchObject({
        subject: 'Re: Sums ✅',
        from: { name: 'Herald', address: rig.address },
        inReplyTo: thread,
        references: thread,
      });
      expect(first?.messageId).toMatch(OWN_ID);
      expect(first?.text).toContain('It is 42.');
      expect(first?.html).toContain('<b>42</b>');
      expect(first?.html).toContain('x&lt;y</code></td>');
      expect(header(first, 'auto-submitted')).toBe('auto-replied');
      expect(header(first, 'x-auto-response-suppress')).toBe('All');
      expect(second).toMatchObject({ subject: 'Re: Sums ✅', inReplyTo: thread, references: thread });
      // The person goes on, and so does the thread.
      const answered = `${first?.messageId}`;
      await rig.say(
        { text: 'and 6 times 8?', at: rig.at(rig.adaAddress, thread) },
        { subject: 'Re: Sums ✅', headers: { 'In-Reply-To': answered } },
      );
      await record.waitUntil(() => record.received.length === 2);
      expect(record.received[1]).toMatchObject({
        thread,
        text: 'and 6 times 8?',
        replyTo: { message: answered, mine: true },
      });
      await adapter.send(at, makeOutbound('48'), signal());
      const last = (await mailsOf(server(), rig.ada)).at(-1);
      expect(last?.references?.split(/\s+/)).toEqual([thread, answered, second?.messageId, last?.inReplyTo]);
      expect(last?.inReplyTo).toMatch(/^<mail2\.\d+@person\.test>$/);
    }));

  it('a message of its own begins a conversation, and the answer to it is known', () =>
    withRig(server(), async (rig) => {
      const first = await rig.start();
      const sent = await first.adapter.send(
        rig.at(rig.adaAddress),
        makeOutbound('# Good morning\n\nIt rains.'),
        signal(),
      );
      const [mail] = await mailsOf(server(), rig.ada);
      expect(mail).toMatchObject({ subject: 'Good morning', messageId: sent.ok ? sent.ids[0] : '' });
      expect(mail?.inReplyTo).toBeUndefined();
      expect(header(mail, 'auto-submitted')).toBe('auto-generated');
      await first.adapter.stop();
      const { adapter, record } = await rig.start({ cursors: first.record.cursors });
      await rig.say({ text: 'thanks', replyTo: sent.ok ? sent.ids[0] : undefined });
      await record.waitUntil(() => record.received.length === 1);
      const thread = record.received[0]?.thread;
      expect(thread).toBe(mail?.messageId);
      await adapter.send(
        { ...rig.at(rig.adaAddress), ...(thread !== undefined && { thread }) },
        makeOutbound('You are welcome.'),
        signal(),
      );
      expect((await mailsOf(server(), rig.ada)).at(-1)?.subject).toBe('Re: Good morning');
    }));

  it('a copy is kept in the Sent folder, or not, by setting', () =>
    withRig(server(), async (rig) => {
      const { adapter } = await rig.start();
      await adapter.send(rig.at(rig.adaAddress), makeOutbound('keep this'), signal());
      const copy = await eventually(async () => (await mailsOf(server(), rig.bot, 'Sent'))[0]);
      const [mail] = await mailsOf(server(), rig.ada);
      expect(copy).toMatchObject({ messageId: mail?.messageId, subject: 'keep this' });
      await adapter.stop();
      const never = await rig.start(undefined, { settings: { save_sent: 'never' } });
      await never.adapter.send(rig.at(rig.adaAddress), makeOutbound('not this'), signal());
      await never.adapter.stop();
      expect(await mailsOf(server(), rig.bot, 'Sent')).toHaveLength(1);
    }));

  it('files and names of all kinds arrive; what is too large is refused and said so', () =>
    withRig(server(), async (rig) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'herald-mail-files-'));
      try {
        const { adapter } = await rig.start();
        const small = storeFile(folder, 'Grüße 日本 "x".txt', Buffer.from('hello'));
        await adapter.send(rig.at(rig.adaAddress), { ...makeOutbound('see'), files: [small] }, signal());
        const [mail] = await mailsOf(server(), rig.ada);
        expect(mail?.attachments.map((one) => one.filename)).toEqual(['Grüße 日本 "x".txt']);
        const large = storeFile(folder, 'large.bin', Buffer.alloc(MAX_MAIL_BYTES));
        const refused = await adapter.send(
          rig.at(rig.adaAddress),
          { ...makeOutbound('see'), files: [large] },
          signal(),
        );
        expect(refused).toMatchObject({ ok: false, code: 'too_long', reached: 'no' });
        const larger = storeFile(folder, 'larger.bin', Buffer.alloc(26 * 1024 * 1024));
        const hopeless = await adapter.send(
          rig.at(rig.adaAddress),
          { ...makeOutbound('see'), files: [larger] },
          signal(),
        );
        expect(hopeless).toMatchObject({ ok: false, code: 'too_long', reached: 'no' });
        expect(await mailsOf(server(), rig.ada)).toHaveLength(1);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }));

  it('goes to people only', () =>
    withRig(server(), async (rig) => {
      const { adapter } = await rig.start();
      for (const [chat, code] of [
        ['nobody', 'not_found'],
        ['a@b@c', 'not_found'],
        ['ada@herald.test\r\nRCPT TO:<eve@evil.test>', 'not_found'],
        [rig.address, 'bad_request'],
        ['ada@elsewhere.test', undefined],
      ] as const) {
        const result = await adapter.send({ ...rig.at(chat) }, makeOutbound('x'), signal());
        if (code !== undefined) expect(result).toMatchObject({ ok: false, code, reached: 'no' });
      }
      expect(await adapter.openDm?.(rig.at('Ada@Herald.TEST').chat as never)).toMatchObject({
        chat: 'ada@herald.test',
      });
      expect(await adapter.openDm?.('no address' as never)).toBeUndefined();
    }));

  describe('after a crash', () => {
    it('what was cut off is known to be unknown, and what was not begun can be sent again', () =>
      withRig(server(), async (rig) => {
        const { adapter, record } = await rig.start();
        const at = rig.at(rig.adaAddress);
        const find = (key: string) => adapter.find?.(at, key);
        expect(await find('never-begun')).toBeUndefined();

        const lost = makeOutbound('the answer to this got lost');
        rig.smtp.dropAnswer();
        expect(await adapter.send(at, lost, signal())).toMatchObject({ ok: false, reached: 'maybe' });
        expect(await find(lost.key)).toMatchObject({ ok: false, reached: 'maybe', code: 'unsupported' });

        const cut = makeOutbound('the end of this got lost');
        rig.smtp.dropBeforeEnd();
        expect(await adapter.send(at, cut, signal())).toMatchObject({ ok: false, reached: 'maybe' });
        expect(await find(cut.key)).toMatchObject({ ok: false, reached: 'maybe', code: 'unsupported' });

        const sent = makeOutbound('this went out');
        const result = await adapter.send(at, sent, signal());
        expect(await find(sent.key)).toEqual(result);
        await adapter.stop();
        // As a new process finds it.
        const again = await rig.start({ cursors: record.cursors });
        expect(await again.adapter.find?.(at, sent.key)).toEqual(result);
        expect(await again.adapter.find?.(at, lost.key)).toMatchObject({ ok: false, reached: 'maybe' });
      }));

    it('a copy in the Sent folder settles it', () =>
      withRig(server(), async (rig) => {
        const { adapter } = await rig.start();
        const at = rig.at(rig.adaAddress);
        const lost = makeOutbound('taken, and saved by the service');
        rig.smtp.dropAnswer();
        await adapter.send(at, lost, signal());
        const raw = await eventually(async () => (await mailsOf(server(), rig.ada))[0]?.raw);
        await withMailbox(server(), rig.bot, (client) => client.append('Sent', Buffer.from(raw, 'latin1')));
        expect(await adapter.find?.(at, lost.key)).toMatchObject({ ok: true });
      }));

    it('while the mailbox cannot be asked, it is asked later', () =>
      withRig(server(), async (rig) => {
        const { adapter } = await rig.start();
        const at = rig.at(rig.adaAddress);
        const lost = makeOutbound('lost');
        rig.smtp.dropAnswer();
        await adapter.send(at, lost, signal());
        await rig.imap.goAway();
        expect(await adapter.find?.(at, lost.key)).toMatchObject({ ok: false, code: 'unreachable', reached: 'maybe' });
        await rig.imap.comeBack();
      }));

    it('nothing is sent that could not be written down before', () =>
      withRig(server(), async (rig) => {
        const { adapter, record } = await rig.start();
        record.host.cursor.set = async () => {
          throw new Error('the disk is full');
        };
        const result = await adapter.send(rig.at(rig.adaAddress), makeOutbound('must not go out'), signal());
        expect(result).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
        expect(await mailsOf(server(), rig.ada)).toEqual([]);
      }));
  });
});

describe('what a mail server answers', () => {
  let smtp: ScriptedSmtp;
  let record: RecordingHost;
  beforeEach(async () => {
    smtp = await startScriptedSmtp();
    record = makeRecordingHost();
  });
  afterEach(async () => {
    await record.close();
    await smtp.close();
  });

  async function sendWith(script: SmtpScript, key = 'k1') {
    smtp.script = script;
    const adapter = makeEmailAdapter({
      platform: 'email',
      account: accountId('bot@herald.test'),
      settings: emailSettings.parse({
        address: 'bot@herald.test',
        password: 'a-secret-password',
        imap: { host: '127.0.0.1', port: 1, tls: 'none' },
        smtp: { host: '127.0.0.1', port: smtp.port, tls: 'none' },
      }),
      fetch,
    });
    await adapter.start(record.host);
    try {
      const to: Address = {
        platform: 'email',
        account: accountId('x'),
        chat: chatId(`ada@${MAIL_DOMAIN}`),
        kind: 'dm',
      };
      const result = await adapter.send(to, { ...makeOutbound('hello'), key }, signal());
      return { result, found: await adapter.find?.(to, key) };
    } finally {
      await adapter.stop();
    }
  }

  it.each<[SmtpScript, string, string]>([
    [{ greeting: '554 no' }, 'bad_request', 'no'],
    [{ greeting: '421 4.3.2 busy' }, 'unreachable', 'no'],
    [{ greeting: '' }, 'unreachable', 'no'],
    [{ auth: '535 5.7.8 bad login a-secret-password' }, 'auth', 'no'],
    [{ auth: '534 5.7.9 app password needed' }, 'auth', 'no'],
    [{ auth: '454 4.7.0 later' }, 'rate_limited', 'no'],
    [{ mail: '552 5.3.4 too big' }, 'too_long', 'no'],
    [{ mail: '553 5.7.1 not yours' }, 'not_found', 'no'],
    [{ mail: '530 5.7.0 login first' }, 'auth', 'no'],
    [{ rcpt: '550 5.1.1 no such user' }, 'not_found', 'no'],
    [{ rcpt: '550 5.7.1 blocked' }, 'forbidden', 'no'],
    [{ rcpt: '450 4.2.0 greylisted' }, 'rate_limited', 'no'],
    [{ rcpt: '451 4.3.0 trouble' }, 'unreachable', 'no'],
    [{ rcpt: '421 4.7.0 too many errors' }, 'unreachable', 'no'],
    [{ data: '554 5.5.1 no recipients' }, 'bad_request', 'no'],
    [{ data: '' }, 'unreachable', 'no'],
    [{ end: '552 5.2.3 too long' }, 'too_long', 'no'],
    [{ end: '554 5.7.1 spam' }, 'forbidden', 'no'],
    [{ end: '550 5.6.0 malformed' }, 'not_found', 'no'],
    [{ end: '451 4.7.1 try again' }, 'rate_limited', 'no'],
    [{ end: '' }, 'unreachable', 'maybe'],
  ])('%j is %s, reached: %s', async (script, code, reached) => {
    const { result, found } = await sendWith(script);
    expect(result).toMatchObject({ ok: false, code, reached });
    if (!result.ok) expect(`${result.cause.message} ${result.cause.stack}`).not.toContain('a-secret-password');
    if (reached === 'no') expect(found, 'it can be sent again').toBeUndefined();
    else expect(found).toMatchObject({ ok: false, reached: 'maybe' });
    if (code === 'rate_limited' && !result.ok) expect(result.retryAfterMs).toBeGreaterThan(0);
  });

  it('a Message-ID that the service puts in the place of ours is the one that people answer', async () => {
    const { result, found } = await sendWith({
      end: '250 2.0.0 OK <AM0PR01MB1@AM0PR01MB1.eurprd01.prod.exchangelabs.com> [Hostname=AM0PR01MB1.eurprd01.prod.exchangelabs.com] 12345 bytes in 0.1, 100 KB/sec Queued mail for delivery',
    });
    expect(result).toMatchObject({ ok: true });
    expect(found).toEqual(result);
  });
});

describe('parts of sending', () => {
  it('HTML for mails is safe and complete', () => {
    const html = renderHtml(
      parseMarkdown(
        `${KITCHEN_SINK}\n\n![cat](https://x.test/cat.png) <script>alert(1)</script> [x](javascript:alert(1))`,
      ),
    );
    expect(html).not.toMatch(/<script|<img|href="javascript/i);
    expect(html).toContain('&lt;script&gt;');
    expect(html).toContain('<th style=');
    expect(html).toContain('<a href="https://x.test/cat.png">cat</a>');
    expect(html).toContain('☑ done');
    expect(html).toMatch(/<ol>\n<li>nested &lt;x&gt;<\/li>/);
  });

  it('one recipient gets so many mails, and then more in time', async () => {
    const clock = makeFakeClock();
    const limiter = makeLimiter(clock, 60);
    for (let i = 0; i < 30; i++) limiter.take('ada@x.test');
    expect(() => limiter.take('ada@x.test')).toThrow(
      expect.objectContaining({ code: 'rate_limited', retryAfterMs: 60_000 }),
    );
    limiter.take('bob@x.test');
    await clock.advance(60_000);
    limiter.take('ada@x.test');
    expect(() => limiter.take('ada@x.test')).toThrow();
  });
});
