// Slack, through Socket Mode or the Events API over HTTP, and the Web API.
import { defineManifest, type AccountCheck, type AdapterInput } from '../contract.ts';
import { checkToken, missingScopes } from './check.ts';
import { receiveModeOf, slackSettings, type SlackSettings } from './settings.ts';

export const slackManifest = defineManifest<SlackSettings>({
  id: 'slack',
  title: 'Slack',
  secrets: [
    { key: 'bot_token', env: 'SLACK_BOT_TOKEN', required: true },
    { key: 'app_token', env: 'SLACK_APP_TOKEN', required: false },
    { key: 'signing_secret', env: 'SLACK_SIGNING_SECRET', required: false },
  ],
  settings: slackSettings,
  builtin: false,
  load: async () => (await import('./adapter.ts')).makeSlackAdapter,
  verify,
  login: async () => (await import('./login.ts')).loginToSlack,
});

async function verify(input: AdapterInput<SlackSettings>, signal: AbortSignal): Promise<AccountCheck> {
  const { api_root: apiRoot, bot_token: token } = input.settings;
  const asking = { apiRoot, fetch: input.fetch, signal };
  const bot = await checkToken(asking, 'auth.test', token);
  if (!bot.ok) {
    if (bot.reason === 'unreachable') return unreachable(apiRoot, bot.why);
    const message = `Slack refuses the bot token (${bot.why}). Copy it again from "OAuth & Permissions" of the app, and set SLACK_BOT_TOKEN.`;
    return { ok: false, reason: 'auth', message };
  }
  const missing = missingScopes(bot.scopes);
  const names = missing.all.join(', ');
  if (!missing.isUsable) {
    const message = `The Slack app lacks these scopes: ${names}. Add them under "OAuth & Permissions" and reinstall the app.`;
    return { ok: false, reason: 'settings', message };
  }
  const mode = receiveModeOf(input.settings);
  if (mode.kind === 'socket') {
    const app = await checkToken(asking, 'apps.connections.open', mode.appToken);
    if (!app.ok) {
      if (app.reason === 'unreachable') return unreachable(apiRoot, app.why);
      const message = `Slack refuses the app-level token (${app.why}). Make one with the scope connections:write under "Basic Information", and set SLACK_APP_TOKEN.`;
      return { ok: false, reason: 'auth', message };
    }
  }
  const { user = 'the bot', team = 'the workspace' } = bot.answer;
  const without = missing.all.length > 0 ? ` (without the scopes ${names})` : '';
  return {
    ok: true,
    name: `@${user} in ${team}${without}`,
    ...(bot.serverTime !== undefined && { serverTime: bot.serverTime }),
  };
}

function unreachable(apiRoot: string, why: string): AccountCheck {
  const message = `Slack at ${apiRoot} could not be asked (${why}). Check the network, and Socket Mode in the settings of the app.`;
  return { ok: false, reason: 'unreachable', message };
}
