// Step 2 of a message's way: the event is committed to the inbox, then the platform may be told.
import type { InboundMessage } from '../adapters/contract.ts';
import type { ProcessDb } from '../data/db.ts';
import type { InboxPayload } from '../data/inbox-payload.ts';
import { insertInbox } from '../data/process/inbox.ts';
import { databaseError } from '../data/storage-errors.ts';
import type { Address } from '../shared/messages.ts';
import { cleanText } from '../shared/text.ts';
import type { Bus } from './bus.ts';

export type Receive = (platform: string, message: InboundMessage) => Promise<'new' | 'duplicate'>;

/** Rejects with AppError when the event could not be stored: the platform must then not be told that it was taken. */
export function makeReceive(db: ProcessDb, bus: Bus): Receive {
  return async (platform, message) => {
    const address: Address = {
      platform,
      account: message.account,
      chat: message.chat,
      kind: message.chatKind,
      ...(message.thread === undefined ? {} : { thread: message.thread }),
    };
    try {
      const row = await insertInbox(db, {
        address,
        kind: message.kind,
        message: message.id,
        revision: message.revision,
        user: message.sender.id,
        payload: payloadOf(message),
      });
      // Work begins at once; only the platform waits for the disk.
      if (row) bus.emit('inbox', row);
      await db.flush();
      return row ? 'new' : 'duplicate';
    } catch (error) {
      throw databaseError(error, 'the inbox');
    }
  };
}

function payloadOf(message: InboundMessage): InboxPayload {
  return {
    text: cleanText(message.text),
    attachments: message.attachments,
    senderName: cleanText(message.sender.name ?? message.sender.username ?? '').slice(0, 100),
    senderUsername: message.sender.username,
    sentAt: message.sentAt,
    addressed: message.addressed,
    bot: message.sender.bot,
    verified: message.sender.verified,
    foreign: message.foreign,
    detached: message.detached,
    chatTitle: message.chatTitle === undefined ? undefined : cleanText(message.chatTitle).slice(0, 200),
    replyTo: message.replyTo && {
      ...message.replyTo,
      text: message.replyTo.text === undefined ? undefined : cleanText(message.replyTo.text),
    },
    mediaGroup: message.mediaGroup,
    partial: message.partial,
    button: message.button,
  };
}
