import { describe, expect, it } from 'vitest';
import { receiveModeOf, secretsOf, slackSettings } from '../../../adapters/slack/settings.ts';
import { APP_TOKEN, BOT_TOKEN, SIGNING_SECRET } from '../../support/slack/workspace.ts';

const problems = (value: unknown) => {
  const parsed = slackSettings.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
};

describe('settings', () => {
  it('takes Socket Mode with an app token, and HTTP with a signing secret', () => {
    const socket = slackSettings.parse({ bot_token: BOT_TOKEN, app_token: APP_TOKEN });
    expect(receiveModeOf(socket)).toEqual({ kind: 'socket', appToken: APP_TOKEN });
    expect(socket).toMatchObject({ reply_in_thread: true, follow_threads: true, streaming: 'edit' });
    const http = slackSettings.parse({ bot_token: BOT_TOKEN, signing_secret: SIGNING_SECRET });
    expect(receiveModeOf(http)).toEqual({ kind: 'http', signingSecret: SIGNING_SECRET });
    const both = { bot_token: BOT_TOKEN, app_token: APP_TOKEN, signing_secret: SIGNING_SECRET };
    expect(receiveModeOf(slackSettings.parse(both)).kind).toBe('socket');
    expect(receiveModeOf(slackSettings.parse({ ...both, mode: 'http' })).kind).toBe('http');
    expect(secretsOf(slackSettings.parse(both))).toEqual([BOT_TOKEN, APP_TOKEN, SIGNING_SECRET]);
  });

  it('says what is missing', () => {
    expect(problems({ bot_token: BOT_TOKEN })).toEqual([
      'app_token: is missing: set app_token (Socket Mode) or signing_secret (Slack calls the gateway)',
    ]);
    expect(problems({ bot_token: BOT_TOKEN, app_token: APP_TOKEN, mode: 'http' })).toEqual([
      'signing_secret: is missing: mode http needs it',
    ]);
    expect(problems({ bot_token: BOT_TOKEN, signing_secret: SIGNING_SECRET, mode: 'socket' })).toEqual([
      'app_token: is missing: mode socket needs it',
    ]);
  });

  it('refuses tokens that are none, swapped ones and unknown keys', () => {
    expect(problems({ bot_token: APP_TOKEN, app_token: BOT_TOKEN })).toHaveLength(2);
    expect(problems({ bot_token: 'xoxe.xoxb-1-abcdefghijk', app_token: APP_TOKEN })).toHaveLength(1);
    expect(problems({ bot_token: BOT_TOKEN, app_token: APP_TOKEN, signing_secret: 'short' })).toHaveLength(1);
    expect(problems({ bot_token: BOT_TOKEN, app_token: APP_TOKEN, replyInThread: true })).toHaveLength(1);
  });

  it('takes what it has made of it, and an address without its closing slash', () => {
    const once = slackSettings.parse({
      bot_token: ` ${BOT_TOKEN} `,
      app_token: APP_TOKEN,
      api_root: 'http://127.0.0.1:1/api/',
    });
    expect(once).toMatchObject({ bot_token: BOT_TOKEN, api_root: 'http://127.0.0.1:1/api' });
    expect(slackSettings.parse(once)).toEqual(once);
  });
});
