// The workspace behind the proxy: npm emulate's Slack, which keeps people, channels, messages, files and reactions.
import { createEmulator } from 'emulate';
import { ALL_SCOPES } from '../../../adapters/slack/app-manifest.ts';
import { asJson, asText, type Json } from './json.ts';

export const BOT_USER = 'U0HERALD01';
export const BOT_ID = 'B0HERALD01';
export const APP_ID = 'A0HERALD01';
export const TEAM_ID = 'T000000001';

export interface Emulator {
  url: string;
  botToken: string;
  /** Tokens of people by name. */
  tokens: Readonly<Record<string, string>>;
  /** One call; throws when it is refused. */
  call(method: string, token: string, args?: Json): Promise<Json>;
  close(): Promise<void>;
}

export interface EmulatorOptions {
  people: readonly string[];
  channels: readonly { name: string; isPrivate?: boolean }[];
  botToken: string;
  /** Default: all that the app's manifest asks for. */
  scopes?: readonly string[] | undefined;
}

export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const tokens = Object.fromEntries(options.people.map((name) => [name, `xoxp-${name}-0000000000`]));
  const emulator = await createEmulator({
    service: 'slack',
    port: 0,
    seed: {
      slack: {
        strict_scopes: true,
        users: options.people.map((name) => {
          const shown = `${name[0]?.toUpperCase()}${name.slice(1)}`;
          return { name, real_name: shown, profile: { display_name: shown, real_name: shown } };
        }),
        channels: options.channels.map(({ name, isPrivate = false }) => ({ name, is_private: isPrivate })),
        oauth_apps: [
          {
            client_id: '1.1',
            client_secret: 'secret',
            name: 'Herald',
            redirect_uris: [],
            app_id: APP_ID,
            bot_id: BOT_ID,
            bot_user_id: BOT_USER,
            bot_name: 'herald',
            scopes: ALL_SCOPES,
          },
        ],
        tokens: [
          {
            token: options.botToken,
            type: 'bot',
            user_id: BOT_USER,
            bot_id: BOT_ID,
            app_id: APP_ID,
            scopes: options.scopes ?? ALL_SCOPES,
          },
          ...options.people.map((name) => ({ token: tokens[name] ?? '', type: 'user', user: name })),
        ],
      },
    },
  });
  const url = emulator.url.replace('localhost', '127.0.0.1');
  return {
    url,
    botToken: options.botToken,
    tokens,
    async call(method, token, args = {}) {
      const response = await fetch(`${url}/api/${method}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(args),
      });
      const answer = asJson(await response.json());
      if (answer['ok'] !== true) throw new Error(`${method}: ${asText(answer['error'])}`);
      return answer;
    },
    close: () => emulator.close(),
  };
}
