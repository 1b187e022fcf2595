// The Client-Server API as functions of a request: who asks, what, with which body.
import { answerMessages, answerSync, positionOf } from './sync.ts';
import { clientEvent, relationOf, type Content, type Room, type World } from './world.ts';

export interface Login {
  user: string;
  device: string;
  /** Event ids by the path of their request. */
  transactions: Map<string, string>;
  isGone(): boolean;
}

export interface Asked {
  method: string;
  /** Segments behind /_matrix/. */
  path: readonly string[];
  query: URLSearchParams;
  body: Buffer;
  type: string;
  login: Login;
}

export class Refusal extends Error {
  readonly status: number;
  readonly errcode: string;

  constructor(status: number, errcode: string, message: string) {
    super(message);
    this.status = status;
    this.errcode = errcode;
  }
}

const MAX_EVENT_BYTES = 65_536;
/** Ids, hashes and signatures that a server adds. */
const OVERHEAD_BYTES = 2_000;
export const UPLOAD_BYTES = 50 * 1024 * 1024;

/** Rejects with Refusal. A Buffer is a file. */
export async function answer(world: World, asked: Asked): Promise<Content | { file: Buffer; type: string }> {
  const { path, method } = asked;
  const [, , ...rest] = path;
  const name = `${method} ${path.slice(0, 2).join('/')}/${rest[0] ?? ''}`;
  switch (name) {
    case 'GET client/v3/account':
      return { user_id: asked.login.user, device_id: asked.login.device };
    case 'GET client/v3/sync':
      return sync(world, asked);
    case 'POST client/v3/createRoom':
      return createRoom(world, asked);
    case 'GET client/v3/user':
    case 'PUT client/v3/user':
      return accountData(world, asked);
    case 'GET client/v3/directory':
      return { room_id: world.aliases.get(rest[2] ?? '') ?? refuse(404, 'M_NOT_FOUND', 'No such alias'), servers: [] };
    case 'POST client/v3/keys':
      return keyCall(world, asked, rest.slice(1).join('/'));
    case 'PUT client/v3/sendToDevice':
      return sendToDevice(world, asked, rest[1] ?? '');
    case 'POST media/v3/upload':
      return upload(world, asked);
    case 'GET client/v1/media':
      return media(world, rest);
    case 'GET client/v1/rooms':
    case 'GET client/v3/rooms':
    case 'PUT client/v3/rooms':
    case 'POST client/v3/rooms':
      return roomCall(world, asked, rest.slice(1));
    default:
      return refuse(404, 'M_UNRECOGNIZED', 'Unrecognized request');
  }
}

function refuse(status: number, errcode: string, message: string): never {
  throw new Refusal(status, errcode, message);
}

function json(body: Buffer): Content {
  try {
    return JSON.parse(body.toString('utf8')) as Content;
  } catch {
    return refuse(400, 'M_NOT_JSON', 'Content not JSON.');
  }
}

async function sync(world: World, { query, login }: Asked): Promise<Content> {
  const given = query.get('since');
  const since = given === null ? undefined : positionOf(given);
  if (given !== null && (since === undefined || since > world.pos))
    return refuse(400, 'M_INVALID_PARAM', 'Unknown stream token');
  const filter = JSON.parse(query.get('filter') ?? '{}') as Parameters<typeof answerSync>[2]['filter'];
  const until = Date.now() + Number(query.get('timeout') ?? 0);
  for (;;) {
    const { body, isEmpty } = answerSync(world, login.user, { since, filter, device: login.device });
    if (!isEmpty || since === undefined || Date.now() >= until || login.isGone()) return body;
    await world.changed(until - Date.now());
  }
}

function keyCall(world: World, { body, login }: Asked, what: string): Content {
  const { keys } = world;
  const given = json(body);
  switch (what) {
    case 'upload':
      return keys.upload(login, given);
    case 'query':
      return keys.query(given);
    case 'claim':
      return keys.claim(given);
    case 'signatures/upload':
      return keys.addSignatures(given);
    case 'device_signing/upload':
      return keys.setSigningKeys(login.user, given)
        ? {}
        : refuse(401, 'M_FORBIDDEN', 'Needs a password once there are keys');
    default:
      return refuse(404, 'M_UNRECOGNIZED', 'Unrecognized request');
  }
}

function sendToDevice(world: World, { body, login, path }: Asked, type: string): Content {
  const key = path.join('/');
  if (!login.transactions.has(key)) world.keys.send(login.user, type, json(body));
  login.transactions.set(key, '');
  return {};
}

function createRoom(world: World, { body, login }: Asked): Content {
  const wanted = json(body) as { invite?: string[]; is_direct?: boolean; name?: string };
  const room = world.createRoom(login.user, wanted.name === undefined ? {} : { name: wanted.name });
  for (const user of wanted.invite ?? [])
    world.setMember(room, user, 'invite', { by: login.user, ...(wanted.is_direct && { is_direct: true }) });
  return { room_id: room.id };
}

function accountData(world: World, { method, path, body, login }: Asked): Content {
  if (path[3] !== login.user) return refuse(403, 'M_FORBIDDEN', 'Cannot use account data of others.');
  const key = `${login.user} ${path[5] ?? ''}`;
  if (method === 'GET') return world.accountData.get(key) ?? refuse(404, 'M_NOT_FOUND', 'Account data not found');
  world.accountData.set(key, json(body));
  return {};
}

function upload(world: World, { body, type, query }: Asked): Content {
  if (body.length > UPLOAD_BYTES) return refuse(413, 'M_TOO_LARGE', 'Upload request body is too large');
  return { content_uri: world.storeMedia({ bytes: body, type, name: query.get('filename') ?? '' }) };
}

function media(world: World, [, what, , id]: readonly string[]): Content | { file: Buffer; type: string } {
  if (what === 'config') return { 'm.upload.size': UPLOAD_BYTES };
  const found = world.media.get(id ?? '');
  return found ? { file: found.bytes, type: found.type } : refuse(404, 'M_NOT_FOUND', 'Not found');
}

function roomCall(world: World, asked: Asked, [id = '', what = '', ...rest]: readonly string[]): Content {
  const room = world.rooms.get(id) ?? refuse(404, 'M_NOT_FOUND', 'Unknown room');
  const { user } = asked.login;
  if (what === 'join') return joinRoom(world, room, user);
  if (world.membership(room, user) !== 'join')
    return refuse(403, 'M_FORBIDDEN', `User ${user} not in room ${id}, and room previews are disabled`);
  switch (what) {
    case 'joined_members':
      return { joined: Object.fromEntries(world.joined(room).map((one) => [one, nameOf(world, one)])) };
    case 'state':
      return room.state.get(`${rest[0] ?? ''} ${rest[1] ?? ''}`)?.content ?? refuse(404, 'M_NOT_FOUND', 'No state');
    case 'messages':
      return messages(room, asked);
    case 'event':
      return eventOf(world, room, rest[0] ?? '');
    case 'relations':
      return relations(room, rest);
    case 'typing':
      room.typing[json(asked.body)['typing'] === true ? 'add' : 'delete'](user);
      return {};
    case 'send':
      return sendEvent(world, room, asked, rest);
    case 'redact':
      return once(asked, () =>
        world.append(room, { type: 'm.room.redaction', sender: user, content: { redacts: rest[0] } }),
      );
    default:
      return refuse(404, 'M_UNRECOGNIZED', 'Unrecognized request');
  }
}

function nameOf(world: World, user: string): Content {
  return { display_name: world.displayNames.get(user) ?? null, avatar_url: null };
}

function joinRoom(world: World, room: Room, user: string): Content {
  const membership = world.membership(room, user);
  if (membership !== 'invite' && membership !== 'join')
    return refuse(403, 'M_FORBIDDEN', 'You are not invited to this room.');
  if (membership === 'invite') world.setMember(room, user, 'join');
  return { room_id: room.id };
}

function messages(room: Room, { query }: Asked): Content {
  const from = positionOf(query.get('from') ?? '');
  const to = positionOf(query.get('to') ?? 's0');
  if (from === undefined || to === undefined) return refuse(400, 'M_INVALID_PARAM', 'Unknown token');
  const filter = JSON.parse(query.get('filter') ?? '{}') as { types?: string[] };
  return answerMessages(room, { from, to, limit: Number(query.get('limit') ?? 10), filter });
}

function eventOf(world: World, room: Room, id: string): Content {
  const event = room.events.find((one) => one.event_id === id) ?? refuse(404, 'M_NOT_FOUND', 'Event not found.');
  const last = world.edits(room, id).at(-1);
  const shown = clientEvent(event, room);
  if (!last) return shown;
  return { ...shown, unsigned: { ...event.unsigned, 'm.relations': { 'm.replace': clientEvent(last, room) } } };
}

function relations(room: Room, [id, type, eventType]: readonly string[]): Content {
  const found = room.events.filter((event) => {
    const relation = relationOf(event);
    return relation['event_id'] === id && relation['rel_type'] === type && event.type === eventType;
  });
  return { chunk: found.map((event) => clientEvent(event, room)).toReversed() };
}

function sendEvent(world: World, room: Room, asked: Asked, [type = '']: readonly string[]): Content {
  const content = json(asked.body);
  const { user } = asked.login;
  return once(asked, () => {
    if (room.muted.has(user)) return refuse(403, 'M_FORBIDDEN', "You don't have permission to post that to the room.");
    if (asked.body.length + OVERHEAD_BYTES > MAX_EVENT_BYTES) return refuse(413, 'M_TOO_LARGE', 'event too large');
    const { key, event_id: target } = relationIn(content);
    const isTwice = room.events.some((event) => {
      const relation = relationOf(event);
      return (
        event.type === 'm.reaction' &&
        event.sender === user &&
        relation['key'] === key &&
        relation['event_id'] === target
      );
    });
    if (type === 'm.reaction' && isTwice)
      return refuse(400, 'M_DUPLICATE_ANNOTATION', "Can't send same reaction twice");
    room.typing.delete(user);
    return world.append(room, { type, sender: user, content });
  });
}

function relationIn(content: Content): Content {
  const relation = content['m.relates_to'];
  return typeof relation === 'object' && relation !== null ? (relation as Content) : {};
}

/** The same transaction of the same device has the same answer, and is done once. */
function once({ login, path }: Asked, act: () => { event_id: string }): Content {
  const key = path.join('/');
  const known = login.transactions.get(key);
  if (known !== undefined) return { event_id: known };
  const { event_id: id } = act();
  login.transactions.set(key, id);
  return { event_id: id };
}
