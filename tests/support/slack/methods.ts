// The Web API as an app sees it: the workspace's answers, corrected where they differ from Slack's.
import { ALL_SCOPES } from '../../../adapters/slack/app-manifest.ts';
import type { Emulator } from './emulator.ts';
import { asJson, asList, asText, type Json } from './json.ts';
import { changeEvent, dressFile, dressMessage, messageEvent, type ChannelInfo } from './payloads.ts';
import { checkMessage, isMessage, isTrue } from './rules.ts';

export interface World {
  emulator: Emulator;
  appToken: string;
  scopes: readonly string[];
  /** Address for a Socket Mode connection. */
  ticket(): string;
  /** Tells the app. */
  tell(event: Json): void;
  /** Status shown in a thread, by "channel thread". */
  statuses: Map<string, string>;
  /** Files that were shared a moment ago, and do not say so yet. */
  freshFiles: Set<string>;
  /** Error with which every call is refused, such as token_revoked. */
  refusal: string | undefined;
}

export type Answer = Json & { ok: boolean };

const refuse = (error: string, more: Json = {}): Answer => ({ ok: false, error, ...more });

export async function answerMethod(world: World, method: string, args: Json, token: string): Promise<Answer> {
  if (token === '') return refuse('not_authed');
  if (world.refusal !== undefined) return refuse(world.refusal);
  // The workspace behind would take anybody for its administrator.
  if (!isKnown(world, token)) return refuse('invalid_auth');
  if (token === world.appToken && method !== 'apps.connections.open') return refuse('not_allowed_token_type');
  switch (method) {
    case 'apps.connections.open':
      if (token !== world.appToken) return refuse('not_allowed_token_type');
      return { ok: true, url: world.ticket() };
    case 'conversations.history':
      return history(world, args, token);
    case 'conversations.replies':
      return replies(world, args, token);
    case 'users.conversations':
      return ownConversations(world, args, token);
    case 'assistant.threads.setStatus':
      return setStatus(world, args, token);
    case 'chat.postMessage':
      return postMessage(world, args, token);
    case 'chat.update':
      return updateMessage(world, args, token);
    case 'files.completeUploadExternal':
      return completeUpload(world, args, token);
    case 'files.info':
      return fileInfo(world, args, token);
    default:
      return forward(world, method, args, token);
  }
}

export function isKnown({ emulator, appToken }: World, token: string): boolean {
  return [emulator.botToken, appToken, ...Object.values(emulator.tokens)].includes(token);
}

export async function forward(world: World, method: string, args: Json, token: string): Promise<Answer> {
  const response = await fetch(`${world.emulator.url}/api/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(args),
  });
  if (response.status === 404) return refuse('unknown_method');
  const answer = withFileTypes(asJson(await response.json()));
  return { ...answer, ok: answer['ok'] === true };
}

function withFileTypes(answer: Json): Json {
  const dress = (message: Json): Json =>
    message['files'] === undefined
      ? message
      : { ...message, files: asList(message['files']).map(asJson).map(dressFile) };
  return {
    ...dress(answer),
    ...(answer['messages'] !== undefined && { messages: asList(answer['messages']).map(asJson).map(dress) }),
    ...(answer['message'] !== undefined && { message: dress(asJson(answer['message'])) }),
    ...(answer['file'] !== undefined && { file: dressFile(asJson(answer['file'])) }),
  };
}

/** The kind of a channel, as events name it. */
export async function channelInfo(world: World, channel: string): Promise<ChannelInfo> {
  const answer = await forward(world, 'conversations.info', { channel }, world.emulator.botToken);
  const found = asJson(answer['channel']);
  const isIm = found['is_im'] === true || channel.startsWith('D');
  const type = isIm ? 'im' : found['is_mpim'] ? 'mpim' : found['is_private'] ? 'group' : 'channel';
  return { id: channel, type };
}

/** All messages of a channel that `token` may see, oldest first, as the workspace keeps them; those of threads too. */
export async function rawMessages(world: World, channel: string, token: string): Promise<Json[]> {
  const heads = await forward(world, 'conversations.history', { channel, limit: 1_000 }, token);
  const all: Json[] = [];
  for (const head of asList(heads['messages']).map(asJson)) {
    all.push(head);
    if (Number(head['reply_count'] ?? 0) === 0) continue;
    const thread = await forward(world, 'conversations.replies', { channel, ts: head['ts'] }, token);
    all.push(
      ...asList(thread['messages'])
        .map(asJson)
        .filter((message) => message['ts'] !== head['ts']),
    );
  }
  return all.sort((a, b) => (asText(a['ts']) < asText(b['ts']) ? -1 : 1));
}

/** "not_in_channel" also where the workspace would let everybody read. */
async function refuseOutsider(world: World, channel: string, token: string): Promise<Answer | undefined> {
  const info = await forward(world, 'conversations.info', { channel }, token);
  if (!info.ok) return info['error'] === 'missing_scope' ? undefined : info;
  const found = asJson(info['channel']);
  return found['is_im'] || found['is_mpim'] || found['is_member'] ? undefined : refuse('not_in_channel');
}

interface Window {
  messages: Json[];
  next: string;
}

/** A page between two points of time; "closest to oldest" when only that is given, else the latest first. */
function page(all: readonly Json[], args: Json, order: 'up' | 'down'): Window {
  const { oldest, latest, cursor } = {
    oldest: asText(args['oldest']),
    latest: asText(args['latest']),
    cursor: asText(args['cursor']),
  };
  const isInclusive = isTrue(args['inclusive']);
  const after = cursor.startsWith('after:') ? cursor.slice(6) : '';
  const before = cursor.startsWith('before:') ? cursor.slice(7) : '';
  const within = all.filter((message) => {
    const ts = asText(message['ts']);
    const isPast = oldest === '' || ts > oldest || (isInclusive && ts === oldest);
    const isEarly = latest === '' || ts < latest || (isInclusive && ts === latest);
    return isPast && isEarly && (after === '' || ts > after) && (before === '' || ts < before);
  });
  const limit = Math.min(Number(args['limit'] ?? 100) || 100, 999);
  const chosen = order === 'up' ? within.slice(0, limit) : within.slice(-limit);
  const isMore = chosen.length < within.length;
  const edge = asText((order === 'up' ? chosen.at(-1) : chosen[0])?.['ts']);
  return { messages: chosen, next: isMore ? `${order === 'up' ? 'after' : 'before'}:${edge}` : '' };
}

async function history(world: World, args: Json, token: string): Promise<Answer> {
  const channel = asText(args['channel']);
  const outsider = await refuseOutsider(world, channel, token);
  if (outsider) return outsider;
  const answer = await forward(world, 'conversations.history', { channel, limit: 1_000 }, token);
  if (!answer.ok) return answer;
  const all = asList(answer['messages']).map(asJson).toReversed();
  const isForward = args['oldest'] !== undefined && args['latest'] === undefined;
  const { messages, next } = page(all, args, isForward ? 'up' : 'down');
  const shown: Json[] = [];
  for (const message of messages.toReversed()) shown.push(await dressHead(world, { channel, message, token }, args));
  return { ok: true, messages: shown, has_more: next !== '', pin_count: 0, response_metadata: { next_cursor: next } };
}

async function dressHead(
  world: World,
  { channel, message, token }: { channel: string; message: Json; token: string },
  args: Json,
): Promise<Json> {
  const dressed = { ...dressMessage(message), ...withMetadata(message, args) };
  if (Number(message['reply_count'] ?? 0) === 0) return dressed;
  const thread = await forward(world, 'conversations.replies', { channel, ts: message['ts'] }, token);
  const last = asJson(asList(thread['messages']).at(-1));
  return { ...dressed, thread_ts: message['ts'], latest_reply: last['ts'] };
}

async function replies(world: World, args: Json, token: string): Promise<Answer> {
  const { channel, ts } = { channel: asText(args['channel']), ts: asText(args['ts']) };
  const outsider = await refuseOutsider(world, channel, token);
  if (outsider) return outsider;
  const answer = await forward(world, 'conversations.replies', { channel, ts }, token);
  if (!answer.ok) return answer;
  const all = asList(answer['messages']).map(asJson);
  if (all.length === 0) return refuse('thread_not_found');
  const root = all.find((message) => message['ts'] === ts);
  const { messages, next } = page(
    all.filter((message) => message !== root),
    args,
    'up',
  );
  const shown = [...(root && args['cursor'] === undefined ? [root] : []), ...messages].map((message) => ({
    ...dressMessage(message, asText(root?.['user'])),
    ...withMetadata(message, args),
    thread_ts: ts,
  }));
  return {
    ok: true,
    messages: shown.slice(0, Number(args['limit'] ?? 1_000)),
    has_more: next !== '',
    response_metadata: { next_cursor: next },
  };
}

function withMetadata(message: Json, args: Json): Json {
  return isTrue(args['include_all_metadata']) && message['metadata'] !== undefined
    ? { metadata: message['metadata'] }
    : {};
}

async function ownConversations(world: World, args: Json, token: string): Promise<Answer> {
  const answer = await forward(world, 'conversations.list', { ...args, limit: 1_000, cursor: '' }, token);
  if (!answer.ok) return answer;
  const mine = asList(answer['channels'])
    .map(asJson)
    .filter((channel) => channel['is_member'] || channel['is_im'] || channel['is_mpim']);
  return { ok: true, channels: mine, response_metadata: { next_cursor: '' } };
}

async function setStatus(world: World, args: Json, token: string): Promise<Answer> {
  if (token !== world.emulator.botToken) return refuse('invalid_auth');
  if (!world.scopes.includes('chat:write')) return refuse('missing_scope', { needed: 'chat:write' });
  world.statuses.set(`${asText(args['channel_id'])} ${asText(args['thread_ts'])}`, asText(args['status']));
  return { ok: true };
}

async function postMessage(world: World, args: Json, token: string): Promise<Answer> {
  const refusal = checkMessage('chat.postMessage', args);
  if (refusal !== undefined) return refuse(refusal);
  const answer = await forward(world, 'chat.postMessage', args, token);
  if (!answer.ok || !isMessage(answer['message'])) return answer;
  const channel = await channelInfo(world, asText(answer['channel']));
  const message = dressMessage(answer['message']);
  world.statuses.delete(`${channel.id} ${asText(args['thread_ts'])}`);
  world.tell(messageEvent(message, channel));
  return { ...answer, message };
}

async function updateMessage(world: World, args: Json, token: string): Promise<Answer> {
  const refusal = checkMessage('chat.update', args);
  if (refusal !== undefined) return refuse(refusal);
  const channel = asText(args['channel']);
  const before = (await rawMessages(world, channel, token)).find((message) => message['ts'] === args['ts']);
  const answer = await forward(world, 'chat.update', args, token);
  if (!answer.ok || !before) return answer;
  const message = dressMessage(asJson(answer['message']));
  const info = await channelInfo(world, channel);
  world.tell(
    changeEvent({
      subtype: 'message_changed',
      ts: nextTs(),
      message,
      previous: dressMessage(before),
      channel: info,
    }),
  );
  return { ...answer, message };
}

/** The share is made a moment later: neither this answer nor the first look at the file tells of it. */
async function completeUpload(world: World, args: Json, token: string): Promise<Answer> {
  const blocks = asList(args['blocks']);
  const refusal = blocks.length > 0 ? checkMessage('files.completeUploadExternal', args) : undefined;
  if (refusal !== undefined) return refuse(refusal);
  const answer = await forward(world, 'files.completeUploadExternal', args, token);
  if (!answer.ok) return answer;
  const files = asList(answer['files']).map(asJson);
  for (const file of files) world.freshFiles.add(asText(file['id']));
  const channel = asText(args['channel_id']);
  const ids = files.map((file) => file['id']);
  const message = (await rawMessages(world, channel, token)).findLast((one) =>
    asList(one['files']).some((file) => ids.includes(asJson(file)['id'])),
  );
  if (message) world.tell(messageEvent(dressMessage(message), await channelInfo(world, channel)));
  return { ...answer, files: files.map((file) => ({ ...file, shares: {} })) };
}

async function fileInfo(world: World, args: Json, token: string): Promise<Answer> {
  const answer = await forward(world, 'files.info', args, token);
  const file = asJson(answer['file']);
  if (!world.freshFiles.delete(asText(file['id']))) return answer;
  return { ...answer, file: { ...file, shares: {} } };
}

let counter = 0;

/** A time of an event that is no message. */
export function nextTs(): string {
  counter = (counter + 1) % 1_000_000;
  return `${Math.floor(Date.now() / 1_000)}.${String(999_999 - counter).padStart(6, '0')}`;
}

export const DEFAULT_SCOPES: readonly string[] = ALL_SCOPES;
