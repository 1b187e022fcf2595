// Settings, the check of a login, and the way from an address to a mailbox that works, over the real servers' TLS.
import { describe, expect, it } from 'vitest';
import { emailManifest } from '../../../adapters/email/manifest.ts';
import { findProvider, isLoopback, PROVIDERS } from '../../../adapters/email/providers.ts';
import { accountOf, emailSettings, trustedServers } from '../../../adapters/email/settings.ts';
import { findServers, readConfig } from '../../../adapters/email/setup/autoconfig.ts';
import { tlsOptions } from '../../../adapters/email/imap.ts';
import type { LoginIo, LoginQuestion, LoginStep } from '../../../adapters/login.ts';
import { accountId } from '../../../shared/ids.ts';
import { describeWithMail } from '../../support/mail/describe.ts';
import type { MailServer } from '../../support/mail/server.ts';

const servers = {
  imap: { host: 'imap.example.org', port: 993, tls: 'implicit' },
  smtp: { host: 'smtp.example.org', port: 465, tls: 'implicit' },
} as const;

describe('settings', () => {
  it('know the servers of common services, and take their own output', () => {
    const settings = emailSettings.parse({ address: ' Herald.Bot@Gmail.com ', password: 'x' });
    expect(settings).toMatchObject({
      address: 'herald.bot@gmail.com',
      folders: ['INBOX'],
      require_authentication: true,
      mark: 'seen',
    });
    expect(emailSettings.parse(settings)).toEqual(settings);
    expect(accountOf(settings)).toMatchObject({
      username: 'herald.bot@gmail.com',
      imap: { host: 'imap.gmail.com', port: 993, tls: 'implicit' },
      smtp: { host: 'smtp.gmail.com', port: 465, tls: 'implicit' },
    });
    expect(trustedServers(settings, accountOf(settings).provider)).toEqual(['mx.google.com']);
    expect(emailManifest.accountOf?.(settings)).toBe('herald.bot@gmail.com');
    // A domain of one's own at such a service.
    const own = emailSettings.parse({
      address: 'bot@example.org',
      password: 'x',
      ...servers,
      imap: { ...servers.imap, host: 'imap.gmail.com' },
    });
    expect(trustedServers(own, accountOf(own).provider)).toEqual(['mx.google.com']);
    const set = emailSettings.parse({ ...own, trusted_authserv_ids: ['MX.Example.org'] });
    expect(trustedServers(set, accountOf(set).provider)).toEqual(['mx.example.org']);
  });

  it.each([
    [{ password: 'x' }],
    [{ address: 'bot@gmail.com' }],
    [{ address: 'nobody', password: 'x' }],
    [{ address: 'bot@gmail.com', password: 'x', adress: 'y' }],
    [{ address: 'bot@example.org', password: 'x' }],
    [{ address: 'bot@example.org', password: 'x', imap: servers.imap }],
    [{ address: 'bot@example.org', password: 'x', ...servers, imap: { ...servers.imap, tls: 'none' } }],
    [{ address: 'bot@example.org', password: 'x', ...servers, smtp: { ...servers.smtp, port: 0 } }],
    [{ address: 'bot@gmail.com', password: 'x', folders: [] }],
    [{ address: 'bot@gmail.com', password: 'x', poll_interval_s: 1 }],
    [{ address: 'bot@gmail.com', password: 'x', mark: 'read' }],
  ])('refuse %j', (settings) => {
    expect(emailSettings.safeParse(settings).success).toBe(false);
  });

  it('certificates count everywhere but on this machine', () => {
    expect(tlsOptions(servers.imap)).toMatchObject({ rejectUnauthorized: true });
    for (const host of ['127.0.0.1', 'localhost', '::1', '127.0.0.53'])
      expect(tlsOptions({ ...servers.imap, host })).toMatchObject({ rejectUnauthorized: false });
    for (const host of ['127.0.0.1.evil.test', 'localhost.evil.test', '10.0.0.1']) expect(isLoopback(host)).toBe(false);
  });

  it('the table of services is consistent', () => {
    const domains = PROVIDERS.flatMap((provider) => provider.domains);
    expect(new Set(domains).size).toBe(domains.length);
    for (const provider of PROVIDERS)
      for (const server of [provider.imap, provider.smtp])
        expect(server.tls === 'implicit' ? [993, 465] : [587, 143, 1143, 1025]).toContain(server.port);
    expect(findProvider('a@icloud.com')?.title).toBe('iCloud Mail');
    expect(findProvider('a@example.org')).toBeUndefined();
  });
});

describe('autoconfiguration', () => {
  const config = (
    imap = 'imap.example.org',
    socket = 'SSL',
  ) => `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="example.org">
    <incomingServer type="pop3"><hostname>pop.example.org</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
    <incomingServer type="imap"><hostname>plain.example.org</hostname><port>143</port><socketType>plain</socketType></incomingServer>
    <incomingServer type="imap"><hostname>${imap}</hostname><port>993</port><socketType>${socket}</socketType><username>%EMAILLOCALPART%</username></incomingServer>
    <outgoingServer type="smtp"><hostname>smtp.example.org</hostname><port>587</port><socketType>STARTTLS</socketType></outgoingServer>
  </emailProvider></clientConfig>`;

  it('gives the servers with TLS', () => {
    expect(readConfig(config(), 'ada@example.org')).toEqual({
      imap: { host: 'imap.example.org', port: 993, tls: 'implicit' },
      smtp: { host: 'smtp.example.org', port: 587, tls: 'starttls' },
      username: 'ada',
    });
  });

  it.each([
    '',
    '<html>',
    config('bad host'),
    config('imap.example.org', 'plain'),
    `<!DOCTYPE x [<!ENTITY a "b">]>${config()}`,
    config().replace('993', '99999'),
  ])('is of no use: %.30j…', (xml) => {
    expect(readConfig(xml, 'ada@example.org')).toBeUndefined();
  });

  it('asks the domain itself only, over https, and follows nobody', async () => {
    const asked: string[] = [];
    const ask = (async (input: string, init: RequestInit) => {
      asked.push(`${input} ${init.redirect}`);
      if (asked.length === 1) return new Response('x'.repeat(100_000));
      return new Response(config());
    }) as typeof fetch;
    expect(await findServers('ada@example.org', ask, AbortSignal.timeout(1_000))).toMatchObject({
      imap: { host: 'imap.example.org' },
    });
    expect(asked).toEqual([
      'https://autoconfig.example.org/mail/config-v1.1.xml error',
      'https://example.org/.well-known/autoconfig/mail/config-v1.1.xml error',
    ]);
    const broken = (async () => {
      throw new TypeError('fetch failed');
    }) as typeof fetch;
    expect(await findServers('ada@example.org', broken, AbortSignal.timeout(1_000))).toBeUndefined();
  });
});

interface Script {
  answers: Record<string, string[]>;
  choices?: Record<string, string>;
  fetch?: typeof fetch;
}

function scriptIo(script: Script): LoginIo & { said: string[]; shown: LoginStep[]; asked: LoginQuestion[] } {
  const said: string[] = [];
  const shown: LoginStep[] = [];
  const asked: LoginQuestion[] = [];
  return {
    said,
    shown,
    asked,
    async ask(question) {
      asked.push(question);
      const answer = script.answers[question.key]?.shift() ?? question.initial;
      if (answer === undefined) throw new Error(`no answer to ${question.key}`);
      return answer;
    },
    choose: async ({ key }) => script.choices?.[key] ?? 'no',
    show: (step) => void shown.push(step),
    say: (text) => void said.push(text),
    fetch: script.fetch ?? (async () => new Response('', { status: 404 })),
    signal: AbortSignal.timeout(20_000),
  };
}

describeWithMail('logging in', (server) => {
  const secure = (mail: MailServer) => ({
    imap: { host: '127.0.0.1', port: mail.ports.imaps, tls: 'implicit' },
    smtp: { host: '127.0.0.1', port: mail.ports.submission, tls: 'starttls' },
  });
  const verify = (settings: Record<string, unknown>) =>
    emailManifest.verify?.(
      { platform: 'email', account: accountId('x'), settings, fetch },
      AbortSignal.timeout(10_000),
    );

  it('verify logs in to both servers, and says which is wrong', async () => {
    const good = { address: 'bot@herald.test', password: 'secret-of-bot', ...secure(server()) };
    expect(await verify(good)).toEqual({ ok: true, name: 'bot@herald.test' });
    const wrong = await verify({ ...good, password: 'wrong-password-9' });
    expect(wrong).toMatchObject({ ok: false, reason: 'auth' });
    expect(JSON.stringify(wrong)).not.toContain('wrong-password-9');
    expect(await verify({ ...good, smtp: { host: '127.0.0.1', port: 1, tls: 'starttls' } })).toMatchObject({
      ok: false,
      reason: 'unreachable',
    });
    expect(await verify({ ...good, imap: { ...good.imap, port: 1, tls: 'none' } })).toMatchObject({
      ok: false,
      reason: 'unreachable',
    });
    // A server that has no TLS gets no password.
    expect(
      await verify({ ...good, smtp: { host: '127.0.0.1', port: server().ports.plain, tls: 'starttls' } }),
    ).toMatchObject({ ok: false, reason: 'unreachable' });
    expect(await verify({ ...good, folders: ['INBOX', 'Nowhere'] })).toMatchObject({ ok: false, reason: 'settings' });
    expect(await verify({ ...good, address: 'x' })).toMatchObject({ ok: false, reason: 'settings' });
  });

  it('login asks for servers and password until they work', { timeout: 30_000 }, async () => {
    const logIn = await emailManifest.login?.();
    const { imaps, submission } = server().ports;
    const io = scriptIo({
      answers: {
        address: ['nonsense', 'Bot@Herald.test'],
        imap: ['127.0.0.1:1', `127.0.0.1:${server().ports.imap}`],
        smtp: [`127.0.0.1:${submission}`, `127.0.0.1:${submission}`],
        username: ['bot', 'bot'],
        password: ['secret-of-bot', 'wrong', 'secret-of-bot'],
      },
    });
    const result = await logIn?.(io);
    expect(result).toEqual({
      name: 'bot@herald.test',
      settings: {
        address: 'bot@herald.test',
        username: 'bot',
        imap: { host: '127.0.0.1', port: server().ports.imap, tls: 'starttls' },
        smtp: { host: '127.0.0.1', port: submission, tls: 'starttls' },
      },
      secrets: { password: 'secret-of-bot' },
    });
    expect(io.said.join('\n')).toMatch(/could not be asked[\s\S]*refuses the login/);
    expect(io.said.join('\n')).not.toContain('secret-of-bot');
    expect(io.asked.filter((question) => question.key === 'password').every((question) => question.secret)).toBe(true);
    expect(imaps).toBeGreaterThan(0);
  });

  it('login takes the servers that the domain names, and asks whose checks of senders are in the mailbox', async () => {
    const { imaps, submission } = server().ports;
    const xml = `<clientConfig><incomingServer type="imap"><hostname>127.0.0.1</hostname><port>${imaps}</port><socketType>SSL</socketType></incomingServer>
      <outgoingServer type="smtp"><hostname>127.0.0.1</hostname><port>${submission}</port><socketType>STARTTLS</socketType></outgoingServer></clientConfig>`;
    for (let i = 0; i < 5; i++)
      await server().deliver(
        'settled',
        `Received: from x by mx.herald.test with ESMTP id 1; now\r\nAuthentication-Results: mx.herald.test; dmarc=pass header.from=x.test\r\nFrom: a@x.test\r\n\r\n${i}\r\n`,
      );
    const logIn = await emailManifest.login?.();
    const io = scriptIo({
      answers: { address: ['settled@herald.test'], password: ['secret-of-settled'] },
      choices: { trusted_authserv_ids: 'yes' },
      fetch: async () => new Response(xml),
    });
    expect(await logIn?.(io)).toMatchObject({
      settings: {
        imap: { port: imaps, tls: 'implicit' },
        smtp: { port: submission, tls: 'starttls' },
        trusted_authserv_ids: ['mx.herald.test'],
      },
    });
    expect(io.asked.map((question) => question.key)).toEqual(['address', 'password']);
  });

  it('login gives up after some wrong passwords', { timeout: 30_000 }, async () => {
    const logIn = await emailManifest.login?.();
    const { imap, submission } = server().ports;
    const io = scriptIo({
      answers: {
        address: ['bot@herald.test'],
        imap: [`127.0.0.1:${imap}`],
        smtp: [`127.0.0.1:${submission}`],
        username: ['bot'],
        password: ['a', 'b', 'c', 'd', 'e', 'f'],
      },
    });
    await expect(logIn?.(io)).rejects.toMatchObject({ name: 'AppError', code: 'platform_auth' });
  });

  it('login tells of app passwords where the service wants them', async () => {
    const logIn = await emailManifest.login?.();
    const io = scriptIo({ answers: { address: ['someone@gmail.com'] } });
    await expect(logIn?.(io)).rejects.toThrow('no answer to password');
    expect(io.said.join('\n')).toContain('app password');
    expect(io.shown).toMatchObject([{ kind: 'url', url: 'https://myaccount.google.com/apppasswords' }]);
  });
});
