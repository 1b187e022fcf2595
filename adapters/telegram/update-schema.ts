// The parts of an Update that Herald reads, https://core.telegram.org/bots/api#update. Loose: everything else may be there or not.
import { z } from 'zod';

const id = z.number().int();

const user = z.looseObject({
  id,
  is_bot: z.boolean(),
  first_name: z.string(),
  last_name: z.string().optional(),
  username: z.string().optional(),
});

const chat = z.looseObject({ id, type: z.string(), title: z.string().optional() });

const entity = z.looseObject({
  type: z.string(),
  offset: z.number().int().nonnegative(),
  length: z.number().int().nonnegative(),
  url: z.string().optional(),
  user: z.looseObject({ id }).optional(),
});

const file = z.looseObject({
  file_id: z.string(),
  file_name: z.string().optional(),
  mime_type: z.string().optional(),
  file_size: z.number().optional(),
  duration: z.number().optional(),
});

const photo = z.looseObject({
  file_id: z.string(),
  width: z.number(),
  height: z.number(),
  file_size: z.number().optional(),
});

const sticker = z.looseObject({
  file_id: z.string(),
  emoji: z.string().optional(),
  is_animated: z.boolean().optional(),
  is_video: z.boolean().optional(),
  file_size: z.number().optional(),
});

const replied = z.looseObject({
  message_id: id,
  from: user.optional(),
  text: z.string().optional(),
  caption: z.string().optional(),
  forum_topic_created: z.unknown().optional(),
});

const origin = z.looseObject({
  type: z.string(),
  sender_user: user.optional(),
  sender_user_name: z.string().optional(),
  sender_chat: chat.optional(),
  chat: chat.optional(),
});

/** What only decorates a message: its words count without it, so a form of it that is not known costs nothing else. */
const decoration = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);

const message = z.looseObject({
  message_id: id,
  date: z.number(),
  edit_date: z.number().optional(),
  chat,
  from: user.optional(),
  message_thread_id: id.optional(),
  is_topic_message: z.boolean().optional(),
  is_automatic_forward: z.boolean().optional(),
  forward_origin: origin.optional(),
  reply_to_message: decoration(replied),
  quote: decoration(z.looseObject({ text: z.string() })),
  media_group_id: z.string().optional(),
  text: z.string().optional(),
  entities: decoration(z.array(entity)),
  caption: z.string().optional(),
  caption_entities: decoration(z.array(entity)),
  photo: z.array(photo).optional(),
  document: file.optional(),
  animation: file.optional(),
  audio: file.optional(),
  voice: file.optional(),
  video: file.optional(),
  video_note: file.optional(),
  sticker: sticker.optional(),
  location: z.looseObject({ latitude: z.number(), longitude: z.number() }).optional(),
  contact: z
    .looseObject({ phone_number: z.string(), first_name: z.string(), last_name: z.string().optional() })
    .optional(),
});

const callbackQuery = z.looseObject({
  id: z.string(),
  from: user,
  data: z.string().optional(),
  message: z
    .looseObject({ message_id: id, chat, message_thread_id: id.optional(), is_topic_message: z.boolean().optional() })
    .optional(),
});

export const updateSchema = z.looseObject({
  update_id: id,
  message: message.optional(),
  edited_message: message.optional(),
  callback_query: callbackQuery.optional(),
});

/** Read on its own, so that the queue moves on also behind an update that cannot be read. */
export const updateIdSchema = z.looseObject({ update_id: id });

export type TelegramUser = z.output<typeof user>;
export type TelegramMessage = z.output<typeof message>;
export type TelegramEntity = z.output<typeof entity>;
export type TelegramCallbackQuery = z.output<typeof callbackQuery>;
export type TelegramOrigin = z.output<typeof origin>;
