// Setting up: settings, the check by a real call, the steps of the login, slash commands.
import { describe, expect, it } from 'vitest';
import { makeSlashCommands } from '../../../adapters/discord/commands.ts';
import { discordManifest } from '../../../adapters/discord/manifest.ts';
import { DEFAULT_API_ROOT, discordSettings } from '../../../adapters/discord/settings.ts';
import type { LoginIo, LoginStep } from '../../../adapters/login.ts';
import { accountId } from '../../../shared/ids.ts';
import { startDiscord, TEST_TOKEN as token, type DiscordServer } from '../../support/discord/server.ts';
import { RECORDINGS_DIR } from '../../support/recordings.ts';

describe('settings', () => {
  it('have defaults, and take their own output', () => {
    const settings = discordSettings.parse({ token: ` Bot ${token} `, api_root: 'http://localhost:8081/api/' });
    expect(settings).toEqual({
      token,
      api_root: 'http://localhost:8081/api',
      cdn_root: 'https://cdn.discordapp.com',
      streaming: 'edit',
      link_previews: false,
    });
    expect(discordSettings.parse(settings)).toEqual(settings);
    expect(discordManifest.accountOf?.(settings)).toBe('700000000000000001');
  });

  it.each([
    [{ token: 'nonsense' }],
    [{ token: `${Buffer.from('not a number at all').toString('base64url')}.GtestX.${'x'.repeat(30)}` }],
    [{ token, tokn: 'x' }],
    [{ token, api_root: 'ftp://x' }],
    [{ token, gateway_url: 'https://x' }],
    [{ token, streaming: 'draft' }],
  ])('refuse %j', (settings) => {
    expect(discordSettings.safeParse(settings).success).toBe(false);
  });
});

describe('verify', () => {
  const check = (server: DiscordServer, changes: Record<string, unknown> = {}) =>
    discordManifest.verify?.(
      {
        platform: 'discord',
        account: accountId('1'),
        settings: { token, api_root: server.apiRoot, ...changes },
        fetch,
      },
      AbortSignal.timeout(5_000),
    );

  it('says who the bot is, or what is wrong, and never the token', async () => {
    const server = await startDiscord({ recordTo: RECORDINGS_DIR });
    try {
      expect(await check(server)).toEqual({ ok: true, name: '@herald_test_bot', serverTime: expect.any(Number) });
      const wrong = await check(server, { token: `${token.slice(0, -6)}WRONG_` });
      expect(wrong).toMatchObject({ ok: false, reason: 'auth' });
      await server.goAway();
      const away = await check(server);
      expect(away).toMatchObject({ ok: false, reason: 'unreachable' });
      expect(JSON.stringify([wrong, away])).not.toContain(token.slice(30, 50));
    } finally {
      await server.close();
    }
  });

  it('says when the bot may not read messages', async () => {
    const server = await startDiscord({ messageContent: false });
    try {
      expect(await check(server)).toMatchObject({
        ok: false,
        reason: 'settings',
        message: expect.stringContaining('Message Content Intent'),
      });
    } finally {
      await server.close();
    }
  });
});

describe('login', () => {
  /** Answers in order; what asks for more fails. */
  function makeIo(server: DiscordServer, answers: string[]) {
    const told: string[] = [];
    const steps: LoginStep[] = [];
    const problems: (string | undefined)[] = [];
    const take = () => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error('nobody answers');
      return answer;
    };
    const io: LoginIo = {
      async ask(question) {
        expect(question).toMatchObject({ key: 'token', secret: true });
        const answer = take();
        problems.push(question.check?.(answer));
        return answer;
      },
      choose: async () => take(),
      show: (step) => void steps.push(step),
      say: (text) => void told.push(text),
      // To the loopback server instead of Discord.
      fetch: (input, init) => fetch(new Request(input, init).url.replace(DEFAULT_API_ROOT, server.apiRoot), init),
      signal: AbortSignal.timeout(10_000),
    };
    return { io, told, steps, problems };
  }

  it('goes from nothing to an invited bot, over a wrong token', async () => {
    const server = await startDiscord();
    try {
      const { io, told, steps, problems } = makeIo(server, [`${token.slice(0, -6)}WRONG_`, `Bot ${token}`]);
      const logIn = await discordManifest.login?.();
      expect(await logIn?.(io)).toEqual({ name: 'herald_test_bot', settings: {}, secrets: { token } });
      expect(problems).toEqual([undefined, undefined]);
      expect(told.join('\n')).toMatch(/does not know this token[\s\S]*herald_test_bot/);
      expect(steps[0]).toMatchObject({ kind: 'url', url: 'https://discord.com/developers/applications' });
      const invite = new URL(steps.at(-1)?.kind === 'url' ? (steps.at(-1) as { url: string }).url : 'x:');
      expect(invite.origin + invite.pathname).toBe('https://discord.com/oauth2/authorize');
      expect(Object.fromEntries(invite.searchParams)).toEqual({
        client_id: '900000000000000001',
        scope: 'bot applications.commands',
        permissions: String(
          (1n << 6n) + (1n << 10n) + (1n << 11n) + (1n << 14n) + (1n << 15n) + (1n << 16n) + (1n << 38n) + (1n << 46n),
        ),
      });
      expect(JSON.stringify([told, steps])).not.toContain(token);
    } finally {
      await server.close();
    }
  });

  it('says which switch to set, and looks again', async () => {
    const server = await startDiscord({ messageContent: false });
    try {
      const { io, steps } = makeIo(server, [token, 'check', 'later']);
      const logIn = await discordManifest.login?.();
      expect(await logIn?.(io)).toMatchObject({ secrets: { token } });
      const urls = steps.map((step) => (step.kind === 'url' ? step.url : ''));
      const switchPage = 'https://discord.com/developers/applications/900000000000000001/bot';
      expect(urls.filter((url) => url === switchPage)).toHaveLength(2);
    } finally {
      await server.close();
    }
  });

  it('refuses what is no token before anything is asked', async () => {
    const server = await startDiscord();
    try {
      const { io, problems } = makeIo(server, ['my password']);
      const logIn = await discordManifest.login?.();
      await expect(logIn?.(io)).rejects.toThrow('nobody answers');
      expect(problems[0]).toMatch(/must look like/);
    } finally {
      await server.close();
    }
  });
});

describe('makeSlashCommands', () => {
  it('fits names and descriptions to the rules, keeps the order, and drops what does not fit', () => {
    const commands = [
      { name: 'Help', description: '  Show\nhelp ' },
      { name: 'prompt-size', description: '' },
      { name: 'héllo', description: 'x' },
      { name: 'help', description: 'twice' },
      { name: 'x'.repeat(33), description: 'x' },
      { name: 'long', description: 'x'.repeat(400) },
    ];
    expect(
      makeSlashCommands(commands).map(({ name, ...rest }) => [name, 'description' in rest && rest.description]),
    ).toEqual([
      ['help', 'Show help'],
      ['prompt-size', 'prompt-size'],
      ['long', `${'x'.repeat(99)}…`],
    ]);
    const many = Array.from({ length: 150 }, (_, i) => ({ name: `c${i}`, description: 'x' }));
    expect(makeSlashCommands(many)).toHaveLength(100);
  });
});
