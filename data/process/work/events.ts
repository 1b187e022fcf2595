// What the agent waits for enters its conversation like a message, through the same rows: the end of a job, the result of a worker.
import { messageId, userId, type PersonId, type SessionId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { ProcessDb } from '../../db.ts';
import { addressColumns } from '../chats.ts';
import { inboxRow, type InboxRow } from '../inbox.ts';

export interface NewEvent {
  /** Of the chat that the answer goes to. */
  address: Address;
  person: PersonId;
  session: SessionId;
  /** The same key happens once. At most 100 characters. */
  key: string;
  text: string;
  /** Whose words the text holds. */
  origin: 'agent' | 'foreign';
}

/** Queues an event for its session; undefined when it happened before. */
export async function insertEvent(db: ProcessDb, event: NewEvent): Promise<InboxRow | undefined> {
  const now = db.clock.now();
  const row = await db.query
    .insertInto('inbox')
    .values({
      ...addressColumns(event.address),
      message_id: messageId(`event:${event.key}`),
      kind: 'message',
      revision: '',
      user_id: userId(''),
      payload: JSON.stringify({
        text: event.text,
        attachments: [],
        senderName: 'Herald',
        sentAt: now,
        addressed: true,
        bot: false,
        event: { origin: event.origin },
      }),
      state: 'queued',
      reason: null,
      person_id: event.person,
      session_id: event.session,
      turn_id: null,
      merged_into: null,
      received_at: now,
      due_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return row && inboxRow(row);
}
