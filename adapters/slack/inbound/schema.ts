// What is read of Slack's payloads: loose, and no more than is used. https://docs.slack.dev/reference/events/message and
// https://docs.slack.dev/reference/interaction-payloads, read 2026-11-21.
import { z } from 'zod';

/** Seconds and microseconds; names a message within its channel. */
export const tsSchema = z.string().regex(/^\d{1,12}\.\d{1,9}$/);
const idSchema = z.string().min(1).max(100);

const file = z.looseObject({
  id: idSchema,
  name: z.string().nullish(),
  title: z.string().nullish(),
  mimetype: z.string().nullish(),
  /** slack_audio, slack_video: a clip recorded in Slack. */
  subtype: z.string().nullish(),
  size: z.number().nullish(),
  duration_ms: z.number().nullish(),
  /** tombstone: deleted · hidden_by_limit: too old for the plan. */
  mode: z.string().nullish(),
});

const attachment = z.looseObject({
  /** True on a message that the sender shared or forwarded. */
  is_share: z.boolean().optional(),
  text: z.string().nullish(),
  fallback: z.string().nullish(),
  author_name: z.string().nullish(),
  author_subname: z.string().nullish(),
  author_id: z.string().nullish(),
  ts: z.union([z.string(), z.number()]).nullish(),
});

const content = {
  ts: tsSchema,
  subtype: z.string().optional(),
  user: idSchema.optional(),
  bot_id: z.string().nullish(),
  text: z.string().nullish(),
  thread_ts: tsSchema.optional(),
  parent_user_id: z.string().optional(),
  hidden: z.boolean().optional(),
  files: z.array(z.unknown()).optional(),
  attachments: z.array(z.unknown()).optional(),
  edited: z.looseObject({ ts: tsSchema }).optional(),
};

/** A message as conversations.history gives it. */
export const messageSchema = z.looseObject(content);

/** A `message` or `app_mention` event. */
export const messageEventSchema = z.looseObject({
  ...content,
  type: z.enum(['message', 'app_mention']),
  channel: idSchema,
  channel_type: z.string().optional(),
  /** Of message_changed. */
  message: z.looseObject(content).optional(),
  /** Of message_changed and message_deleted. */
  previous_message: z.looseObject(content).optional(),
  /** Of message_deleted. */
  deleted_ts: tsSchema.optional(),
});

export const eventBodySchema = z.looseObject({
  type: z.literal('event_callback'),
  event: z.looseObject({ type: z.string(), channel: z.unknown().optional() }),
});

export const pressSchema = z.looseObject({
  type: z.literal('block_actions'),
  user: z.looseObject({ id: idSchema, username: z.string().optional(), name: z.string().optional() }),
  channel: z.looseObject({ id: idSchema, name: z.string().optional() }),
  container: z.looseObject({ type: z.string(), message_ts: tsSchema.optional(), thread_ts: tsSchema.optional() }),
  actions: z
    .array(
      z.looseObject({
        type: z.string(),
        action_id: z.string(),
        block_id: z.string().optional(),
        value: z.string().optional(),
        action_ts: tsSchema,
      }),
    )
    .min(1),
});

export const slashSchema = z.looseObject({
  command: z.string().startsWith('/').max(100),
  text: z.string().optional(),
  user_id: idSchema,
  user_name: z.string().optional(),
  channel_id: idSchema,
  trigger_id: z.string().min(1).max(200),
});

export const fileSchema = file;
export const attachmentSchema = attachment;

export type SlackMessage = z.output<typeof messageSchema>;
export type SlackMessageEvent = z.output<typeof messageEventSchema>;
export type SlackPress = z.output<typeof pressSchema>;
export type SlackSlash = z.output<typeof slashSchema>;
