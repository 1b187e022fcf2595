// Settings of `platforms.whatsapp` in config.yaml.
import { z } from 'zod';

/** Version of the Graph API that the requests are written for, https://developers.facebook.com/docs/graph-api/changelog, read 2026-11-21. */
export const DEFAULT_API_ROOT = 'https://graph.facebook.com/v25.0';

/** Without what a number is written with for people: +1 (555) 000-2222 → 15550002222. */
export function digitsOf(phone: string): string {
  return phone.replace(/[\s().+-]/g, '');
}

export const whatsappSettings = z
  .strictObject({
    transport: z
      .enum(['device', 'cloud'])
      .default('device')
      .describe(
        'device: a linked device of a WhatsApp account, as WhatsApp Web is. cloud: the official Cloud API for a business number. Default device.',
      ),
    phone_number: z
      .string()
      .transform(digitsOf)
      .refine(
        (digits) => /^[1-9]\d{6,14}$/.test(digits),
        'must be a number with its country code, such as +15550002222',
      )
      .optional()
      .describe(
        'Device: number of the account. With it, linking shows a code to type in on the phone instead of a QR code. Default: none.',
      ),
    device_name: z
      .string()
      .trim()
      .min(1)
      .max(32)
      .regex(/^[^\p{C}]+$/u, 'must be plain text')
      .default('Herald')
      .describe('Device: how this device is called in the phone’s list of linked devices. Default Herald.'),
    self_chat_only: z
      .boolean()
      .default(false)
      .describe(
        'Device: listen only to the chat "Message yourself", for an account that you use yourself. Default false: all direct messages and groups.',
      ),
    streaming: z
      .enum(['edit', 'off'])
      .default('off')
      .describe(
        'Device: how an answer is shown while it is written: edit (one message, marked as edited) or off. Default off.',
      ),
    read_receipts: z
      .boolean()
      .default(false)
      .describe(
        'Show people that their messages were read (blue ticks). In the Cloud API, showing that an answer is written marks them as read in any case. Default false.',
      ),
    server_url: z
      .url({ protocol: /^wss?$/ })
      .optional()
      .describe('Device: address of the WhatsApp server, for tests. Default: that of WhatsApp.'),
    access_token: z
      .string()
      .trim()
      .min(20)
      .optional()
      .describe('Cloud: access token of a system user. Environment: WHATSAPP_CLOUD_TOKEN.'),
    app_secret: z
      .string()
      .trim()
      .min(16)
      .optional()
      .describe(
        'Cloud: secret of the app; proves that webhook requests come from Meta. Environment: WHATSAPP_APP_SECRET.',
      ),
    verify_token: z
      .string()
      .trim()
      .regex(/^[\x21-\x7e]{8,256}$/, 'must have 8 to 256 characters without spaces')
      .optional()
      .describe(
        'Cloud: a word of your choice that Meta repeats when the webhook is set. Environment: WHATSAPP_VERIFY_TOKEN.',
      ),
    phone_number_id: z
      .string()
      .trim()
      .regex(/^\d{5,32}$/, 'must be the numeric id that the API setup page shows, not the phone number')
      .optional()
      .describe('Cloud: id of the business phone number, from the API setup page of the app.'),
    api_root: z
      .url({ protocol: /^https?$/ })
      .transform((url) => url.replace(/\/+$/, ''))
      .default(DEFAULT_API_ROOT)
      .describe(`Cloud: address of the Graph API with its version. Default ${DEFAULT_API_ROOT}.`),
  })
  .superRefine((settings, context) => {
    if (settings.transport !== 'cloud') return;
    for (const [key, hint] of CLOUD_NEEDS) {
      if (settings[key] === undefined)
        context.addIssue({ code: 'custom', path: [key], message: `is needed for transport: cloud; ${hint}` });
    }
  });

const CLOUD_NEEDS = [
  ['access_token', 'set WHATSAPP_CLOUD_TOKEN in .env'],
  ['app_secret', 'set WHATSAPP_APP_SECRET in .env'],
  ['verify_token', 'set WHATSAPP_VERIFY_TOKEN in .env'],
  ['phone_number_id', 'it stands on the API setup page of your app'],
] as const;

export type WhatsAppSettings = z.output<typeof whatsappSettings>;

/** Settings of the Cloud API, all of them there. */
export interface CloudSettings {
  accessToken: string;
  appSecret: string;
  verifyToken: string;
  phoneNumberId: string;
  apiRoot: string;
  readReceipts: boolean;
}

/** Undefined when one is missing, which the schema refuses for transport: cloud. */
export function cloudSettingsOf(settings: WhatsAppSettings): CloudSettings | undefined {
  const { access_token: accessToken, app_secret: appSecret } = settings;
  const { verify_token: verifyToken, phone_number_id: phoneNumberId } = settings;
  if (!accessToken || !appSecret || !verifyToken || !phoneNumberId) return undefined;
  return {
    accessToken,
    appSecret,
    verifyToken,
    phoneNumberId,
    apiRoot: settings.api_root,
    readReceipts: settings.read_receipts,
  };
}
