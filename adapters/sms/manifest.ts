// SMS, through a phone number at Twilio.
import { defineManifest, type AccountCheck, type AdapterInput } from '../contract.ts';
import { isSameUrl, listNumbers, readAccount } from './account.ts';
import { makeTwilioApi } from './api.ts';
import { ApiError, AUTH_ADVICE } from './errors.ts';
import { smsSettings, type SmsSettings } from './settings.ts';

export const smsManifest = defineManifest<SmsSettings>({
  id: 'sms',
  title: 'SMS (Twilio)',
  secrets: [{ key: 'auth_token', env: 'TWILIO_AUTH_TOKEN', required: true }],
  settings: smsSettings,
  builtin: false,
  load: async () => (await import('./adapter.ts')).makeSmsAdapter,
  verify,
  login: async () => (await import('./login.ts')).loginToSms,
});

async function verify(input: AdapterInput<SmsSettings>, signal: AbortSignal): Promise<AccountCheck> {
  const { from, messaging_service_sid: service, public_url: url, api_root: root } = input.settings;
  const api = makeTwilioApi(input.settings, input.fetch);
  try {
    const { name, isActive } = await readAccount(api, signal);
    if (!isActive)
      return {
        ok: false,
        reason: 'auth',
        message: `The Twilio account ${name} is suspended or closed; see the Twilio console.`,
      };
    if (from === undefined) return { ok: true, name: service ?? name };
    const [number] = await listNumbers(api, signal, from);
    if (!number) return { ok: false, reason: 'settings', message: `The Twilio account ${name} has no number ${from}.` };
    if (url !== undefined && !isSameUrl(number.sms_url, url)) {
      const message = `Twilio does not call ${url} for messages to ${from}. Set it there as the webhook for incoming messages, with POST.`;
      return { ok: false, reason: 'settings', message };
    }
    return { ok: true, name: from };
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403))
      return { ok: false, reason: 'auth', message: AUTH_ADVICE };
    // The error's text is left out: it may come from anywhere.
    return { ok: false, reason: 'unreachable', message: `Twilio at ${root} could not be asked. Check the network.` };
  }
}
