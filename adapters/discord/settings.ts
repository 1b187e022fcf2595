// Settings of `platforms.discord` in config.yaml.
import { z } from 'zod';
import { isSnowflake } from './snowflake.ts';

export const DEFAULT_API_ROOT = 'https://discord.com/api';
export const DEFAULT_CDN_ROOT = 'https://cdn.discordapp.com';

const address = (protocol: RegExp) => z.url({ protocol }).transform((url) => url.replace(/\/+$/, ''));

export const discordSettings = z.strictObject({
  token: z
    .string()
    .trim()
    .transform((token) => token.replace(/^Bot\s+/i, ''))
    .refine(isBotToken, 'must look like MTA….….…, as the developer portal showed it once under Bot, Reset Token')
    .describe('Token of the bot, from the developer portal. Environment: DISCORD_BOT_TOKEN.'),
  api_root: address(/^https?$/)
    .default(DEFAULT_API_ROOT)
    .describe(`Address of the REST API without its version; another one for a proxy. Default ${DEFAULT_API_ROOT}.`),
  gateway_url: address(/^wss?$/)
    .optional()
    .describe('Address of the gateway (WebSocket); for a proxy. Default: the one that the REST API names.'),
  cdn_root: address(/^https?$/)
    .default(DEFAULT_CDN_ROOT)
    .describe(`Address from which stickers are fetched. Default ${DEFAULT_CDN_ROOT}.`),
  streaming: z
    .enum(['edit', 'off'])
    .default('edit')
    .describe('How an answer is shown while it is written: edit (one message that is edited), off. Default edit.'),
  link_previews: z
    .boolean()
    .default(false)
    .describe(
      'Lets Discord show previews of links in answers. It then opens each link by itself, so an address that the model was talked into could carry private words out. Default false.',
    ),
});

export type DiscordSettings = z.output<typeof discordSettings>;

/** Three parts with dots between; the first holds the bot's id in base64. */
function isBotToken(token: string): boolean {
  return /^[A-Za-z0-9_-]{20,}={0,2}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{20,}$/.test(token) && isSnowflake(botIdOf(token));
}

/** The bot's own id, from the first part of its token. */
export function botIdOf(token: string): string {
  return Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString('latin1');
}
