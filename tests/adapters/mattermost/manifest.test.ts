import { describe, expect, it } from 'vitest';
import { runLogin } from '../../../adapters/login-flow.ts';
import type { LoginIo, LoginStep } from '../../../adapters/login.ts';
import { mattermostManifest } from '../../../adapters/mattermost/manifest.ts';
import { mattermostSettings } from '../../../adapters/mattermost/settings.ts';
import { accountId } from '../../../shared/ids.ts';
import { startMattermost, type MattermostServer } from '../../support/mattermost/server.ts';

async function withServer(run: (server: MattermostServer) => Promise<void>): Promise<void> {
  const server = await startMattermost();
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

describe('settings', () => {
  it('have defaults, and take their own output', () => {
    const settings = mattermostSettings.parse({ url: 'https://chat.example.org/mm/', token: 'abcdefghijklmnop' });
    expect(settings).toEqual({
      url: 'https://chat.example.org/mm',
      token: 'abcdefghijklmnop',
      reply_in_thread: true,
      follow_threads: true,
      streaming: 'edit',
    });
    expect(mattermostSettings.parse(settings)).toEqual(settings);
    expect(mattermostSettings.parse({ ...settings, url: 'https://x.org/api/v4/' }).url).toBe('https://x.org');
  });

  it.each([
    [{ url: 'https://x.org' }],
    [{ token: 'abcdefghijklmnop' }],
    [{ url: 'chat.example.org', token: 'abcdefghijklmnop' }],
    [{ url: 'https://name:secret@x.org', token: 'abcdefghijklmnop' }],
    [{ url: 'https://x.org/?a=b', token: 'abcdefghijklmnop' }],
    [{ url: 'https://x.org', token: 'with space in it' }],
    [{ url: 'https://x.org', token: 'abcdefghijklmnop', team: 'crew' }],
  ])('refuse %j', (settings) => {
    expect(mattermostSettings.safeParse(settings).success).toBe(false);
  });
});

describe('verify', () => {
  const check = (url: string, token: string) =>
    mattermostManifest.verify?.(
      { platform: 'mattermost', account: accountId('default'), settings: { url, token }, fetch },
      AbortSignal.timeout(5_000),
    );

  it('says who we are and what time it is there', () =>
    withServer(async (server) => {
      const result = await check(server.url, server.token);
      expect(result).toMatchObject({ ok: true, name: '@herald' });
      expect(result?.ok && Math.abs((result.serverTime ?? 0) - Date.now()) < 60_000).toBe(true);
    }));

  it('tells a refused token from a server that is not there or is something else', () =>
    withServer(async (server) => {
      const refused = await check(server.url, 'notthetokenatall');
      expect(refused).toMatchObject({ ok: false, reason: 'auth' });
      expect(JSON.stringify(refused)).not.toContain('notthetokenatall');
      server.fail({ route: /users\/me/, status: 200, text: '<html>hello</html>' });
      expect(await check(server.url, server.token)).toMatchObject({ ok: false, reason: 'unreachable' });
      await server.goAway();
      expect(await check(server.url, server.token)).toMatchObject({ ok: false, reason: 'unreachable' });
    }));
});

describe('login', () => {
  interface Talk {
    said: string[];
    shown: LoginStep[];
    asked: string[];
  }

  function makeIo(answers: readonly string[]): LoginIo & Talk {
    const left = [...answers];
    const next = (key: string): string => {
      io.asked.push(key);
      const answer = left.shift();
      if (answer === undefined) throw new Error(`nobody expected to be asked ${key}`);
      return answer;
    };
    const io: LoginIo & Talk = {
      said: [],
      shown: [],
      asked: [],
      ask: async ({ key, check }) => {
        const answer = next(key);
        const problem = check?.(answer);
        if (problem !== undefined) io.said.push(problem);
        return problem === undefined ? answer : io.ask({ key, label: key, ...(check && { check }) });
      },
      choose: async ({ key }) => next(key),
      show: (step) => void io.shown.push(step),
      say: (text) => void io.said.push(text),
      fetch,
      signal: AbortSignal.timeout(10_000),
    };
    return io;
  }

  it('says how to make a bot, asks for address and token, and tries both', () =>
    withServer(async (server) => {
      const io = makeIo([
        'nonsense',
        'http://127.0.0.1:1',
        `${server.url}/`,
        'short',
        'notthetokenatall',
        server.token,
      ]);
      expect(await runLogin(mattermostManifest, io)).toEqual({
        name: '@herald',
        settings: { url: server.url },
        secrets: { token: server.token },
      });
      expect(io.asked).toEqual(['url', 'url', 'url', 'token', 'token', 'token']);
      expect(io.said.join('\n')).toMatch(/No Mattermost server answers[\s\S]*refuses this token/);
      expect(JSON.stringify(io.shown)).toContain('Add Bot Account');
      expect(JSON.stringify(io.said)).not.toContain(server.token);
    }));

  it("warns of a person's own token", () =>
    withServer(async (server) => {
      server.bot.is_bot = false;
      const io = makeIo([server.url, server.token, 'other', server.token, 'person']);
      expect(await runLogin(mattermostManifest, io)).toMatchObject({ secrets: { token: server.token } });
      expect(io.said.join('\n')).toContain('who is a person');
    }));
});
