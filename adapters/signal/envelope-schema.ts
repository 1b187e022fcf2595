// What the server pushes or lists: the part of signal-cli's JSON that is used (receive.MessageEnvelope of the server's swagger, and
// https://github.com/AsamK/signal-cli/tree/master/src/main/java/org/asamk/signal/json, read 2026-11-21). Absent values come as null too.
// Parts that a message can do without are dropped when they are odd; the message itself is not.
import { z } from 'zod';

const text = z.string().nullish();
const time = z.int().nonnegative();
const count = z.int().nonnegative();

/** A list whose odd entries are left out. */
function listOf<Schema extends z.ZodType>(entry: Schema) {
  return z
    .array(z.unknown())
    .nullish()
    .catch(undefined)
    .transform((entries) =>
      (entries ?? []).flatMap((one) => {
        const parsed = entry.safeParse(one);
        return parsed.success ? [parsed.data] : [];
      }),
    );
}

const mentionSchema = z.looseObject({ name: text, number: text, uuid: text, start: count, length: count });
const styleSchema = z.looseObject({ style: z.string(), start: count, length: count });
const attachmentSchema = z.looseObject({
  id: z.string(),
  contentType: text,
  filename: text,
  size: z.number().nullish().catch(undefined),
});
const quoteSchema = z.looseObject({
  id: time,
  author: text,
  authorNumber: text,
  authorUuid: text,
  text,
  mentions: listOf(mentionSchema),
});
const contactSchema = z.looseObject({
  name: z.looseObject({ nickname: text, given: text, family: text }).nullish(),
  phone: listOf(z.looseObject({ value: text })),
});
const groupSchema = z.looseObject({ groupId: z.string(), groupName: text, type: text });

const dataFields = {
  timestamp: time,
  message: text,
  isExpirationUpdate: z.boolean().nullish().catch(undefined),
  viewOnce: z.boolean().nullish().catch(undefined),
  reaction: z.unknown().optional(),
  quote: quoteSchema.nullish().catch(undefined),
  mentions: listOf(mentionSchema),
  attachments: listOf(attachmentSchema),
  sticker: z.unknown().optional(),
  remoteDelete: z.looseObject({ timestamp: time }).nullish(),
  adminDelete: z.looseObject({ targetSentTimestamp: time, targetAuthor: text, targetAuthorUuid: text }).nullish(),
  contacts: listOf(contactSchema),
  pollCreate: z
    .looseObject({ question: text, options: listOf(z.string()) })
    .nullish()
    .catch(undefined),
  textStyles: listOf(styleSchema),
  groupInfo: groupSchema.nullish(),
};

const dataSchema = z.looseObject(dataFields);
const editSchema = z.looseObject({ targetSentTimestamp: time, dataMessage: dataSchema });

/** What another device of our own account sent. Of an edit the message's own fields are missing. */
const sentSchema = z.looseObject({
  ...dataFields,
  timestamp: time.nullish(),
  destination: text,
  destinationNumber: text,
  destinationUuid: text,
  editMessage: editSchema.nullish(),
});

const envelopeSchema = z.looseObject({
  source: text,
  sourceNumber: text,
  sourceUuid: text,
  sourceName: text,
  timestamp: time,
  serverReceivedTimestamp: time.nullish().catch(undefined),
  dataMessage: dataSchema.nullish(),
  editMessage: editSchema.nullish(),
  syncMessage: z.looseObject({ sentMessage: sentSchema.nullish() }).nullish(),
});

export const frameSchema = z.looseObject({
  account: text,
  envelope: envelopeSchema,
  /** signal-cli could not read the message. */
  exception: z.looseObject({ type: text }).nullish().catch(undefined),
});

export type Frame = z.output<typeof frameSchema>;
export type Envelope = z.output<typeof envelopeSchema>;
export type DataMessage = z.output<typeof dataSchema>;
export type SentMessage = z.output<typeof sentSchema>;
export type Mention = z.output<typeof mentionSchema>;
export type TextStyle = z.output<typeof styleSchema>;
export type SignalAttachment = z.output<typeof attachmentSchema>;
