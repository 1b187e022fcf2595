// Settings of memory services, as they stand in config.yaml under memory.providers.
import { z } from 'zod';

export const PROVIDER_NAMES = [
  'honcho',
  'mem0',
  'hindsight',
  'supermemory',
  'openviking',
  'retaindb',
  'byterover',
] as const;
export type ProviderName = (typeof PROVIDER_NAMES)[number];

const baseUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
    'write a web address such as http://127.0.0.1:8000',
  );

const providerSchema = z.strictObject({
  name: z.enum(PROVIDER_NAMES).describe(`The service: ${PROVIDER_NAMES.join(', ')}.`),
  enabled: z.boolean().default(true).describe('Whether it is used. Default true.'),
  base_url: baseUrl.optional().describe('Address of a server of your own. Default: the public service.'),
  key_env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name an environment variable, not a key')
    .optional()
    .describe('Environment name of the key. Default: NAME_API_KEY, such as HONCHO_API_KEY.'),
  workspace: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'use letters, digits, _ and -')
    .default('herald')
    .describe('Workspace, project or account there that holds what Herald tells it. Default herald.'),
  program: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('Path of the program, for byterover. Default: brv as found on PATH.'),
  write: z.boolean().default(true).describe('Whether it is told of turns; false: it is only asked. Default true.'),
  trusted: z
    .boolean()
    .default(false)
    .describe(
      "Whether its words count as Herald's own. false: a turn that read them asks before it acts. Default false.",
    ),
  timeout_ms: z
    .int()
    .min(50)
    .max(30_000)
    .default(1_500)
    .describe('How long a turn waits for what it knows, in ms; then the turn goes on without. Default 1500.'),
  max_chars: z
    .int()
    .min(100)
    .max(20_000)
    .default(2_000)
    .describe('Most of its words in one turn, in characters. Default 2000.'),
});

export const providersSchema = z
  .array(providerSchema)
  .max(8)
  .default([])
  .describe('Memory services outside of Herald, all used at the same time. Default: [].');

export type ProviderSettings = Readonly<z.output<typeof providerSchema>>;
