// What is known of rooms: who is in them, what they are called, whether they are encrypted. Asked when it is needed, kept until the
// sync says that something changed.
import { z } from 'zod';
import type { ChatKind } from '../../../shared/messages.ts';
import type { MatrixApi } from '../api.ts';
import type { EncryptionRules } from '../crypto/machine.ts';
import { isOutOfReach } from '../errors.ts';

export interface RoomInfo {
  kind: ChatKind;
  title: string | undefined;
  /** Undefined: it is not encrypted. */
  encryption: EncryptionRules | undefined;
  /** Display names by user id. */
  members: ReadonlyMap<string, string | undefined>;
}

/** Rooms that were encrypted once: they stay so, whatever a homeserver says later. */
export interface SealedRooms {
  get(room: string): Promise<string | undefined>;
  set(room: string, rules: string): Promise<void>;
}

export interface Rooms {
  /** Rejects as MatrixApi.run does. */
  find(room: string, signal: AbortSignal): Promise<RoomInfo>;
  isEncrypted(room: string, signal: AbortSignal): Promise<boolean>;
  /** Something about the room has changed. */
  forget(room: string): void;
}

const MAX_KEPT = 500;
const MAX_ROTATION = 1e12;

const membersSchema = z.looseObject({
  joined: z.record(z.string(), z.looseObject({ display_name: z.string().nullish().catch(undefined) })),
});
const nameSchema = z.looseObject({ name: z.string().catch('') });

const encryptionSchema = z.looseObject({
  algorithm: z.string().catch(''),
  rotation_period_ms: z.number().positive().max(MAX_ROTATION).optional().catch(undefined),
  rotation_period_msgs: z.number().positive().max(MAX_ROTATION).optional().catch(undefined),
});
const rulesSchema = z.object({
  algorithm: z.string(),
  rotationMs: z.number().optional(),
  rotationMessages: z.number().optional(),
});

export function makeRooms(api: MatrixApi, sealed: SealedRooms): Rooms {
  /** The promise is kept, not its value: what `forget` takes away cannot come back from a question that was asked before. */
  const known = new Map<string, Promise<RoomInfo>>();

  async function readState(room: string, type: string, signal: AbortSignal): Promise<unknown> {
    try {
      return await api.run({ method: 'GET', path: ['client', 'v3', 'rooms', room, 'state', type], signal });
    } catch (error) {
      if (isOutOfReach(error)) return undefined;
      throw error;
    }
  }

  async function readEncryption(room: string, signal: AbortSignal): Promise<EncryptionRules | undefined> {
    const known = await sealed.get(room);
    const state = await readState(room, 'm.room.encryption', signal);
    if (state === undefined) return known === undefined ? undefined : readRules(known);
    const content = encryptionSchema.catch({ algorithm: '' }).parse(state);
    const rules: z.output<typeof rulesSchema> = {
      algorithm: content.algorithm,
      rotationMs: content.rotation_period_ms,
      rotationMessages: content.rotation_period_msgs,
    };
    const text = JSON.stringify(rules);
    if (known !== text) await sealed.set(room, text);
    return readRules(text);
  }

  async function load(room: string, signal: AbortSignal): Promise<RoomInfo> {
    const path = ['client', 'v3', 'rooms', room, 'joined_members'];
    const { joined } = membersSchema.parse(await api.run({ method: 'GET', path, signal }));
    const members = new Map(Object.entries(joined).map(([id, { display_name: name }]) => [id, name ?? undefined]));
    const encryption = await readEncryption(room, signal);
    const name = nameSchema.safeParse(await readState(room, 'm.room.name', signal)).data?.name ?? '';
    return {
      // Whatever anybody calls direct: a third person would hear what is meant for one.
      kind: members.size === 2 ? 'dm' : 'group',
      title: name === '' ? undefined : name,
      encryption,
      members,
    };
  }

  function find(room: string, signal: AbortSignal): Promise<RoomInfo> {
    const kept = known.get(room);
    if (kept) return kept;
    const loading = load(room, signal);
    known.set(room, loading);
    loading.catch(() => {
      if (known.get(room) === loading) known.delete(room);
    });
    const [oldest] = known.keys();
    if (known.size > MAX_KEPT && oldest !== undefined) known.delete(oldest);
    return loading;
  }

  return {
    find,
    async isEncrypted(room, signal) {
      const kept = known.get(room);
      const encryption = kept ? (await kept).encryption : await readEncryption(room, signal);
      return encryption !== undefined;
    },
    forget: (room) => void known.delete(room),
  };
}

function readRules(text: string): EncryptionRules {
  const { algorithm, rotationMs, rotationMessages } = rulesSchema.parse(JSON.parse(text));
  return { algorithm, rotationMs, rotationMessages };
}
