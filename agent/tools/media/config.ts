// Settings of the media tools, as they stand in config.yaml.
import { z } from 'zod';

const baseUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
    'write a web address such as http://127.0.0.1:8080/v1',
  );

const size = (usual: string, what: string) =>
  z
    .string()
    .regex(/^(?:auto|\d{2,5}x\d{2,5})$/, 'write WIDTHxHEIGHT such as 1024x1024, or auto')
    .default(usual)
    .describe(`Size of ${what} images. Default ${usual}.`);

/** `images`. */
export const imagesSchema = z.strictObject({
  base_url: baseUrl
    .optional()
    .describe('Address of a server with the OpenAI route /images/generations. Default: OpenAI, when its key is there.'),
  model: z
    .string()
    .trim()
    .min(1)
    .max(256)
    .optional()
    .describe('Model. Default: gpt-image-2.5-flare at OpenAI, else none.'),
  key_env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name environment variables, not keys'))
    .max(8)
    .optional()
    .describe('Environment names that may hold the key. Default: none when base_url is set, else OPENAI_API_KEY.'),
  price_usd: z
    .number()
    .min(0)
    .max(1_000)
    .optional()
    .describe('What one image costs, in US dollars, for the limits of `budget`. Default: counted as 0.25, as a guess.'),
  quality: z
    .string()
    .regex(/^[a-z]{1,20}$/, 'write a word such as low or high')
    .optional()
    .describe("Quality, as the model knows it. Default: the model's."),
  sizes: z
    .strictObject({
      square: size('1024x1024', 'square'),
      landscape: size('1536x1024', 'wide'),
      portrait: size('1024x1536', 'tall'),
    })
    .prefault({})
    .describe('Sizes by shape.'),
  timeout_ms: z
    .int()
    .min(1_000)
    .max(900_000)
    .default(180_000)
    .describe('How long making one image may take, in ms. Default 180000.'),
});

export type ImageSettings = z.infer<typeof imagesSchema>;
