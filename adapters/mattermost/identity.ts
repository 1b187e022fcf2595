// Who we are on the server.
import type { MattermostApi } from './api.ts';
import { userSchema } from './schema.ts';

export interface Identity {
  id: string;
  username: string;
  isBot: boolean;
  /** The server's time of day when it answered, in ms since the epoch. */
  serverTime: number | undefined;
}

/** Rejects as `MattermostApi.call` does, and when the answer is none of Mattermost's. */
export async function askIdentity(api: MattermostApi, signal: AbortSignal, timeoutMs?: number): Promise<Identity> {
  const { body, serverTime } = await api.call({
    path: '/users/me',
    signal,
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const user = userSchema.safeParse(body);
  if (!user.success) throw new Error('The server does not answer like Mattermost.');
  return { id: user.data.id, username: user.data.username, isBot: user.data.is_bot, serverTime };
}
