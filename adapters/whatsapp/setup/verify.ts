// Whether WhatsApp takes these settings, asked of it without starting anything. Loads no SDK.
import { z } from 'zod';
import type { AccountCheck, AdapterInput } from '../../contract.ts';
import { makeProof } from '../cloud/api.ts';
import { readError, UNKNOWN_NUMBER } from '../cloud/errors.ts';
import { cloudSettingsOf, type CloudSettings, type WhatsAppSettings } from '../settings.ts';
import { BAILEYS_VERSION } from '../web/library.ts';

const WEB_ADDRESS = 'https://web.whatsapp.com/';

export async function verify(input: AdapterInput<WhatsAppSettings>, signal: AbortSignal): Promise<AccountCheck> {
  if (input.settings.transport === 'device') return verifyWeb(input, signal);
  const settings = cloudSettingsOf(input.settings);
  if (!settings) return { ok: false, reason: 'settings', message: 'Settings of the Cloud API are missing.' };
  return verifyCloud(settings, input.fetch, signal);
}

/** Who we are is known to the phone alone; what can be known is whether the package is there and WhatsApp answers. */
async function verifyWeb(
  { settings, fetch: ask }: AdapterInput<WhatsAppSettings>,
  signal: AbortSignal,
): Promise<AccountCheck> {
  if (!hasBaileys()) {
    const message = `The package baileys is not installed (a part of it is GPL-3.0). Run: npm install baileys@${BAILEYS_VERSION}`;
    return { ok: false, reason: 'settings', message };
  }
  const address = settings.server_url?.replace(/^ws/, 'http') ?? WEB_ADDRESS;
  try {
    // Any answer will do: it is there.
    const response = await ask(address, { method: 'HEAD', signal, redirect: 'manual' });
    await response.body?.cancel();
    return { ok: true, name: 'a linked device', ...serverTimeOf(response) };
  } catch {
    const message = 'WhatsApp could not be reached. Check the network; the connection goes to web.whatsapp.com.';
    return { ok: false, reason: 'unreachable', message };
  }
}

function hasBaileys(): boolean {
  try {
    import.meta.resolve('baileys');
    return true;
  } catch {
    return false;
  }
}

const numberSchema = z.looseObject({
  verified_name: z.string().optional(),
  display_phone_number: z.string().optional(),
});

export async function verifyCloud(
  settings: CloudSettings,
  ask: typeof fetch,
  signal: AbortSignal,
): Promise<AccountCheck> {
  const { apiRoot, phoneNumberId, accessToken } = settings;
  const url = `${apiRoot}/${phoneNumberId}?fields=verified_name,display_phone_number&${makeProof(settings)}`;
  try {
    const response = await ask(url, {
      headers: { authorization: `Bearer ${accessToken}` },
      signal,
      redirect: 'error',
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) return refused(body, response.status);
    const number = numberSchema.safeParse(body);
    const { verified_name: name, display_phone_number: phone } = number.success ? number.data : {};
    return { ok: true, name: [name, phone].filter(Boolean).join(', ') || phoneNumberId, ...serverTimeOf(response) };
  } catch {
    // The error's text is left out: it may hold the address.
    const message = `The Cloud API at ${apiRoot} could not be asked. Check the network.`;
    return { ok: false, reason: 'unreachable', message };
  }
}

function refused(body: unknown, status: number): AccountCheck {
  const { problem } = readError(status, body);
  if (problem.code === 'auth') return { ok: false, reason: 'auth', message: problem.message };
  const isTheirs = problem.code === 'unreachable' || problem.code === 'rate_limited';
  if (isTheirs) return { ok: false, reason: 'unreachable', message: problem.message };
  return { ok: false, reason: 'settings', message: UNKNOWN_NUMBER };
}

function serverTimeOf(response: Response): { serverTime?: number } {
  const date = Date.parse(response.headers.get('date') ?? '');
  return Number.isFinite(date) ? { serverTime: date } : {};
}
