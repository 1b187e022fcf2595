// Platforms of the configuration tests: one with secrets, one without, one that is always there.
import { z } from 'zod';
import type { PlatformManifest } from '../../config/schema.ts';

export const sampleManifests: readonly PlatformManifest[] = [
  {
    id: 'parrot',
    title: 'Parrot',
    secrets: [
      { key: 'token', env: 'PARROT_BOT_TOKEN', required: true },
      { key: 'webhook_secret', env: 'PARROT_WEBHOOK_SECRET', required: false },
    ],
    settings: z.object({
      token: z.string().min(1),
      webhook_secret: z.string().optional(),
      api_root: z.string().default('https://parrot.example'),
      poll_seconds: z.int().min(1).max(50).default(30),
    }),
    builtin: false,
  },
  { id: 'owl-post', title: 'Owl Post', secrets: [], settings: z.object({}), builtin: false },
  {
    id: 'window',
    title: 'Window',
    secrets: [],
    settings: z.strictObject({ title: z.string().default('Herald') }),
    builtin: true,
  },
];
