// The parts of Discord's objects that Herald reads, https://docs.discord.com/developers/resources/message#message-object and
// https://docs.discord.com/developers/events/gateway-events. Loose: everything else may be there or not.
import { z } from 'zod';

const id = z.string().regex(/^\d{1,20}$/);

/** What only decorates a message: its words count without it, so a form of it that is not known costs nothing else. */
const decoration = <Schema extends z.ZodType>(schema: Schema) => schema.nullish().catch(undefined);

const user = z.looseObject({
  id,
  username: z.string(),
  global_name: z.string().nullish(),
  bot: z.boolean().optional(),
  system: z.boolean().optional(),
});

const member = z.looseObject({ nick: z.string().nullish() });

const attachment = z.looseObject({
  id,
  filename: z.string(),
  content_type: z.string().nullish(),
  size: z.number(),
  duration_secs: z.number().nullish(),
  waveform: z.string().nullish(),
});

/** Format: 1 PNG, 2 APNG, 3 Lottie, 4 GIF. */
const sticker = z.looseObject({ id, name: z.string(), format_type: z.number() });

const content = {
  content: z.string().default(''),
  attachments: z.array(attachment).default([]),
  sticker_items: decoration(z.array(sticker)),
};

const poll = z.looseObject({
  question: z.looseObject({ text: z.string().nullish() }),
  answers: z.array(z.looseObject({ poll_media: z.looseObject({ text: z.string().nullish() }) })),
});

export const messageSchema = z.looseObject({
  id,
  channel_id: id,
  guild_id: id.optional(),
  type: z.number(),
  author: user,
  member: decoration(member),
  webhook_id: z.string().optional(),
  ...content,
  timestamp: z.string(),
  edited_timestamp: z.string().nullish(),
  mentions: decoration(z.array(user)),
  mention_roles: decoration(z.array(id)),
  /** Type 1 is a forward. */
  message_reference: decoration(z.looseObject({ type: z.number().optional(), message_id: id.optional() })),
  referenced_message: decoration(z.looseObject({ id, author: user, content: z.string().default('') })),
  message_snapshots: decoration(z.array(z.looseObject({ message: z.looseObject(content) }))),
  poll: decoration(poll),
});

/** Read on their own, so that an event finds its place in the order also when the rest of it cannot be read. */
export const placedSchema = z.looseObject({
  id,
  channel_id: id,
  guild_id: id.optional(),
  channel_type: decoration(z.number()),
});
export const bulkSchema = z.looseObject({ ids: z.array(id), channel_id: id });

export const channelSchema = z.looseObject({
  id,
  type: z.number(),
  guild_id: id.optional(),
  name: z.string().nullish(),
  parent_id: id.nullish(),
  last_message_id: id.nullish(),
});

export const roleSchema = z.looseObject({
  id,
  name: z.string(),
  tags: decoration(z.looseObject({ bot_id: id.optional() })),
});

export const guildSchema = z.looseObject({
  id,
  name: z.string(),
  premium_tier: z.number().optional(),
  channels: z.array(z.unknown()).default([]),
  threads: z.array(z.unknown()).default([]),
  roles: z.array(z.unknown()).default([]),
});

/** Type 2 is a command, 3 a press, https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object. */
export const interactionSchema = z.looseObject({
  id,
  application_id: id,
  type: z.number(),
  token: z.string().min(1),
  channel_id: id.optional(),
  guild_id: id.optional(),
  channel: decoration(channelSchema),
  member: decoration(z.looseObject({ nick: z.string().nullish(), user: user.optional() })),
  user: decoration(user),
  message: decoration(z.looseObject({ id })),
  data: decoration(
    z.looseObject({
      name: z.string().optional(),
      custom_id: z.string().optional(),
      options: z.array(z.looseObject({ value: z.union([z.string(), z.number(), z.boolean()]).optional() })).optional(),
    }),
  ),
});

export const readySchema = z.looseObject({
  session_id: z.string().min(1),
  resume_gateway_url: z.string(),
  user: z.looseObject({ id, username: z.string() }),
  application: z.looseObject({ id }),
});

export type DiscordMessage = z.output<typeof messageSchema>;
export type DiscordUser = z.output<typeof user>;
export type DiscordChannel = z.output<typeof channelSchema>;
export type DiscordInteraction = z.output<typeof interactionSchema>;
export type DiscordAttachment = z.output<typeof attachment>;
