// Settings of `platforms.telegram` in config.yaml.
import { z } from 'zod';

export const DEFAULT_API_ROOT = 'https://api.telegram.org';

export const telegramSettings = z.strictObject({
  token: z
    .string()
    .trim()
    .regex(/^\d{3,20}:[A-Za-z0-9_-]{10,}$/, 'must look like 123456789:AbC…, as @BotFather gave it')
    .describe('Token of the bot, from @BotFather. Environment: TELEGRAM_BOT_TOKEN.'),
  api_root: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .default(DEFAULT_API_ROOT)
    .describe(`Address of the Bot API server; another one for a self-hosted server. Default ${DEFAULT_API_ROOT}.`),
  webhook: z
    .strictObject({
      url: z
        .url({ protocol: /^https$/ })
        .describe('Public https address under which Telegram reaches this gateway: <your host>/telegram/<account>/.'),
      secret: z
        .string()
        .regex(/^[A-Za-z0-9_-]{16,256}$/, 'must have 16 to 256 characters of A-Z a-z 0-9 _ -')
        .describe('A random value that Telegram sends with each request, so that nobody else can.'),
    })
    .optional()
    .describe(
      'Lets Telegram call the gateway instead of the gateway asking Telegram. Default: not set (long polling).',
    ),
  streaming: z
    .enum(['draft', 'edit', 'off'])
    .default('draft')
    .describe(
      'How an answer is shown while it is written: draft (a preview, private chats only; groups use edit), edit (one message that is edited), off. Default draft.',
    ),
  rate_limit: z
    .boolean()
    .default(true)
    .describe(
      "Keep below Telegram's limits (30 messages a second, 1 a second per chat, 20 a minute per group). false: send at once and wait only when Telegram says so. Default true.",
    ),
});

export type TelegramSettings = z.output<typeof telegramSettings>;

/** The bot's own id is the number in its token. */
export function botIdOf(token: string): string {
  return token.slice(0, token.indexOf(':'));
}
