// The section `memory` of config.yaml.
import { z } from 'zod';
import { embeddingsSchema } from './embeddings/config.ts';
import { providersSchema } from './providers/config.ts';

export const memorySchema = z.strictObject({
  memory_char_limit: z
    .int()
    .min(200)
    .max(100_000)
    .default(2_200)
    .describe('Characters of MEMORY.md; what is beyond them goes to the archive, where it is found. Default 2200.'),
  user_char_limit: z
    .int()
    .min(200)
    .max(100_000)
    .default(1_375)
    .describe('Characters of USER.md; what is beyond them goes to the archive, where it is found. Default 1375.'),
  recall_tokens: z
    .int()
    .min(0)
    .max(20_000)
    .default(400)
    .describe('Most tokens of what a request gets from the archive; 0 recalls nothing. Default 400.'),
  embeddings: embeddingsSchema.prefault({}).describe('The search by meaning.'),
  providers: providersSchema,
});

export interface MemorySettings {
  /** Code points, separators included. */
  memoryChars: number;
  userChars: number;
  /** By the estimator; 0: nothing is recalled. */
  recallTokens: number;
}

export function memorySettings(config: z.infer<typeof memorySchema>): MemorySettings {
  return {
    memoryChars: config.memory_char_limit,
    userChars: config.user_char_limit,
    recallTokens: config.recall_tokens,
  };
}

export const DEFAULT_MEMORY: MemorySettings = memorySettings(memorySchema.parse({}));
