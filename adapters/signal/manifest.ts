// Signal, through a signal-cli-rest-api server (https://github.com/bbernhard/signal-cli-rest-api).
import { defineManifest, type AccountCheck, type AdapterInput } from '../contract.ts';
import { makeSignalApi } from './api.ts';
import { ApiError, AUTH_ADVICE } from './errors.ts';
import { askServer } from './server.ts';
import { signalSettings, type SignalSettings } from './settings.ts';

export const signalManifest = defineManifest<SignalSettings>({
  id: 'signal',
  title: 'Signal',
  secrets: [{ key: 'api_token', env: 'SIGNAL_API_TOKEN', required: false }],
  settings: signalSettings,
  builtin: false,
  accountOf: (settings) => settings.number,
  load: async () => (await import('./adapter.ts')).makeSignalAdapter,
  verify,
  login: async () => (await import('./login.ts')).loginToSignal,
});

async function verify(input: AdapterInput<SignalSettings>, signal: AbortSignal): Promise<AccountCheck> {
  const { url, number } = input.settings;
  try {
    const { accounts } = await askServer(makeSignalApi(input.settings, input.fetch), signal);
    if (accounts.includes(number)) return { ok: true, name: number };
    const others = accounts.length > 0 ? ` It has ${accounts.slice(0, 5).join(', ')}.` : '';
    const message = `The Signal server at ${url} does not have the account ${number}.${others} Link or register it there.`;
    return { ok: false, reason: 'auth', message };
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403))
      return { ok: false, reason: 'auth', message: AUTH_ADVICE };
    // The error's text is left out: it may come from anywhere.
    return {
      ok: false,
      reason: 'unreachable',
      message: `No signal-cli-rest-api server answers at ${url}. Start it, or set url to where it is.`,
    };
  }
}
