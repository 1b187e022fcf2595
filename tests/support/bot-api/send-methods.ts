// Methods that make new messages: text, drafts, files, albums, chat actions.
import { randomUUID } from 'node:crypto';
import type { Message, PhotoSize } from 'grammy/types';
import { CAPTION, DRAFT_TEXT, formatText, MESSAGE_TEXT, readFormatted } from './entities.ts';
import { ApiError, badRequest, isRecord, type ApiRequest, type UploadedFile } from './http.ts';
import type { ParsedText } from './html.ts';
import { readInlineKeyboard, readReply, readThread } from './message-parts.ts';
import { needInteger, readInteger, readList, readText } from './params.ts';
import {
  addEntry,
  keepFile,
  needChat,
  takeMessageId,
  unixSeconds,
  type BotFile,
  type ChatState,
  type World,
} from './world.ts';

/** https://core.telegram.org/bots/api#sendphoto (read 2026-11-21) */
const MAX_PHOTO_BYTES = 10 * 1024 * 1024;
const ACTIONS: ReadonlySet<string> = new Set([
  'typing',
  'upload_photo',
  'record_video',
  'upload_video',
  'record_voice',
  'upload_voice',
  'upload_document',
  'choose_sticker',
  'find_location',
  'record_video_note',
  'upload_video_note',
]);

export type MediaField = 'photo' | 'document' | 'voice' | 'audio' | 'video' | 'sticker';

const FOLDERS: Readonly<Record<MediaField, string>> = {
  photo: 'photos',
  document: 'documents',
  voice: 'voice',
  audio: 'music',
  video: 'videos',
  sticker: 'stickers',
};

export function sendMessage(world: World, request: ApiRequest): Message {
  const formatted = readFormatted(request, MESSAGE_TEXT);
  const state = needChat(world, readText(request, 'chat_id'));
  return postMessage(world, state, { request, content: asText(formatted) });
}

function asText({ text, entities }: ParsedText): Partial<Message> {
  return entities.length > 0 ? { text, entities } : { text };
}

function asCaption({ text, entities }: ParsedText): Partial<Message> {
  if (text === '') return {};
  return entities.length > 0 ? { caption: text, caption_entities: entities } : { caption: text };
}

interface Post {
  request: ApiRequest;
  content: Partial<Message>;
  file?: BotFile | undefined;
}

function postMessage(world: World, state: ChatState, post: Post): Message {
  const { request } = post;
  const keyboard = readInlineKeyboard(request);
  const thread = readThread(request, state);
  const reply = readReply(request, state);
  const message = {
    message_id: takeMessageId(world, state),
    ...thread,
    from: world.bot,
    chat: state.chat,
    date: unixSeconds(world),
    ...reply,
    ...post.content,
    ...(keyboard ? { reply_markup: keyboard } : {}),
  } as Message;
  addEntry(state, { message, byBot: true, file: post.file, parseMode: readText(request, 'parse_mode') });
  for (const draft of state.drafts.values())
    if (draft.thread === message.message_thread_id) state.drafts.delete(draft.id);
  world.changed();
  return message;
}

export function sendMessageDraft(world: World, request: ApiRequest): true {
  const { text } = readFormatted(request, DRAFT_TEXT);
  const state = needChat(world, readText(request, 'chat_id'));
  const id = needInteger(request, 'draft_id', 'draft identifier must be non-zero');
  if (id === 0) throw badRequest('draft identifier must be non-zero');
  if (state.chat.type !== 'private') throw badRequest('drafts can be sent only to private chats');
  const { message_thread_id: thread } = readThread(request, state);
  const shown = state.drafts.get(id)?.shown ?? [];
  state.drafts.set(id, { id, thread, text, shown: [...shown, text].slice(-1_000), atMs: world.clock.now() });
  world.changed();
  return true;
}

export function sendChatAction(world: World, request: ApiRequest): true {
  const action = readText(request, 'action');
  if (!ACTIONS.has(action)) throw badRequest('wrong parameter action in request');
  const state = needChat(world, readText(request, 'chat_id'));
  const { message_thread_id: thread } = readThread(request, state);
  state.actions.push({ action, thread, atMs: world.clock.now() });
  if (state.actions.length > 1_000) state.actions.shift();
  world.changed();
  return true;
}

/** sendPhoto, sendDocument, sendVoice, sendAudio, sendVideo, sendSticker. */
export function makeSendMedia(field: MediaField): (world: World, request: ApiRequest) => Message {
  return (world, request) => {
    const file = takeFile(world, request, field, readText(request, field));
    const caption = readFormatted(request, CAPTION);
    const state = needChat(world, readText(request, 'chat_id'));
    const content = { ...describeMedia(field, file, request), ...asCaption(caption) };
    return postMessage(world, state, { request, content, file });
  };
}

/** An upload, a part named by attach://, or a file that the server has. */
function takeFile(world: World, request: ApiRequest, field: MediaField, value: string): BotFile {
  const uploaded = request.files.get(value.startsWith('attach://') ? value.slice('attach://'.length) : field);
  if (uploaded) return keepUpload(world, field, uploaded);
  if (value === '') throw badRequest(`there is no ${field} in the request`);
  const known = world.files.get(value);
  if (known) return known;
  throw badRequest(
    /^https?:/i.test(value) ? 'failed to get HTTP URL content' : 'wrong file identifier/HTTP URL specified',
  );
}

function keepUpload(world: World, field: MediaField, file: UploadedFile): BotFile {
  if (file.bytes.length === 0) throw badRequest('file must be non-empty');
  if (field === 'photo' && file.bytes.length > MAX_PHOTO_BYTES)
    throw badRequest(
      `file of size ${file.bytes.length} bytes is too big for a photo; the maximum size is ${MAX_PHOTO_BYTES} bytes`,
    );
  return keepFile(world, { folder: FOLDERS[field], name: file.name, mime: file.type, bytes: file.bytes });
}

function describeMedia(field: MediaField, file: BotFile, request: ApiRequest): Partial<Message> {
  const given = (name: string) => {
    const value = request.fields.get(name);
    return value === undefined ? {} : { [name]: value };
  };
  const number = (name: string, fallback: number) => ({ [name]: readInteger(request, name) ?? fallback });
  const extra = {
    photo: {},
    document: {},
    sticker: {},
    voice: number('duration', 1),
    audio: { ...number('duration', 1), ...given('performer'), ...given('title') },
    video: { ...number('duration', 1), ...number('width', 320), ...number('height', 240) },
  }[field];
  return mediaContent(field, file, extra);
}

/** A file as messages describe it. */
export function mediaContent(field: MediaField, file: BotFile, extra: Record<string, unknown> = {}): Partial<Message> {
  const base = { file_id: file.id, file_unique_id: file.uniqueId, file_size: file.size };
  const typed = { ...base, ...(file.mime === '' ? {} : { mime_type: file.mime }) };
  const named = { ...typed, ...(file.name === '' ? {} : { file_name: file.name }) };
  const content = {
    photo: () => photoSizes(file),
    document: () => ({ ...named, ...extra }),
    voice: () => ({ duration: 1, ...typed, ...extra }),
    audio: () => ({ duration: 1, ...named, ...extra }),
    video: () => ({ duration: 1, width: 320, height: 240, ...named, ...extra }),
    sticker: () => ({
      ...base,
      type: 'regular',
      width: 512,
      height: 512,
      is_animated: false,
      is_video: false,
      ...extra,
    }),
  }[field]();
  return { [field]: content };
}

/** Small to large; only the largest has the bytes. */
function photoSizes(file: BotFile): PhotoSize[] {
  const size = (suffix: string, width: number, bytes: number) => ({
    file_id: file.id + suffix,
    file_unique_id: file.uniqueId + suffix,
    file_size: bytes,
    width,
    height: Math.round(width * 0.75),
  });
  return [
    size('s', 90, Math.min(file.size, 1_200)),
    size('m', 320, Math.min(file.size, 20_000)),
    size('', 1280, file.size),
  ];
}

/** https://core.telegram.org/bots/api#sendmediagroup (read 2026-11-21): 2-10 items; caption and parse mode are of each item. */
export function sendMediaGroup(world: World, request: ApiRequest): Message[] {
  const media = readList(request, 'media') ?? [];
  if (media.length < 2 || media.length > 10) throw badRequest('wrong number of messages to send as an album');
  const items = media.map((item) => readAlbumItem(world, request, item));
  const state = needChat(world, readText(request, 'chat_id'));
  const group = String(BigInt(`0x${randomUUID().replaceAll('-', '').slice(0, 15)}`));
  return items.map(({ content, file }) =>
    postMessage(world, state, { request, content: { ...content, media_group_id: group }, file }),
  );
}

function readAlbumItem(world: World, request: ApiRequest, item: unknown): { content: Partial<Message>; file: BotFile } {
  if (!isRecord(item)) throw badRequest("can't parse InputMedia: expected an Object");
  const type = item['type'];
  if (type !== 'photo' && type !== 'video' && type !== 'audio' && type !== 'document')
    throw badRequest("can't parse InputMedia: type must be photo, video, audio or document");
  const { media, caption, parse_mode: parseMode, caption_entities: given } = item;
  const file = takeFile(world, request, type, typeof media === 'string' ? media : '');
  const source = {
    source: typeof caption === 'string' ? caption : '',
    parseMode: typeof parseMode === 'string' ? parseMode : '',
    given: Array.isArray(given) ? given : undefined,
  };
  return { content: { ...mediaContent(type, file), ...asCaption(formatText(source, CAPTION)) }, file };
}

/** https://core.telegram.org/bots/api#getfile (read 2026-11-21): bots may download up to 20 MB. */
const MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024;

export function getFile(world: World, request: ApiRequest) {
  const id = readText(request, 'file_id');
  if (id === '') throw badRequest('file_id not specified');
  const file = findFile(world, id);
  if (file === undefined) throw badRequest('wrong file_id or the file is temporarily unavailable');
  if (file.size > MAX_DOWNLOAD_BYTES) throw badRequest('file is too big');
  return { file_id: id, file_unique_id: file.uniqueId, file_size: file.size, file_path: file.path };
}

/** Smaller sizes of a photo have the bytes of the largest here. */
function findFile(world: World, id: string): BotFile | undefined {
  return world.files.get(id) ?? (/[sm]$/.test(id) ? world.files.get(id.slice(0, -1)) : undefined);
}

/** The bytes behind getFile's path. @throws ApiError 404 */
export function findDownload(world: World, path: string): BotFile {
  const file = [...world.files.values()].find((candidate) => candidate.path === path);
  if (file === undefined) throw new ApiError(404, 'Not Found');
  return file;
}
