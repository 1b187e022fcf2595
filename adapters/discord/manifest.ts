// Discord, as a bot: gateway in, REST API out.
import { defineManifest, type AccountCheck, type AdapterInput } from '../contract.ts';
import { NEW_TOKEN } from './errors.ts';
import { askIdentity } from './identity.ts';
import { botIdOf, discordSettings, type DiscordSettings } from './settings.ts';

export const discordManifest = defineManifest<DiscordSettings>({
  id: 'discord',
  title: 'Discord',
  secrets: [{ key: 'token', env: 'DISCORD_BOT_TOKEN', required: true }],
  settings: discordSettings,
  builtin: false,
  accountOf: (settings) => botIdOf(settings.token),
  load: async () => (await import('./adapter.ts')).makeDiscordAdapter,
  verify,
  login: async () => (await import('./login.ts')).logIn,
});

async function verify(input: AdapterInput<DiscordSettings>, signal: AbortSignal): Promise<AccountCheck> {
  const { api_root: apiRoot, token } = input.settings;
  const result = await askIdentity({ token, apiRoot, fetch: input.fetch, signal });
  if (!result.ok)
    return {
      ok: false,
      reason: result.reason,
      message:
        result.reason === 'auth'
          ? NEW_TOKEN
          : `Discord's API at ${apiRoot} could not be asked (${result.why}). Check the network, or api_root if you use a proxy.`,
    };
  const { identity } = result;
  if (!identity.readsMessages)
    return {
      ok: false,
      reason: 'settings',
      message: `The bot may not read messages. Switch on "Message Content Intent" in the developer portal: https://discord.com/developers/applications/${identity.application}/bot.`,
    };
  return {
    ok: true,
    name: `@${identity.username}`,
    ...(identity.serverTime !== undefined && { serverTime: identity.serverTime }),
  };
}
