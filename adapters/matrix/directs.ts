// Which rooms are direct chats with whom: the account data m.direct, which people's own apps use too
// (https://spec.matrix.org/v1.16/client-server-api/#direct-messaging, read 2026-11-21).
import { z } from 'zod';
import type { Logger } from '../../shared/log.ts';
import type { MatrixApi } from './api.ts';
import { isOutOfReach, MatrixError } from './errors.ts';
import type { Rooms } from './receive/rooms.ts';

export interface Directs {
  /** Failures are logged: only `open` needs it. Rejects when the homeserver is not there. */
  add(user: string, room: string): Promise<void>;
  /** A room with this user alone, made when there is none. Rejects as MatrixApi.run does. */
  open(user: string): Promise<string>;
}

const directSchema = z.record(z.string(), z.array(z.string()).catch([])).catch({});
const createdSchema = z.looseObject({ room_id: z.string() });

export function makeDirects(deps: {
  api: MatrixApi;
  rooms: Rooms;
  me(): string | undefined;
  /** Whether encrypted rooms can be written to. */
  canEncrypt(): Promise<boolean>;
  log: Logger;
  signal: AbortSignal;
}): Directs {
  const { api, rooms, log, signal } = deps;

  function path(): readonly string[] {
    return ['client', 'v3', 'user', deps.me() ?? '', 'account_data', 'm.direct'];
  }

  async function read(): Promise<Record<string, string[]>> {
    try {
      return directSchema.parse(await api.run({ method: 'GET', path: path(), signal }));
    } catch (error) {
      if (isOutOfReach(error)) return {};
      throw error;
    }
  }

  async function add(user: string, room: string): Promise<void> {
    try {
      const known = await read();
      const own = known[user] ?? [];
      if (own.includes(room)) return;
      await api.run({ method: 'PUT', path: path(), body: { ...known, [user]: [...own, room] }, signal });
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      log.warn({ room, status: error.status, errcode: error.errcode }, 'a direct chat could not be noted');
    }
  }

  return {
    add,
    async open(user) {
      for (const room of (await read())[user]?.toReversed() ?? []) {
        const info = await rooms.find(room, signal).catch((error: unknown) => {
          if (isOutOfReach(error)) return undefined;
          throw error;
        });
        if (info?.kind === 'dm' && info.members.has(user) && (!info.encryption || (await deps.canEncrypt())))
          return room;
      }
      const body = { is_direct: true, invite: [user], preset: 'trusted_private_chat' };
      const created = await api.run({ method: 'POST', path: ['client', 'v3', 'createRoom'], body, signal });
      const { room_id: room } = createdSchema.parse(created);
      await add(user, room);
      return room;
    },
  };
}
