// Settings of `platforms.signal` in config.yaml.
import { z } from 'zod';

export const DEFAULT_URL = 'http://127.0.0.1:8080';

export const NUMBER_PATTERN = /^\+[1-9]\d{5,14}$/;

export const signalSettings = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/^[^/]+\/\/[^/]*@/.test(url), 'must hold no name or password; use api_token')
    .transform((url) => url.replace(/\/+$/, ''))
    .default(DEFAULT_URL)
    .describe(`Address of the signal-cli-rest-api server. Default ${DEFAULT_URL}.`),
  // Without quotes YAML reads +491234 as a number.
  number: z
    .preprocess(
      (value) => (typeof value === 'number' && Number.isSafeInteger(value) ? `+${value}` : value),
      z.string().trim().regex(NUMBER_PATTERN, 'must be a phone number like +491701234567'),
    )
    .describe(
      'Phone number of the Signal account, with + and country code. It must be linked or registered on the server.',
    ),
  api_token: z
    .string()
    .trim()
    .min(1)
    .optional()
    .describe(
      'Login for a proxy before the server: name:password (Basic), or a token (Bearer). Environment: SIGNAL_API_TOKEN. Default: none.',
    ),
  receive: z
    .enum(['auto', 'websocket', 'poll'])
    .default('auto')
    .describe(
      'How messages come in: websocket (server in json-rpc mode), poll (normal or native mode), auto asks the server. Default auto.',
    ),
  poll_seconds: z
    .number()
    .min(0.02)
    .max(3600)
    .default(3)
    .describe('Pause between two looks for messages, when they are polled for. Default 3.'),
  note_to_self_only: z
    .boolean()
    .default(false)
    .describe(
      "Hear nothing but Note to Self: for a server that is linked to the owner's own account, whose other chats are private. Default false.",
    ),
  trust: z
    .enum(['on-first-use', 'always', 'never'])
    .optional()
    .describe(
      "What a changed safety number means: always (trusted), on-first-use (only a contact's first one is), never. Default: as the server has it.",
    ),
});

export type SignalSettings = z.output<typeof signalSettings>;
