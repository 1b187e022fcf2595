// What Meta tells the webhook: loose and minimal. Each message is read on its own, so that one that cannot be read stops no other.
import { z } from 'zod';

const file = z.looseObject({
  id: z.string().min(1),
  mime_type: z.string().optional(),
  caption: z.string().optional(),
  filename: z.string().optional(),
  /** Of audio: recorded in the app. */
  voice: z.boolean().optional(),
});

const choice = z.looseObject({ id: z.string(), title: z.string().optional() });

const content = {
  type: z.string(),
  text: z.looseObject({ body: z.string() }).optional(),
  image: file.optional(),
  video: file.optional(),
  audio: file.optional(),
  document: file.optional(),
  sticker: file.optional(),
  location: z
    .looseObject({
      latitude: z.number(),
      longitude: z.number(),
      name: z.string().optional(),
      address: z.string().optional(),
    })
    .optional(),
  contacts: z
    .array(
      z.looseObject({
        name: z.looseObject({ formatted_name: z.string().optional() }).optional(),
        phones: z.array(z.looseObject({ phone: z.string().optional() })).optional(),
      }),
    )
    .optional(),
  button: z.looseObject({ text: z.string(), payload: z.string().optional() }).optional(),
  interactive: z
    .looseObject({ type: z.string(), button_reply: choice.optional(), list_reply: choice.optional() })
    .optional(),
};

const editedSchema = z.looseObject(content);

export const messageSchema = z.looseObject({
  ...content,
  id: z.string().min(1),
  /** Phone number; left out for people with a user name. */
  from: z.string().optional(),
  /** Business-scoped id of the person. */
  from_user_id: z.string().optional(),
  group_id: z.string().optional(),
  timestamp: z.string().regex(/^\d{1,12}$/),
  context: z
    .looseObject({
      id: z.string().optional(),
      from: z.string().optional(),
      forwarded: z.boolean().optional(),
      frequently_forwarded: z.boolean().optional(),
    })
    .optional(),
  edit: z.looseObject({ original_message_id: z.string().min(1), message: editedSchema }).optional(),
  revoke: z.looseObject({ original_message_id: z.string().min(1) }).optional(),
});

const contact = z.looseObject({
  wa_id: z.string().optional(),
  user_id: z.string().optional(),
  profile: z.looseObject({ name: z.string().optional(), username: z.string().optional() }).optional(),
});

const status = z.looseObject({
  id: z.string(),
  status: z.string(),
  recipient_id: z.string().optional(),
  errors: z.array(z.looseObject({ code: z.number() })).optional(),
});

export const changeSchema = z.looseObject({
  field: z.string(),
  value: z.looseObject({
    metadata: z.looseObject({ phone_number_id: z.string(), display_phone_number: z.string().optional() }),
    contacts: z.array(z.unknown()).optional(),
    messages: z.array(z.unknown()).optional(),
    statuses: z.array(z.unknown()).optional(),
  }),
});

export const webhookSchema = z.looseObject({
  object: z.literal('whatsapp_business_account'),
  entry: z.array(z.looseObject({ changes: z.array(z.unknown()) })),
});

export const contactSchema = contact;
export const statusSchema = status;

export type CloudMessage = z.output<typeof messageSchema>;
export type CloudContent = z.output<typeof editedSchema>;
export type CloudContact = z.output<typeof contact>;
export type CloudChange = z.output<typeof changeSchema>;
