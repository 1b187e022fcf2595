// Settings of `platforms.matrix` in config.yaml.
import { z } from 'zod';
import { isRoomAlias, isRoomId } from './ids.ts';

/**
 * Synapse lets a user send one event each 5 s in the long run (rc_message: per_second 0.2, burst_count 10,
 * https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html#rc_message, read 2026-11-21).
 */
const DEFAULT_EDIT_INTERVAL_MS = 5_000;

export const matrixSettings = z.strictObject({
  homeserver: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/[?#]/.test(url), 'must be the plain address, such as https://matrix.example.org')
    .transform((url) => url.replace(/\/+$/, ''))
    .describe('Address of the homeserver, such as https://matrix.example.org. Plain http is for this machine.'),
  access_token: z
    .string()
    .trim()
    .regex(/^[\x21-\x7e]{8,4096}$/, 'must be an access token: one line without spaces')
    .describe('Access token of our account. Environment: MATRIX_ACCESS_TOKEN.'),
  rooms: z
    .array(
      z
        .string()
        .trim()
        .refine((text) => isRoomId(text) || isRoomAlias(text), 'must be the id (!…) or address (#…) of a room'),
    )
    .max(200)
    .default([])
    .describe(
      'Rooms whose invite is accepted; direct invites always are. To be answered there, also name their ids in allowed_chats. Default: [].',
    ),
  streaming: z
    .enum(['edit', 'off'])
    .default('edit')
    .describe('How an answer in the making is shown: edit (the message grows), or off. Default edit.'),
  edit_interval_ms: z
    .int()
    .min(500)
    .max(60_000)
    .default(DEFAULT_EDIT_INTERVAL_MS)
    .describe(
      `Shortest time between two edits, in ms. Less is for a homeserver that does not limit us. Default ${DEFAULT_EDIT_INTERVAL_MS}.`,
    ),
});

export type MatrixSettings = z.output<typeof matrixSettings>;
