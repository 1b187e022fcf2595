// Settings of `platforms.mattermost` in config.yaml.
import { z } from 'zod';

/** Tokens of bots and personal access tokens are ids of 26 characters; other servers of the same API may have longer ones. */
export const TOKEN_PATTERN = /^[\x21-\x7e]{10,512}$/;

export const mattermostSettings = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/^[^/]+\/\/[^/]*@/.test(url), 'must hold no name or password; use the token of a bot account')
    .refine((url) => !/[?#]/.test(url), 'must be the address of the server only, without ? and #')
    .transform((url) => url.replace(/\/+$/, '').replace(/\/api\/v4$/, ''))
    .describe('Address of the Mattermost server, such as https://chat.example.org. With its subpath, if it has one.'),
  token: z
    .string()
    .trim()
    .regex(TOKEN_PATTERN, 'must be the access token of a bot account, without spaces')
    .describe('Access token of the bot account. Environment: MATTERMOST_TOKEN.'),
  teams: z
    .array(z.string().trim().toLowerCase().min(1).max(64))
    .min(1)
    .optional()
    .describe(
      'Names of teams (as in the address of their channels) whose channels are read. Direct and group messages always are. Default: all teams that the bot is in.',
    ),
  reply_in_thread: z
    .boolean()
    .default(true)
    .describe('In channels, answer in a thread under the message that asked. Default true.'),
  follow_threads: z
    .boolean()
    .default(true)
    .describe('In a thread that Herald takes part in, answer without being named again. Default true.'),
  streaming: z
    .enum(['edit', 'off'])
    .default('edit')
    .describe('How an answer is shown while it is written: edit (one message that is edited), off. Default edit.'),
});

export type MattermostSettings = z.output<typeof mattermostSettings>;
