// What the latest message of each chat asked for, so that its answer finds the conversation. Kept on disk: an answer can come after a restart.
import { z } from 'zod';
import type { ChatId } from '../../../shared/ids.ts';
import type { AdapterHost } from '../../contract.ts';
import { parseJson } from '../../transport/bodies.ts';
import type { Exchange } from './conversation.ts';

/** Home Assistant forgets a conversation after five minutes (helpers/chat_session.py, read 2026-11-21). */
const VALID_MS = 5 * 60_000;
const PREFIX = 'exchange/';

const schema = z.object({ conversation: z.string().optional(), isQuiet: z.boolean(), at: z.number() });

export interface Exchanges {
  /** Of a chat, while it is fresh. */
  get(chat: ChatId, now: number): Promise<Exchange | undefined>;
  set(chat: ChatId, exchange: Exchange): Promise<void>;
}

export function makeExchanges(cursor: AdapterHost['cursor']): Exchanges {
  const known = new Map<ChatId, Exchange>();
  return {
    async get(chat, now) {
      const found = known.get(chat) ?? readExchange(await cursor.get(`${PREFIX}${chat}`));
      if (!found || now - found.at > VALID_MS) return undefined;
      known.set(chat, found);
      return found;
    },
    async set(chat, exchange) {
      known.set(chat, exchange);
      await cursor.set(`${PREFIX}${chat}`, JSON.stringify(exchange));
    },
  };
}

function readExchange(text: string | undefined): Exchange | undefined {
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success ? { ...parsed.data, conversation: parsed.data.conversation } : undefined;
}
