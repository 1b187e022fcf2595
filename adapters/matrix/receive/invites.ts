// Invites: direct ones are accepted, others when the room is listed in the settings. Being in a room makes nobody trusted: who writes
// there still has to be paired.
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { MatrixApi } from '../api.ts';
import type { Directs } from '../directs.ts';
import { hasErrcode, MatrixError } from '../errors.ts';
import { isRoomAlias, isUserId } from '../ids.ts';
import { readInvitedRoom, readMember } from './event-schema.ts';

/** A server of the federation that does not answer must not hold up everything else. */
const MAX_TRIES = 5;

export interface InvitesDeps {
  api: MatrixApi;
  directs: Directs;
  /** Makes ready for encrypted rooms. */
  prepare(): Promise<unknown>;
  /** Ids and addresses of rooms. */
  rooms: readonly string[];
  log: Logger;
  clock: Clock;
  signal: AbortSignal;
}

export interface Invites {
  /** Rejects when it should be tried again later. */
  take(room: string, raw: unknown, me: string): Promise<void>;
}

const strippedSchema = z.looseObject({
  type: z.literal('m.room.member'),
  state_key: z.string(),
  sender: z.string().refine(isUserId),
  content: z.unknown().optional(),
});
const aliasSchema = z.looseObject({ room_id: z.string() });

export function makeInvites({ api, directs, rooms, log, signal, prepare }: InvitesDeps): Invites {
  const tries = new Map<string, number>();

  async function isListed(room: string): Promise<boolean> {
    if (rooms.includes(room)) return true;
    for (const alias of rooms.filter(isRoomAlias)) {
      const path = ['client', 'v3', 'directory', 'room', alias];
      const answer = await api.run({ method: 'GET', path, signal }).catch((error: unknown) => {
        if (error instanceof MatrixError && !hasErrcode(error, 'M_LIMIT_EXCEEDED')) return undefined;
        throw error;
      });
      if (aliasSchema.safeParse(answer).data?.room_id === room) return true;
    }
    return false;
  }

  async function join(room: string): Promise<boolean> {
    try {
      await api.run({ method: 'POST', path: ['client', 'v3', 'rooms', room, 'join'], body: {}, signal });
      return true;
    } catch (error) {
      const count = (tries.get(room) ?? 0) + 1;
      const isFinal = error instanceof MatrixError && error.status < 500 && error.status !== 429;
      if (isFinal || (error instanceof MatrixError && error.status >= 500 && count >= MAX_TRIES)) {
        tries.delete(room);
        log.warn({ room, status: error.status, errcode: error.errcode }, 'an invite could not be accepted');
        return false;
      }
      if (error instanceof MatrixError) tries.set(room, count);
      throw error;
    }
  }

  return {
    async take(room, raw, me) {
      const invite = readInvitedRoom(raw)
        .flatMap((event) => strippedSchema.safeParse(event).data ?? [])
        .find((event) => event.state_key === me && readMember(event.content)?.membership === 'invite');
      if (!invite) return;
      const isDirect = readMember(invite.content)?.is_direct === true;
      if (!isDirect && !(await isListed(room))) {
        log.info({ room }, 'an invite to a room that is not listed in `rooms` is left alone');
        return;
      }
      // Whoever writes there needs our keys first.
      if (readInvitedRoom(raw).some((event) => isEncryption(event))) await prepare();
      if ((await join(room)) && isDirect) await directs.add(invite.sender, room);
    },
  };
}

function isEncryption(event: unknown): boolean {
  return z.looseObject({ type: z.literal('m.room.encryption') }).safeParse(event).success;
}
