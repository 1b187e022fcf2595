// Telegram, through the Bot API.
import { z } from 'zod';
import { defineManifest, type AccountCheck, type AdapterInput } from '../contract.ts';
import { botIdOf, telegramSettings, type TelegramSettings } from './settings.ts';

export const telegramManifest = defineManifest<TelegramSettings>({
  id: 'telegram',
  title: 'Telegram',
  secrets: [{ key: 'token', env: 'TELEGRAM_BOT_TOKEN', required: true }],
  settings: telegramSettings,
  builtin: false,
  accountOf: (settings) => botIdOf(settings.token),
  load: async () => (await import('./adapter.ts')).makeTelegramAdapter,
  verify,
});

const answer = z.looseObject({
  ok: z.boolean(),
  description: z.string().optional(),
  result: z.looseObject({ username: z.string().optional(), first_name: z.string() }).optional(),
});

async function verify(input: AdapterInput<TelegramSettings>, signal: AbortSignal): Promise<AccountCheck> {
  const { api_root: root, token } = input.settings;
  try {
    const response = await input.fetch(`${root}/bot${token}/getMe`, { signal, redirect: 'error' });
    if (response.status === 401 || response.status === 404) {
      const message =
        'Telegram does not know this token. Ask @BotFather for the token of your bot (/mybots) and set it again.';
      return { ok: false, reason: 'auth', message };
    }
    const body = answer.safeParse(await response.json());
    const me = body.success && body.data.ok ? body.data.result : undefined;
    if (!me) return unreachable(root, `it answered with status ${response.status}`);
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      ok: true,
      name: me.username ? `@${me.username}` : me.first_name,
      ...(Number.isFinite(date) && { serverTime: date }),
    };
  } catch {
    // The error's text is left out: it may hold the address, which holds the token.
    return unreachable(root, 'no answer');
  }
}

function unreachable(root: string, why: string): AccountCheck {
  return {
    ok: false,
    reason: 'unreachable',
    message: `The Bot API server at ${root} could not be asked (${why}). Check the network, or api_root if you run your own server.`,
  };
}
