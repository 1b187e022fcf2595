// Settings of `platforms.slack` in config.yaml.
import { z } from 'zod';

export const DEFAULT_API_ROOT = 'https://slack.com/api';

export const BOT_TOKEN = /^xoxb-[A-Za-z0-9-]{10,}$/;
export const APP_TOKEN = /^xapp-[A-Za-z0-9-]{10,}$/;
/** 32 hexadecimal digits (Basic Information → App Credentials). */
export const SIGNING_SECRET = /^[0-9a-f]{32}$/i;

export const slackSettings = z
  .strictObject({
    bot_token: z
      .string()
      .trim()
      .regex(BOT_TOKEN, 'must begin with xoxb-, as the page "OAuth & Permissions" of the app shows it')
      .describe('Bot User OAuth Token of the Slack app. Environment: SLACK_BOT_TOKEN.'),
    app_token: z
      .string()
      .trim()
      .regex(APP_TOKEN, 'must begin with xapp-, as the page "Basic Information" of the app shows it')
      .optional()
      .describe(
        'App-level token with the scope connections:write. With it messages arrive over a socket that Herald opens (Socket Mode). Environment: SLACK_APP_TOKEN.',
      ),
    signing_secret: z
      .string()
      .trim()
      .regex(SIGNING_SECRET, 'must have 32 hexadecimal digits, as the page "Basic Information" of the app shows it')
      .optional()
      .describe(
        'Signing secret of the app, when Slack shall call the gateway under https://<your host>/slack/<account>/. Environment: SLACK_SIGNING_SECRET.',
      ),
    mode: z
      .enum(['socket', 'http'])
      .optional()
      .describe(
        'How messages arrive: socket (Herald calls Slack) or http (Slack calls the gateway). Default: socket when app_token is set, else http.',
      ),
    reply_in_thread: z
      .boolean()
      .default(true)
      .describe('In channels, answer in a thread under the message that asked. Default true.'),
    follow_threads: z
      .boolean()
      .default(true)
      .describe('In a thread that Herald takes part in, answer without being named again. Default true.'),
    streaming: z
      .enum(['edit', 'off'])
      .default('edit')
      .describe('How an answer is shown while it is written: edit (one message that is edited), off. Default edit.'),
    api_root: z
      .url({ protocol: /^https?$/ })
      .transform((url) => url.replace(/\/+$/, ''))
      .default(DEFAULT_API_ROOT)
      .describe(`Address of the Web API. Default ${DEFAULT_API_ROOT}.`),
  })
  .superRefine((settings, context) => {
    const report = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (settings.app_token === undefined && settings.signing_secret === undefined)
      report('app_token', 'is missing: set app_token (Socket Mode) or signing_secret (Slack calls the gateway)');
    else if (settings.mode === 'socket' && settings.app_token === undefined)
      report('app_token', 'is missing: mode socket needs it');
    else if (settings.mode === 'http' && settings.signing_secret === undefined)
      report('signing_secret', 'is missing: mode http needs it');
  });

export type SlackSettings = z.output<typeof slackSettings>;

/** How messages arrive, with the secret that this needs. */
export type ReceiveMode = { kind: 'socket'; appToken: string } | { kind: 'http'; signingSecret: string };

export function receiveModeOf(settings: SlackSettings): ReceiveMode {
  const { app_token: appToken, signing_secret: signingSecret, mode } = settings;
  if (appToken !== undefined && mode !== 'http') return { kind: 'socket', appToken };
  // The schema has made sure that one of them is there.
  return { kind: 'http', signingSecret: signingSecret ?? '' };
}

export function secretsOf(settings: SlackSettings): readonly string[] {
  return [settings.bot_token, settings.app_token, settings.signing_secret].filter((one) => one !== undefined);
}
