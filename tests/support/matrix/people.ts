// People of the loopback homeserver, who write as an app such as Element does.
import type { MediaKind } from '../../../shared/messages.ts';
import type { Content, Room, StoredEvent, World } from './world.ts';

export interface SaidFile {
  kind: MediaKind;
  name: string;
  mime: string;
  bytes: Uint8Array;
}

export interface SayOptions {
  replyTo?: string | undefined;
  thread?: string | undefined;
  /** Names the bot, with a pill. */
  mention?: boolean | undefined;
  file?: SaidFile | undefined;
  msgtype?: string | undefined;
  /** ms since the epoch. */
  at?: number | undefined;
}

export interface Person {
  id: string;
  /** A direct chat with the bot: invites it, and lets it accept. */
  invite(options?: { direct?: boolean; encrypted?: boolean; name?: string }): Room;
  say(room: Room, text: string, options?: SayOptions): StoredEvent;
  edit(room: Room, id: string, text: string): StoredEvent;
  redact(room: Room, id: string): StoredEvent;
  send(room: Room, type: string, content: Content): StoredEvent;
}

export function makePerson(world: World, botId: string, name: string): Person {
  const id = `@${name.toLowerCase()}:${world.serverName}`;
  world.displayNames.set(id, name);
  const send = (room: Room, type: string, content: Content, at?: number) =>
    world.append(room, { type, sender: id, content, ...(at !== undefined && { at }) });
  return {
    id,
    invite({ direct = true, ...options } = {}) {
      const room = world.createRoom(id, options);
      world.setMember(room, botId, 'invite', { by: id, ...(direct && { is_direct: true }) });
      return room;
    },
    say(room, text, options = {}) {
      const { type, content } = makeSaid(botId, text, options, (file) => ({
        url: world.storeMedia({ bytes: Buffer.from(file.bytes), type: file.mime, name: file.name }),
      }));
      return send(room, type, content, options.at);
    },
    edit: (room, target, text) => send(room, 'm.room.message', makeEdited(target, text)),
    redact: (room, target) => send(room, 'm.room.redaction', { redacts: target }),
    send,
  };
}

type StoreFile = (file: SaidFile) => Content;

/** `store` gives where the file lies: its `url`, or `file` with what opens it. */
export function makeSaid(
  botId: string,
  text: string,
  options: SayOptions,
  store: StoreFile,
): { type: string; content: Content } {
  const body = options.mention ? `Herald: ${text}` : text;
  const content = options.file ? makeFile(options.file, body, store) : { msgtype: options.msgtype ?? 'm.text', body };
  const type = options.file?.kind === 'sticker' ? 'm.sticker' : 'm.room.message';
  const mentions = options.mention ? { user_ids: [botId] } : {};
  return { type, content: { ...content, 'm.mentions': mentions, ...makeRelation(options) } };
}

export function makeEdited(target: string, text: string): Content {
  return {
    msgtype: 'm.text',
    body: `* ${text}`,
    'm.new_content': { msgtype: 'm.text', body: text, 'm.mentions': {} },
    'm.relates_to': { rel_type: 'm.replace', event_id: target },
  };
}

function makeRelation({ replyTo, thread }: SayOptions): Content {
  if (replyTo === undefined && thread === undefined) return {};
  const reply = { 'm.in_reply_to': { event_id: replyTo ?? thread } };
  if (thread === undefined) return { 'm.relates_to': reply };
  return {
    'm.relates_to': { rel_type: 'm.thread', event_id: thread, is_falling_back: replyTo === undefined, ...reply },
  };
}

function makeFile(file: SaidFile, caption: string, store: StoreFile): Content {
  const { kind, name, mime, bytes } = file;
  const at = store(file);
  const info = { mimetype: mime, size: bytes.length };
  if (kind === 'sticker') return { body: name, ...at, info };
  const msgtype = { image: 'm.image', audio: 'm.audio', voice: 'm.audio', video: 'm.video', document: 'm.file' }[kind];
  return {
    msgtype,
    body: caption === '' ? name : caption,
    filename: name,
    ...at,
    info,
    ...(kind === 'voice' && { 'org.matrix.msc3245.voice': {}, 'org.matrix.msc1767.audio': { duration: 2500 } }),
  };
}
