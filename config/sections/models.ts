// Which models answer, and how their servers are reached.
import { z } from 'zod';
import { tokenCount } from './values.ts';

const webAddress = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
    'write a web address such as http://127.0.0.1:11434/v1',
  );

const apiMode = z
  .enum(['chat_completions', 'responses', 'anthropic_messages'])
  .describe(
    'How the model server is spoken to: OpenAI chat completions, OpenAI Responses or Anthropic Messages. Default: as the provider needs.',
  );

const price = (what: string) =>
  z.number().min(0).optional().describe(`US dollars per million ${what} tokens. Default: the bundled price table.`);

export const modelSettings = z.strictObject({
  provider: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Preset or key of `providers`. Default: the first one with a key in the environment, else a local Ollama, else the demo model.',
    ),
  name: z.string().min(1).optional().describe("The provider's id of the model. Default: the provider's usual one."),
  base_url: webAddress
    .optional()
    .describe('Address of an OpenAI- or Anthropic-compatible server. Default: as the provider preset says.'),
  api_mode: apiMode.optional(),
  context_length: tokenCount.optional().describe('Tokens that fit the model. Default: from the bundled model table.'),
  max_tokens: tokenCount
    .optional()
    .describe('Most tokens of one reply of this model. Default: agent.max_output_tokens.'),
  vision: z.boolean().optional().describe('Whether the model sees images; false: model_vision does. Default true.'),
  api_key: z
    .string()
    .min(1)
    .optional()
    .describe('Discouraged: keep keys in .env. Default: the environment name of the provider.'),
});

const modelEntry = z.strictObject({
  context_length: tokenCount.optional().describe('Tokens that fit the model.'),
  max_output_tokens: tokenCount.optional().describe('Most tokens that the model can answer.'),
  vision: z.boolean().optional().describe('Whether the model sees images. Default true.'),
  input_usd_per_million: price('input'),
  output_usd_per_million: price('output'),
  cache_read_usd_per_million: price('cache read'),
  cache_write_usd_per_million: price('cache write'),
});

export const providerSettings = z.strictObject({
  base_url: webAddress.optional().describe('Address of the API. Default: as the preset of that name says.'),
  api_mode: apiMode.optional(),
  key_env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name environment variables, not keys'))
    .max(32)
    .optional()
    .describe(
      'Environment names that hold keys of this provider; several are used in turn. Default: as the preset of that name says.',
    ),
  models: z
    .record(z.string().min(1), modelEntry)
    .default({})
    .describe('What the bundled tables do not know about its models. Default: {}.'),
});
