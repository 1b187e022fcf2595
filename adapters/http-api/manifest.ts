// The OpenAI-compatible API: chat front ends and programs talk to the agent as if it were a model. Who calls is told by their key.
import { z } from 'zod';
import { defineManifest } from '../contract.ts';
import { makeKey, readUser } from './keys.ts';

export const apiManifest = defineManifest({
  id: 'http-api',
  title: 'OpenAI-compatible API',
  secrets: [],
  settings: z.strictObject({
    max_wait_s: z
      .int()
      .min(1)
      .max(86_400)
      .default(900)
      .describe('How long a request waits for its answer, in seconds; the work goes on after it. Default 900.'),
  }),
  builtin: true,
  makeKey,
  readKey: readUser,
  load: async () => (await import('./adapter.ts')).makeApiAdapter,
});
