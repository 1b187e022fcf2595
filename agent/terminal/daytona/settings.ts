// What can be set about sandboxes of Daytona.
import { z } from 'zod';

const word = /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/;

export const daytonaSettings = z.strictObject({
  api_key_env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name an environment variable, not a key')
    .default('DAYTONA_API_KEY')
    .describe('Environment name that holds the API key. Default DAYTONA_API_KEY.'),
  api_url: z
    .url({ protocol: /^https?$/, error: 'write a web address' })
    .default('https://app.daytona.io/api')
    .describe('Address of the API. Default https://app.daytona.io/api.'),
  target: z
    .string()
    .regex(word, 'write the name of a target')
    .default('us')
    .describe('Region or target that sandboxes are made in. Default us.'),
  snapshot: z
    .string()
    .regex(word, 'write the name of a snapshot')
    .optional()
    .describe("Snapshot that sandboxes are made from. Default: the organization's."),
  image: z
    .string()
    .regex(word, 'write the name of an image')
    .optional()
    .describe(
      'Image that sandboxes are made from in place of a snapshot; only then processor, memory and disk can be chosen. Default: none.',
    ),
  network: z
    .boolean()
    .default(true)
    .describe('Whether commands reach the network. false: they have none. Default true.'),
  auto_stop_minutes: z
    .int()
    .min(1)
    .max(10_080)
    .default(15)
    .describe(
      'Daytona stops an unused sandbox after this time by itself, also when Herald is not running, in minutes. Default 15.',
    ),
  auto_archive_minutes: z
    .int()
    .min(0)
    .max(43_200)
    .default(10_080)
    .describe(
      'A stopped sandbox goes to cheaper storage after this time, in minutes; 0 = as late as Daytona allows. Default 10080 (a week).',
    ),
  start_timeout_seconds: z
    .int()
    .min(5)
    .max(3600)
    .default(180)
    .describe('How long making or starting a sandbox may take, in seconds. Default 180.'),
});

export type DaytonaSettings = z.output<typeof daytonaSettings>;
