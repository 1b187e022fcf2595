// Mattermost, as a bot account of a server, over its API v4 and WebSocket.
import { defineManifest, type AccountCheck, type AdapterInput } from '../contract.ts';
import { makeMattermostApi } from './api.ts';
import { isRefusedLogin, REFUSED_LOGIN } from './errors.ts';
import { askIdentity } from './identity.ts';
import { mattermostSettings, type MattermostSettings } from './settings.ts';

export const mattermostManifest = defineManifest<MattermostSettings>({
  id: 'mattermost',
  title: 'Mattermost',
  secrets: [{ key: 'token', env: 'MATTERMOST_TOKEN', required: true }],
  settings: mattermostSettings,
  builtin: false,
  load: async () => (await import('./adapter.ts')).makeMattermostAdapter,
  verify,
  login: async () => (await import('./setup/login.ts')).loginToMattermost,
});

async function verify(input: AdapterInput<MattermostSettings>, signal: AbortSignal): Promise<AccountCheck> {
  const { url } = input.settings;
  try {
    const { username, serverTime } = await askIdentity(makeMattermostApi(input.settings, input.fetch), signal);
    return { ok: true, name: `@${username}`, ...(serverTime !== undefined && { serverTime }) };
  } catch (error) {
    if (isRefusedLogin(error)) return { ok: false, reason: 'auth', message: REFUSED_LOGIN };
    // The error's text is left out: it may come from anywhere.
    const message = `No Mattermost server answers at ${url}. Check the address in url, and the network.`;
    return { ok: false, reason: 'unreachable', message };
  }
}
