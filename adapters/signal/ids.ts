// Ids of messages and chats, minted and read here alone. A message of Signal is named by its author and its timestamp together.
import { Buffer } from 'node:buffer';
import { chatId, messageId, type ChatId, type MessageId } from '../../shared/ids.ts';

/** The author of what we sent ourselves. Not our uuid: it may be unknown when the first message goes out, and ids must never change. */
export const OWN_AUTHOR = 'me';

export interface MessageKey {
  /** Milliseconds since the epoch, by the author's clock. */
  timestamp: number;
  /** Uuid or number of the author, or OWN_AUTHOR. */
  author: string;
}

export function makeMessageId({ timestamp, author }: MessageKey): MessageId {
  return messageId(`${timestamp}:${author}`);
}

/** Undefined: it was not minted here. */
export function parseMessageId(id: MessageId): MessageKey | undefined {
  const match = /^(\d{1,16}):(.+)$/.exec(id);
  return match?.[1] !== undefined && match[2] !== undefined
    ? { timestamp: Number(match[1]), author: match[2] }
    : undefined;
}

const GROUP_PREFIX = 'group.';

/**
 * A group as recipients name it: the prefix, and the internal id of the envelopes in base64 once more (convertInternalGroupIdToGroupId,
 * https://github.com/bbernhard/signal-cli-rest-api/blob/master/src/client/client.go, read 2026-11-21). GET /v1/groups says the same.
 */
export function groupChatId(internalId: string): ChatId {
  return chatId(GROUP_PREFIX + Buffer.from(internalId).toString('base64'));
}
