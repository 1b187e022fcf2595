// What we read of events, https://spec.matrix.org/v1.16/client-server-api/#room-event-format (read 2026-11-21). Loose and minimal: contents
// come from any server of the federation and may be anything.
import { z } from 'zod';
import { encryptedFileSchema } from '../crypto/attachments.ts';
import { isEventId, isUserId } from '../ids.ts';

const record = z.record(z.string(), z.unknown());
const text = z.string();
const eventId = text.refine(isEventId);

const eventSchema = z.looseObject({
  type: text,
  event_id: eventId,
  sender: text.refine(isUserId),
  origin_server_ts: z.number(),
  content: record.catch({}),
  state_key: text.optional().catch(undefined),
  /** Of a redaction, up to room version 10; later it is in `content`. */
  redacts: text.optional().catch(undefined),
  unsigned: record.optional().catch(undefined),
});

export type MatrixEvent = z.output<typeof eventSchema>;

/** Undefined when it is no event. */
export function readEvent(raw: unknown): MatrixEvent | undefined {
  return eventSchema.safeParse(raw).data;
}

const relationSchema = z.looseObject({
  rel_type: text.optional().catch(undefined),
  event_id: eventId.optional().catch(undefined),
  'm.in_reply_to': z.looseObject({ event_id: eventId }).optional().catch(undefined),
  is_falling_back: z.boolean().optional().catch(undefined),
});

const contentSchema = z.looseObject({
  msgtype: text.optional().catch(undefined),
  body: text,
  filename: text.optional().catch(undefined),
  url: text.optional().catch(undefined),
  file: encryptedFileSchema.optional().catch(undefined),
  geo_uri: text.optional().catch(undefined),
  info: z
    .looseObject({
      mimetype: text.optional().catch(undefined),
      size: z.number().nonnegative().optional().catch(undefined),
      duration: z.number().nonnegative().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
  'm.relates_to': relationSchema.optional().catch(undefined),
  'm.mentions': z
    .looseObject({ user_ids: z.array(z.unknown()).optional().catch(undefined) })
    .optional()
    .catch(undefined),
  'm.new_content': z.unknown().optional(),
  'org.matrix.msc3245.voice': z.unknown().optional(),
});

export type MatrixContent = z.output<typeof contentSchema>;

/** Undefined when it is no content of a message, as of one that was redacted. */
export function readContent(raw: unknown): MatrixContent | undefined {
  return contentSchema.safeParse(raw).data;
}

const memberSchema = z.looseObject({
  membership: text,
  displayname: text.optional().catch(undefined),
  is_direct: z.boolean().optional().catch(undefined),
});

export function readMember(content: unknown): z.output<typeof memberSchema> | undefined {
  return memberSchema.safeParse(content).data;
}

const events = z.looseObject({ events: z.array(z.unknown()) });

const joinedSchema = z.looseObject({
  state: events.optional().catch(undefined),
  timeline: z
    .looseObject({
      events: z.array(z.unknown()),
      limited: z.boolean().optional().catch(undefined),
      prev_batch: text.optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

export type JoinedRoom = z.output<typeof joinedSchema>;

export function readJoinedRoom(raw: unknown): JoinedRoom | undefined {
  return joinedSchema.safeParse(raw).data;
}

const invitedSchema = z.looseObject({ invite_state: events });

export function readInvitedRoom(raw: unknown): readonly unknown[] {
  return invitedSchema.safeParse(raw).data?.invite_state.events ?? [];
}

/** GET /sync, https://spec.matrix.org/v1.16/client-server-api/#get_matrixclientv3sync. */
export const syncSchema = z.looseObject({
  next_batch: text.min(1),
  rooms: z
    .looseObject({ join: record.optional().catch(undefined), invite: record.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

export const pageSchema = z.looseObject({
  chunk: z.array(z.unknown()),
  end: text.optional().catch(undefined),
});
