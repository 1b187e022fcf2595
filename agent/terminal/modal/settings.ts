// What can be set about sandboxes of Modal.
import { z } from 'zod';

const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name an environment variable, not a key');
const objectName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'use letters, digits, . _ and -');

export const modalSettings = z.strictObject({
  token_id_env: environmentName
    .default('MODAL_TOKEN_ID')
    .describe('Environment name that holds the id of the token. Default MODAL_TOKEN_ID.'),
  token_secret_env: environmentName
    .default('MODAL_TOKEN_SECRET')
    .describe('Environment name that holds the secret of the token. Default MODAL_TOKEN_SECRET.'),
  environment: objectName.optional().describe("Modal environment to work in. Default: the workspace's."),
  app: objectName
    .default('herald')
    .describe('App that sandboxes belong to; made when it is not there. Default herald.'),
  image: z
    .string()
    .regex(/^[a-z0-9][A-Za-z0-9._:/@-]*$/, 'write the name of an image')
    .default('debian:stable-slim')
    .describe('Image that new sandboxes are made of. Default debian:stable-slim.'),
  network: z
    .boolean()
    .default(true)
    .describe('Whether commands reach the network. false: they have none. Default true.'),
  idle_minutes: z
    .int()
    .min(1)
    .max(1440)
    .default(20)
    .describe(
      'Modal ends an unused sandbox after this time by itself, also when Herald is not running, in minutes. The workspace is kept, installed programs only when Herald let it sleep before. Default 20.',
    ),
  max_hours: z
    .int()
    .min(1)
    .max(24)
    .default(24)
    .describe(
      'Longest life of one sandbox, in hours; then the next command makes a new one. Default 24, the most that Modal allows.',
    ),
  keep_snapshots_days: z
    .int()
    .min(1)
    .max(3650)
    .default(30)
    .describe(
      'How long what was installed outside of the workspace is kept for a sleeping sandbox, in days. Default 30.',
    ),
});

export type ModalSettings = z.output<typeof modalSettings>;
