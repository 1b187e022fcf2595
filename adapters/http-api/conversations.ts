// Which conversation a request belongs to. By name (header X-Herald-Session), by the response it goes on from, or, for front ends that
// resend everything and name nothing, by how the conversation began.
import { createHash, randomBytes } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { chatId, type ChatId, type UserId } from '../../shared/ids.ts';
import type { AdapterHost } from '../contract.ts';
import type { Said } from './requests.ts';

export const SESSION_HEADER = 'x-herald-session';
/** This name is the person's conversation over all their direct chats. */
const SHARED = 'main';
const NAME = /^[A-Za-z0-9._:@-]{1,128}$/;

export interface Conversation {
  chat: ChatId;
  /** It has a history of its own. */
  detached: boolean;
  /** Nothing was said in it yet, as far as the client tells. */
  isNew: boolean;
}

interface Asked {
  user: UserId;
  said: Said;
  session: string | undefined;
  previous: string | undefined;
}

/** Rejects with AppError `bad_input` or `not_found`. */
export async function findConversation(cursor: AdapterHost['cursor'], asked: Asked): Promise<Conversation> {
  const { user, said, session, previous } = asked;
  if (session !== undefined) {
    if (!NAME.test(session))
      throw new AppError('bad_input', `${SESSION_HEADER} takes up to 128 letters, digits and . _ : @ -`);
    return { chat: chatId(`${user}:${session}`), detached: session !== SHARED, isNew: said.isNew };
  }
  if (previous !== undefined) {
    const known = await cursor.get(`response:${previous}`);
    if (known === undefined || !known.startsWith(`${user}:`))
      throw new AppError('not_found', `There is no response ${previous} to go on from.`);
    return { chat: chatId(known), detached: true, isNew: false };
  }
  const opening = createHash('sha256').update(`${user}\0${said.opening}`).digest('base64url').slice(0, 22);
  const known = said.isNew ? undefined : await cursor.get(`opening:${opening}`);
  if (known !== undefined) return { chat: chatId(known), detached: true, isNew: false };
  const chat = chatId(`${user}:${randomBytes(9).toString('base64url')}`);
  await cursor.set(`opening:${opening}`, chat);
  return { chat, detached: true, isNew: true };
}

/** So that a later request can go on from this response. */
export async function rememberResponse(cursor: AdapterHost['cursor'], response: string, chat: ChatId): Promise<void> {
  await cursor.set(`response:${response}`, chat);
}
