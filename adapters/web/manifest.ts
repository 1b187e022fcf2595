// The chat page that the gateway serves itself.
import { z } from 'zod';
import { defineManifest } from '../contract.ts';

export const webManifest = defineManifest({
  id: 'web',
  title: 'Web page',
  secrets: [],
  settings: z.strictObject({
    max_upload_mb: z
      .number()
      .positive()
      .max(2048)
      .default(25)
      .describe('Largest file that can be sent from the page, in MB (1024 * 1024 bytes). Default 25.'),
  }),
  builtin: true,
  load: async () => (await import('./adapter.ts')).makeWebAdapter,
});
