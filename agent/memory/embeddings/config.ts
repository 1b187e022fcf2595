// Settings of the search by meaning, as they stand in config.yaml under memory.embeddings.
import { z } from 'zod';

const baseUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
    'write a web address such as http://127.0.0.1:11434/v1',
  );

export const embeddingsSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      'Whether what is remembered is found by its meaning too. Texts of the memory go to the model. Default false.',
    ),
  provider: z
    .string()
    .min(1)
    .optional()
    .describe('Preset or key of `providers` whose address and key are used. Default: openai.'),
  base_url: baseUrl
    .optional()
    .describe('Address of a server with the route /embeddings of OpenAI. Default: as the provider says.'),
  model: z
    .string()
    .min(1)
    .max(256)
    .default('text-embedding-3-small')
    .describe(
      'Model that turns texts into vectors. Another one reads everything anew. Default text-embedding-3-small.',
    ),
  dimensions: z
    .int()
    .min(8)
    .max(8192)
    .optional()
    .describe('Numbers per vector, where the model can make fewer. Default: as the model does.'),
  key_env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name an environment variable, not a key')
    .optional()
    .describe('Environment name of the key. Default: as the provider says.'),
  usd_per_million: z
    .number()
    .min(0)
    .optional()
    .describe('Price in US dollars per million tokens. Default: as for models, else not known.'),
  query_timeout_ms: z
    .int()
    .min(50)
    .max(1_500)
    .default(1_500)
    .describe('How long a turn waits for the meaning of its question, in ms. Default 1500.'),
});
