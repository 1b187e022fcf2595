// Walks a person through setting WhatsApp up: as a linked device, or with the Cloud API. Loads no SDK.
import { randomBytes } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import type { LoginIo, LoginResult } from '../../login.ts';
import { cloudSettingsOf, whatsappSettings } from '../settings.ts';
import { verifyCloud } from './verify.ts';

const MAX_TRIES = 10;

/** Rejects with AppError: `cancelled` when the person breaks off, `platform_auth` after ten tries. */
export async function login(io: LoginIo): Promise<LoginResult> {
  const transport = await io.choose({
    key: 'transport',
    label: 'How shall Herald use WhatsApp?',
    options: [
      {
        value: 'device',
        label: 'As a linked device, like WhatsApp Web',
        hint: 'Any account, groups too, ready in a minute. Not an official interface: WhatsApp may restrict accounts that annoy people.',
      },
      {
        value: 'cloud',
        label: 'With the official Cloud API',
        hint: 'A business number at Meta and a public https address. Buttons; no groups; answers within 24 hours only.',
      },
    ],
  });
  return transport === 'cloud' ? loginCloud(io) : loginWeb(io);
}

async function loginWeb(io: LoginIo): Promise<LoginResult> {
  const whose = await io.choose({
    key: 'self_chat_only',
    label: 'Whose number is it?',
    options: [
      { value: 'own', label: 'One for Herald alone', hint: 'Everybody whom you let can write to it.' },
      {
        value: 'mine',
        label: 'My own',
        hint: 'Herald then listens only to your chat with yourself ("Message yourself"), and to nobody who writes to you.',
      },
    ],
  });
  const phone = await io.ask({
    key: 'phone_number',
    label: 'The number, to link with a typed code',
    hint: 'With its country code, such as +15550002222. Leave it empty to scan a QR code instead.',
    optional: true,
    check: (answer) => problemOf('phone_number', answer),
  });
  const digits = phone.trim() === '' ? undefined : whatsappSettings.shape.phone_number.parse(phone.trim());
  io.say(
    `Once the gateway runs, it shows ${digits ? 'a code to type in' : 'a QR code to scan'}: on the phone, open WhatsApp → Settings → Linked devices → Link a device.`,
  );
  return {
    name: 'WhatsApp, as a linked device',
    settings: {
      transport: 'device',
      ...(whose === 'mine' && { self_chat_only: true }),
      ...(digits !== undefined && { phone_number: digits }),
    },
    secrets: {},
  };
}

async function loginCloud(io: LoginIo): Promise<LoginResult> {
  io.show({
    kind: 'url',
    url: 'https://developers.facebook.com/apps',
    caption:
      'Create an app of type Business, add the product WhatsApp, and open its page "API setup". Make a token that does not end for a system user (business.facebook.com → Settings → System users) with whatsapp_business_messaging and whatsapp_business_management.',
  });
  const verifyToken = randomBytes(18).toString('base64url');
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const answers = await askCloud(io);
    const parsed = whatsappSettings.parse({ transport: 'cloud', verify_token: verifyToken, ...answers });
    const settings = cloudSettingsOf(parsed);
    if (!settings) throw new AppError('internal', 'The answers do not make up the settings of the Cloud API.');
    io.say('Asking Meta…');
    const check = await verifyCloud(settings, io.fetch, io.signal);
    if (check.ok) {
      showWebhook(io, verifyToken);
      return {
        name: check.name,
        settings: { transport: 'cloud', phone_number_id: settings.phoneNumberId },
        secrets: { access_token: settings.accessToken, app_secret: settings.appSecret, verify_token: verifyToken },
      };
    }
    io.say(check.message);
  }
  throw new AppError(
    'platform_auth',
    'The Cloud API could not be set up. Check token, number and secret, then try again.',
  );
}

async function askCloud(io: LoginIo) {
  return {
    access_token: await io.ask({
      key: 'access_token',
      label: 'Access token',
      secret: true,
      check: (answer) => problemOf('access_token', answer),
    }),
    phone_number_id: await io.ask({
      key: 'phone_number_id',
      label: 'Phone number ID',
      hint: 'The long number under "From" on the API setup page, not the phone number.',
      check: (answer) => problemOf('phone_number_id', answer),
    }),
    app_secret: await io.ask({
      key: 'app_secret',
      label: 'App secret',
      hint: 'App settings → Basic. It proves that webhook requests come from Meta.',
      secret: true,
      check: (answer) => problemOf('app_secret', answer),
    }),
  };
}

function showWebhook(io: LoginIo, verifyToken: string): void {
  io.show({
    kind: 'text',
    text: `Callback URL: https://<your public host>/whatsapp/default/\nVerify token: ${verifyToken}\nField to subscribe to: messages`,
    caption:
      'Once the gateway runs: on the app’s page WhatsApp → Configuration, set the webhook. The address must reach this gateway through https; for an account with a name of its own, put that in place of default.',
  });
}

type Key = 'phone_number' | 'access_token' | 'phone_number_id' | 'app_secret';

/** What is wrong with an answer; undefined: nothing. */
function problemOf(key: Key, answer: string): string | undefined {
  const text = answer.trim();
  if (text === '' && key === 'phone_number') return undefined;
  const parsed = whatsappSettings.shape[key].safeParse(text);
  return parsed.success ? undefined : `This cannot be: ${parsed.error.issues[0]?.message ?? 'not as expected'}.`;
}
