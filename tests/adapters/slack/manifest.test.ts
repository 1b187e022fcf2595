import { describe, expect, it } from 'vitest';
import { ALL_SCOPES, makeAppManifest } from '../../../adapters/slack/app-manifest.ts';
import type { AccountCheck } from '../../../adapters/contract.ts';
import type { LoginIo, LoginStep } from '../../../adapters/login.ts';
import { slackManifest } from '../../../adapters/slack/manifest.ts';
import { AppError } from '../../../shared/errors.ts';
import { asJson, asList } from '../../support/slack/json.ts';
import {
  APP_TOKEN,
  BOT_TOKEN,
  SIGNING_SECRET,
  startSlack,
  type SlackWorkspace,
  type WorkspaceOptions,
} from '../../support/slack/workspace.ts';
import { ACCOUNT } from './slack-harness.ts';

async function withSlack(options: WorkspaceOptions, run: (slack: SlackWorkspace) => Promise<void>): Promise<void> {
  const slack = await startSlack(options);
  try {
    await run(slack);
    expect(slack.violations).toEqual([]);
  } finally {
    await slack.close();
  }
}

async function verify(slack: SlackWorkspace, settings: Record<string, unknown> = {}): Promise<AccountCheck> {
  const input = {
    platform: 'slack',
    account: ACCOUNT,
    settings: { bot_token: BOT_TOKEN, app_token: APP_TOKEN, api_root: slack.apiRoot, ...settings },
    fetch,
  };
  const check = await slackManifest.verify?.(input, AbortSignal.timeout(5_000));
  if (!check) throw new Error('there is no verify');
  const told = JSON.stringify(check);
  for (const secret of [BOT_TOKEN, APP_TOKEN, SIGNING_SECRET]) expect(told).not.toContain(secret);
  return check;
}

describe('verify', () => {
  it('asks Slack who we are, and whether the app token works', () =>
    withSlack({}, async (slack) => {
      const check = await verify(slack);
      expect(check).toMatchObject({ ok: true, name: '@herald in Emulate' });
      expect(check.ok && Math.abs((check.serverTime ?? 0) - Date.now()) < 60_000).toBe(true);
      expect(slack.calls.map((call) => call.method)).toEqual(['auth.test', 'apps.connections.open']);
    }));

  it('asks nothing of Socket Mode when Slack calls us', () =>
    withSlack({}, async (slack) => {
      expect(await verify(slack, { app_token: undefined, signing_secret: SIGNING_SECRET })).toMatchObject({ ok: true });
      expect(slack.calls.map((call) => call.method)).toEqual(['auth.test']);
    }));

  it('names the scopes that are missing', () =>
    withSlack({ scopes: ALL_SCOPES.filter((scope) => !scope.startsWith('files')) }, async (slack) => {
      expect(await verify(slack)).toMatchObject({
        ok: true,
        name: '@herald in Emulate (without the scopes files:read, files:write)',
      });
    }));

  it('is not content without the scopes that a conversation needs', () =>
    withSlack({ scopes: ['im:read', 'im:history'] }, async (slack) => {
      const check = await verify(slack);
      expect(check).toMatchObject({ ok: false, reason: 'settings' });
      expect(JSON.stringify(check)).toContain('chat:write');
    }));

  it('tells a refused token from a network that is down', () =>
    withSlack({}, async (slack) => {
      expect(await verify(slack, { bot_token: 'xoxb-0000000000-wrong' })).toMatchObject({ ok: false, reason: 'auth' });
      const wrongApp = await verify(slack, { app_token: 'xapp-1-0000000000-wrong' });
      expect(wrongApp).toMatchObject({
        ok: false,
        reason: 'auth',
        message: expect.stringContaining('SLACK_APP_TOKEN'),
      });
      slack.fail({ method: 'apps.connections.open', error: 'missing_scope', more: { needed: 'connections:write' } });
      expect(await verify(slack)).toMatchObject({ message: expect.stringContaining('connections:write') });
      for (const rule of [
        { status: 503 },
        { drop: 'before' },
        { raw: 'x' },
        { error: 'internal_error' },
        { error: BOT_TOKEN },
      ] as const) {
        slack.fail({ method: 'auth.test', ...rule });
        expect(await verify(slack)).toMatchObject({ ok: false, reason: 'unreachable' });
      }
      await slack.goAway();
      expect(await verify(slack)).toMatchObject({ ok: false, reason: 'unreachable' });
    }));

  it('says which settings are wrong before it asks anybody', async () => {
    const input = { platform: 'slack', account: ACCOUNT, settings: { bot_token: BOT_TOKEN }, fetch };
    const check = await slackManifest.verify?.(input, AbortSignal.timeout(5_000));
    expect(check).toMatchObject({ ok: false, reason: 'settings', message: expect.stringContaining('app_token') });
  });
});

/** A person who gives these answers in turn. */
function makeIo(slack: SlackWorkspace, answers: Readonly<Record<string, readonly string[]>>) {
  const left = Object.fromEntries(Object.entries(answers).map(([key, list]) => [key, [...list]]));
  const shown: LoginStep[] = [];
  const said: string[] = [];
  const answer = (key: string) => {
    const next = left[key]?.shift();
    if (next === undefined) throw new AppError('cancelled', `broke off at ${key}`);
    return next;
  };
  const io: LoginIo = {
    ask: async ({ key, check, secret }) => {
      const given = answer(key);
      const problem = check?.(given);
      if (problem !== undefined) said.push(`${key}: ${problem}`);
      if (key.endsWith('token') || key.endsWith('secret')) expect(secret).toBe(true);
      return problem === undefined ? given : io.ask({ key, label: '', ...(check && { check }), secret });
    },
    choose: async ({ key }) => answer(key),
    show: (step) => void shown.push(step),
    say: (text) => void said.push(text),
    current: { api_root: `${slack.apiRoot}/` },
    fetch,
    signal: AbortSignal.timeout(10_000),
  };
  return { io, shown, said };
}

async function login(io: LoginIo) {
  const run = await slackManifest.login?.();
  if (!run) throw new Error('there is no login');
  return run(io);
}

describe('setting up', () => {
  it('shows the app manifest, then asks for tokens and tries each', () =>
    withSlack({}, async (slack) => {
      const { io, shown, said } = makeIo(slack, {
        mode: ['socket'],
        bot_token: [APP_TOKEN, 'xoxb-0000000000-wrong', ` ${BOT_TOKEN} `],
        app_token: ['xapp-1-0000000000-wrong', APP_TOKEN],
      });
      expect(await login(io)).toEqual({
        name: '@herald in Emulate',
        settings: {},
        secrets: { bot_token: BOT_TOKEN, app_token: APP_TOKEN },
      });
      expect(shown.map((step) => step.kind)).toEqual(['text', 'url']);
      expect(said).toEqual([
        'bot_token: It must begin with xoxb-.',
        expect.stringContaining('invalid_auth'),
        expect.stringContaining('invalid_auth'),
      ]);
    }));

  it('for HTTP asks for the address and the signing secret', () =>
    withSlack({ scopes: ALL_SCOPES.filter((scope) => scope !== 'commands') }, async (slack) => {
      const url = 'https://herald.example.org/slack/default/';
      const { io, shown, said } = makeIo(slack, {
        mode: ['http'],
        url: ['http://x', url],
        bot_token: [BOT_TOKEN],
        signing_secret: ['short', SIGNING_SECRET],
      });
      const result = await login(io);
      expect(result.secrets).toEqual({ bot_token: BOT_TOKEN, signing_secret: SIGNING_SECRET });
      expect(shown[0]).toMatchObject({ kind: 'text', text: makeAppManifest(url) });
      expect(said.join()).toContain('commands');
    }));

  it('goes on asking while the app lacks what a conversation needs, and ends when the person does', () =>
    withSlack({ scopes: ['im:read'] }, async (slack) => {
      const { io } = makeIo(slack, { mode: ['socket'], bot_token: [BOT_TOKEN] });
      await expect(login(io)).rejects.toMatchObject({ name: 'AppError', code: 'cancelled' });
    }));
});

describe('the app manifest', () => {
  it('has all that the adapter uses', () => {
    const socket = asJson(JSON.parse(makeAppManifest()));
    const settings = asJson(socket['settings']);
    expect(settings).toMatchObject({ socket_mode_enabled: true, interactivity: { is_enabled: true } });
    expect(asList(asJson(settings['event_subscriptions'])['bot_events'])).toEqual(
      expect.arrayContaining(['app_mention', 'message.im', 'message.channels', 'message.groups', 'message.mpim']),
    );
    expect(asJson(asJson(socket['oauth_config'])['scopes'])['bot']).toEqual(ALL_SCOPES);
    const names = asList(asJson(socket['features'])['slash_commands']).map((command) => asJson(command)['command']);
    expect(names[0]).toBe('/herald');
    expect(new Set(names).size).toBe(names.length);
    // "maximum of 32 characters", lower case, no spaces (https://docs.slack.dev/interactivity/implementing-slash-commands).
    for (const name of names) expect(name).toMatch(/^\/herald(?:-[a-z]+)?$/);
    expect(JSON.stringify(socket)).not.toContain('url');
  });

  it('names the address for events, presses and commands when Slack calls us', () => {
    const url = 'https://herald.example.org/slack/default/';
    const http = asJson(JSON.parse(makeAppManifest(url)));
    expect(asJson(http['settings'])).toMatchObject({
      socket_mode_enabled: false,
      event_subscriptions: { request_url: url },
      interactivity: { request_url: url },
    });
    for (const command of asList(asJson(http['features'])['slash_commands'])) expect(asJson(command)['url']).toBe(url);
  });
});
