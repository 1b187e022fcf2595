// Settings of execute_code, as they stand in config.yaml.
import { z } from 'zod';

export const codeSchema = z.strictObject({
  max_calls: z.int().min(1).max(1_000).default(50).describe('Tool calls that one script may make. Default 50.'),
  memory_mb: z
    .int()
    .min(128)
    .max(65_536)
    .default(512)
    .describe('Memory of one script, in MB (1024 * 1024 bytes). Default 512.'),
});

export type CodeSettings = z.output<typeof codeSchema>;
