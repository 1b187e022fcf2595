// A person with a device that encrypts, as an app such as Element does: the same crypto library on the other side, in memory, against the
// same homeserver.
import * as crypto from '@matrix-org/matrix-sdk-crypto-wasm';
import { makeEdited, makeSaid, type SayOptions } from './people.ts';
import { answer, type Login } from './routes.ts';
import type { Content, Room, StoredEvent, World } from './world.ts';

export interface SealedPerson {
  id: string;
  device: string;
  /** A direct chat with the bot that is encrypted from its beginning. */
  invite(): Room;
  /** Takes what is new; the device's keys are with the homeserver then. */
  sync(): Promise<void>;
  /** Encrypts for every device in the room and sends. */
  say(room: Room, text: string, options?: SayOptions): Promise<StoredEvent>;
  edit(room: Room, id: string, text: string): Promise<StoredEvent>;
  /** An encrypted event of any content, not sent yet. */
  seal(room: Room, type: string, content: Content): Promise<Content>;
  /** What an encrypted event holds. Rejects when it cannot be opened. */
  open(room: Room, event: StoredEvent): Promise<StoredEvent>;
  /** The room as this person reads it: what cannot be opened is left out. */
  read(room: Room): Promise<Room>;
  /** The file of an opened message. */
  download(event: StoredEvent): Uint8Array;
}

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function makeSealedPerson(
  world: World,
  botId: string,
  { name, device = `${name.toUpperCase()}-PHONE` }: { name: string; device?: string },
): Promise<SealedPerson> {
  const id = `@${name.toLowerCase()}:${world.serverName}`;
  world.displayNames.set(id, name);
  await crypto.initAsync();
  const machine = await crypto.OlmMachine.initialize(
    new crypto.UserId(id),
    new crypto.DeviceId(device),
    undefined,
    undefined,
    SILENT,
  );
  const trust = () => new crypto.DecryptionSettings(crypto.TrustRequirement.Untrusted);
  const login: Login = { user: id, device, transactions: new Map(), isGone: () => false };
  let since: string | undefined;

  async function call(method: string, path: readonly string[], body: string): Promise<string> {
    const asked = { method, path, query: new URLSearchParams(), body: Buffer.from(body), type: '', login };
    return JSON.stringify(await answer(world, asked));
  }

  type Request = { id: string | undefined; type: crypto.RequestType; body: string };
  async function run(request: Request): Promise<void> {
    const done = await call(...routeOf(request), request.body);
    if (request.id !== undefined) await machine.markRequestAsSent(request.id, request.type, done);
  }

  async function settle(): Promise<void> {
    for (const request of await machine.outgoingRequests()) await run(request);
  }

  async function sync(): Promise<void> {
    await settle();
    const query = new URLSearchParams({ timeout: '0', ...(since !== undefined && { since }) });
    const path = ['client', 'v3', 'sync'];
    const got = (await answer(world, { method: 'GET', path, query, body: Buffer.of(), type: '', login })) as Content;
    since = got['next_batch'] as string;
    const lists = got['device_lists'] as { changed: string[]; left: string[] };
    await machine.receiveSyncChanges(
      JSON.stringify((got['to_device'] as Content)['events']),
      new crypto.DeviceLists(users(lists.changed), users(lists.left)),
      new Map(Object.entries(got['device_one_time_keys_count'] as Record<string, number>)),
      new Set(got['device_unused_fallback_key_types'] as string[]),
      trust(),
    );
    await settle();
  }

  const users = (ids: readonly string[]) => ids.map((one) => new crypto.UserId(one));

  async function seal(room: Room, type: string, content: Content): Promise<Content> {
    await sync();
    const members = () => users(world.joined(room));
    await machine.updateTrackedUsers(members());
    await settle();
    const claim = await machine.getMissingSessions(members());
    if (claim) await run(claim);
    const settings = new crypto.EncryptionSettings();
    for (const one of await machine.shareRoomKey(new crypto.RoomId(room.id), members(), settings)) await run(one);
    return JSON.parse(
      await machine.encryptRoomEvent(new crypto.RoomId(room.id), type, JSON.stringify(content)),
    ) as Content;
  }

  async function send(room: Room, type: string, content: Content, at?: number): Promise<StoredEvent> {
    const sealed = await seal(room, type, content);
    return world.append(room, {
      type: 'm.room.encrypted',
      sender: id,
      content: sealed,
      ...(at !== undefined && { at }),
    });
  }

  async function open(room: Room, event: StoredEvent): Promise<StoredEvent> {
    const raw = JSON.stringify({ ...event, room_id: room.id });
    const opened = await machine.decryptRoomEvent(raw, new crypto.RoomId(room.id), trust());
    const { type, content } = JSON.parse(opened.event) as Pick<StoredEvent, 'type' | 'content'>;
    return { ...event, type, content };
  }

  return {
    id,
    device,
    sync,
    seal,
    open,
    invite() {
      const room = world.createRoom(id, { encrypted: true });
      world.setMember(room, botId, 'invite', { by: id, is_direct: true });
      return room;
    },
    say(room, text, options = {}) {
      const { type, content } = makeSaid(botId, text, options, (file) => ({
        file: storeSealed(world, file.bytes),
      }));
      return send(room, type, content, options.at);
    },
    edit: (room, target, text) => send(room, 'm.room.message', makeEdited(target, text)),
    async read(room) {
      await sync();
      const events: StoredEvent[] = [];
      for (const event of room.events) {
        if (event.type !== 'm.room.encrypted') events.push(event);
        else if (event.content['ciphertext'] !== undefined)
          events.push(
            ...(await open(room, event).then(
              (one) => [one],
              () => [],
            )),
          );
      }
      return { ...room, events };
    },
    download({ content }) {
      const { url, ...keys } = content['file'] as Content;
      const stored = world.media.get(String(url).split('/').at(-1) ?? '');
      if (!stored) throw new Error('There is no such file.');
      return crypto.Attachment.decrypt(new crypto.EncryptedAttachment(stored.bytes, JSON.stringify(keys)));
    },
  };
}

function storeSealed(world: World, bytes: Uint8Array): Content {
  const sealed = crypto.Attachment.encrypt(bytes);
  const keys = JSON.parse(sealed.mediaEncryptionInfo ?? '{}') as Content;
  const url = world.storeMedia({
    bytes: Buffer.from(sealed.encryptedData),
    type: 'application/octet-stream',
    name: '',
  });
  return { ...keys, url };
}

function routeOf(request: object): [string, readonly string[]] {
  const keys = ['client', 'v3', 'keys'];
  if (request instanceof crypto.KeysUploadRequest) return ['POST', [...keys, 'upload']];
  if (request instanceof crypto.KeysQueryRequest) return ['POST', [...keys, 'query']];
  if (request instanceof crypto.KeysClaimRequest) return ['POST', [...keys, 'claim']];
  if (request instanceof crypto.ToDeviceRequest)
    return ['PUT', ['client', 'v3', 'sendToDevice', request.event_type, request.txn_id]];
  throw new Error('A request of an unknown kind.');
}
