// What a platform said, as it is stored with its row of the inbox. Type and reading are of one schema: what is stored is read back.
import { z } from 'zod';
import { messageId } from '../shared/ids.ts';
import { MEDIA_KINDS } from '../shared/messages.ts';

const attachmentSchema = z.object({
  kind: z.enum(MEDIA_KINDS),
  ref: z.string(),
  name: z.string().optional(),
  mime: z.string().optional(),
  bytes: z.number().optional(),
  durationMs: z.number().optional(),
});

const replySchema = z.object({
  message: z.string().transform(messageId),
  text: z.string().optional(),
  author: z.string().optional(),
  mine: z.boolean().optional(),
});

const voiceSchema = z.object({
  /** voice: the sender's own words · audio: a file that may hold anybody's. */
  by: z.enum(['voice', 'audio']),
  text: z.string().optional(),
  /** For people. */
  problem: z.string().optional(),
});

const payloadSchema = z.object({
  text: z.string(),
  attachments: z.array(attachmentSchema).readonly(),
  senderName: z.string(),
  senderUsername: z.string().optional(),
  sentAt: z.number(),
  addressed: z.boolean(),
  bot: z.boolean(),
  /** False: nobody vouches that it came from its sender. Default true. */
  verified: z.boolean().optional(),
  /** Its chat has a conversation of its own. */
  detached: z.boolean().optional(),
  /** Text of a device or program, which speaks for nobody. */
  foreign: z.boolean().optional(),
  chatTitle: z.string().optional(),
  replyTo: replySchema.optional(),
  mediaGroup: z.string().optional(),
  partial: z.boolean().optional(),
  button: z.object({ data: z.string(), message: z.string() }).optional(),
  /** What was heard in its recordings, or why nothing was; `text` has it too. Kept so that nothing is transcribed twice. */
  voice: voiceSchema.optional(),
  /** Set when nobody sent it: something that the agent waits for has happened. Whose words the text holds. */
  event: z.object({ origin: z.enum(['agent', 'foreign']) }).optional(),
});

export type VoiceNote = z.output<typeof voiceSchema>;
export type InboxPayload = z.output<typeof payloadSchema>;

/** Throws for a damaged row. */
export function parsePayload(stored: string): InboxPayload {
  return payloadSchema.parse(JSON.parse(stored));
}
