// Settings of `platforms.sms` in config.yaml.
import { z } from 'zod';

export const DEFAULT_API_ROOT = 'https://api.twilio.com';

/** Phone numbers as the platform names people: E.164. */
export const NUMBER_PATTERN = /^\+[1-9]\d{6,14}$/;

const fields = z.strictObject({
  account_sid: z
    .string()
    .trim()
    .regex(/^AC[0-9a-fA-F]{32}$/, 'must be AC and 32 hexadecimal digits, as the Twilio console shows it')
    .describe('Account SID, from the start page of the Twilio console.'),
  auth_token: z
    .string()
    .trim()
    .min(16)
    .describe('Auth Token, from the start page of the Twilio console. Environment: TWILIO_AUTH_TOKEN.'),
  // Without quotes YAML reads +1555… as a number.
  from: z
    .preprocess(
      (value) => (typeof value === 'number' && Number.isSafeInteger(value) ? `+${value}` : value),
      z.string().trim().regex(NUMBER_PATTERN, 'must be a phone number like +15551234567').optional(),
    )
    .describe('The Twilio number that people write to, with + and country code. This or messaging_service_sid.'),
  messaging_service_sid: z
    .string()
    .trim()
    .regex(/^MG[0-9a-fA-F]{32}$/, 'must be MG and 32 hexadecimal digits')
    .optional()
    .describe('A Messaging Service of Twilio, instead of one number.'),
  public_url: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/[?#]/.test(url), 'must have no query')
    .transform((url) => (url.endsWith('/') ? url : `${url}/`))
    .optional()
    .describe(
      'Public address under which Twilio reaches this gateway: <your host>/sms/<account>/, the same as in the Twilio console. Default: not set (Twilio is asked for new messages).',
    ),
  poll_seconds: z
    .number()
    .min(0.05)
    .max(3600)
    .optional()
    .describe('How often Twilio is asked for messages. Default 10, or 300 with public_url, for what was missed.'),
  api_root: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .default(DEFAULT_API_ROOT)
    .describe(`Address of the Twilio API, such as that of another region. Default ${DEFAULT_API_ROOT}.`),
});

export const smsSettings = fields.refine(
  ({ from, messaging_service_sid: service }) => (from === undefined) !== (service === undefined),
  { error: 'set either from or messaging_service_sid', path: ['from'] },
);

export type SmsSettings = z.output<typeof smsSettings>;
