// For whom a background job runs, as it is kept with the job: where news of it belongs.
import { z } from 'zod';
import { storedScope, type Scope } from '../../../data/scope.ts';
import { accountId, chatId, personId, sessionId, spaceId, threadId, type SessionId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { ToolContext } from '../tool.ts';

export interface JobOwner {
  scope: Scope;
  session: SessionId;
  address: Address;
}

const ownerSchema = z.object({
  person: z.string(),
  space: z.string(),
  session: z.string(),
  address: z.object({
    platform: z.string(),
    account: z.string(),
    chat: z.string(),
    kind: z.enum(['dm', 'group']),
    thread: z.string().optional(),
  }),
});

export function ownerText({ scope, session, address }: Pick<ToolContext, 'scope' | 'session' | 'address'>): string {
  return JSON.stringify({ person: scope.person, space: scope.space, session, address });
}

/** The `owner` of a JobEvent; undefined when it is not one of ours. */
export function parseOwner(text: string): JobOwner | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { data } = ownerSchema.safeParse(raw);
  if (data === undefined) return undefined;
  const { platform, account, chat, kind, thread } = data.address;
  return {
    scope: storedScope(personId(data.person), spaceId(data.space)),
    session: sessionId(data.session),
    address: {
      platform,
      account: accountId(account),
      chat: chatId(chat),
      kind,
      ...(thread === undefined ? {} : { thread: threadId(thread) }),
    },
  };
}
