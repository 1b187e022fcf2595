// The server's routes, with its checks and its words. https://github.com/bbernhard/signal-cli-rest-api, src/api/api.go and
// src/client/client.go, read 2026-11-21.
import { Buffer } from 'node:buffer';
import { parseStyled } from './styled.ts';
import type { SentMessage } from './types.ts';
import type { World } from './world.ts';

export interface RestRequest {
  method: string;
  /** Percent-encoding kept, without the query. */
  path: string;
  query: URLSearchParams;
  body: unknown;
}

export interface RestAnswer {
  status: number;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** Instead of `body`. */
  bytes?: Uint8Array;
}

const error = (status: number, words: string): RestAnswer => ({ status, body: { error: words } });
const done: RestAnswer = { status: 204 };

type Fields = Readonly<Record<string, unknown>>;

export interface RouteOptions {
  hasRawLink: boolean;
}

/** Undefined: there is no such route. */
export function answer(world: World, request: RestRequest, options: RouteOptions): RestAnswer | undefined {
  const { method, path } = request;
  const [, version, name, first, second] = path.split('/').map((part) => decodeURIComponent(part));
  const body: Fields = typeof request.body === 'object' && request.body !== null ? { ...request.body } : {};
  switch (`${method} /${version}/${name}`) {
    case 'GET /v1/about':
      return { status: 200, body: about(world) };
    case 'GET /v1/accounts':
      return { status: 200, body: world.accounts };
    case 'GET /v1/qrcodelink':
      if (first !== 'raw' || !options.hasRawLink) return undefined;
      return { status: 200, body: { device_link_uri: 'sgnl://linkdevice?uuid=abc&pub_key=BQ' } };
    case 'GET /v1/identities':
      return { status: 200, body: [{ ...identity, number: world.number, uuid: world.uuid }] };
    case 'GET /v1/attachments':
      return serveAttachment(world, first ?? '');
    case 'POST /v1/configuration':
      if (second !== 'settings') return undefined;
      world.trust = String(body['trust_mode']);
      return done;
    case 'PUT /v1/typing-indicator':
    case 'DELETE /v1/typing-indicator':
      return setTyping(world, body, method === 'PUT');
    case 'POST /v1/reactions':
    case 'DELETE /v1/reactions':
      return setReaction(world, body, method === 'POST');
    case 'POST /v2/send':
      return send(world, body);
    default:
      return undefined;
  }
}

const identity = { added: '1', fingerprint: 'f', safety_number: '1', status: 'TRUSTED_VERIFIED' };

function about(world: World): Fields {
  const capabilities = { 'v2/send': ['quotes', 'mentions'] };
  return { build: 2, capabilities, mode: world.mode, version: '0.99', versions: ['v1', 'v2'] };
}

function serveAttachment(world: World, id: string): RestAnswer {
  const file = world.attachments.get(id);
  if (!file) return error(404, 'No attachment with that name found');
  return { status: 200, bytes: file.bytes, headers: { 'content-type': file.mime } };
}

function setTyping(world: World, body: Fields, isShown: boolean): RestAnswer {
  const chat = String(body['recipient']);
  if (isShown) world.typing.add(chat);
  else world.typing.delete(chat);
  world.changed();
  return done;
}

function setReaction(world: World, body: Fields, isSet: boolean): RestAnswer {
  const { reaction, target_author: author, timestamp } = body;
  if (isSet && !reaction) return error(400, "Couldn't process request - reaction missing");
  if (!author || !timestamp) return error(400, "Couldn't process request - target_author missing");
  const ours = author === world.number && world.sent.find((message) => message.timestamp === timestamp);
  if (ours) ours.reactions = isSet ? [String(reaction)] : [];
  world.changed();
  return done;
}

function send(world: World, body: Fields): RestAnswer {
  const recipients = Array.isArray(body['recipients']) ? body['recipients'].map(String) : [];
  const [chat] = recipients;
  if (chat === undefined) return error(400, "Couldn't process request - please provide at least one recipient");
  if (!world.accounts.includes(String(body['number']))) return error(400, 'Specified account does not exist');
  const refusal = refuseRecipient(world, chat);
  if (refusal) return refusal;
  const { text, styles } =
    body['text_mode'] === 'styled' ? parseStyled(textOf(body)) : { text: textOf(body), styles: [] };
  const files = Array.isArray(body['base64_attachments']) ? body['base64_attachments'].map(readDataUri) : [];
  if (files.includes(undefined)) return error(400, 'The base64 data does not exist.');
  if (text === '' && files.length === 0) return error(400, 'Sending empty message is not allowed');
  const timestamp = world.nextTimestamp();
  const quote = body['quote_timestamp'];
  const message: SentMessage = {
    timestamp,
    revision: timestamp,
    chat,
    text,
    styles,
    files: files.filter((file) => file !== undefined),
    quote:
      typeof quote === 'number'
        ? { timestamp: quote, author: String(body['quote_author']), text: optional(body['quote_message']) }
        : undefined,
    reactions: [],
  };
  if (body['edit_timestamp'] === undefined) world.sent.push(message);
  else applyEdit(world, body['edit_timestamp'], message);
  world.typing.delete(chat);
  world.changed();
  return { status: 201, body: [{ timestamp: String(timestamp) }] };
}

function textOf(body: Fields): string {
  return optional(body['message']) ?? '';
}

function optional(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Readers' apps drop an edit that does not name the latest revision. */
function applyEdit(world: World, target: unknown, edit: SentMessage): void {
  const found = world.sent.find((message) => message.revision === target && message.chat === edit.chat);
  if (found) Object.assign(found, { text: edit.text, styles: edit.styles, revision: edit.timestamp });
}

function refuseRecipient(world: World, chat: string): RestAnswer | undefined {
  if (chat.startsWith('group.')) {
    const internalId = Buffer.from(chat.slice('group.'.length), 'base64').toString();
    if (Buffer.from(internalId, 'base64').length !== 32) return error(400, 'Invalid Signal group size (0');
    const isKnown = world.groups.some((group) => group.internalId === internalId);
    return isKnown ? undefined : error(400, `Group not found: ${internalId}`);
  }
  if ([world.number, world.uuid].includes(chat)) return undefined;
  if (world.people.some((person) => [person.uuid, person.number].includes(chat))) return undefined;
  if (world.mode === 'json-rpc') return error(400, 'Failed to send message');
  const results = [{ recipientAddress: { uuid: chat, number: null }, type: 'UNREGISTERED_FAILURE' }];
  return error(400, `${JSON.stringify({ timestamp: 1, results })}\nFailed to send message\n`);
}

function readDataUri(value: unknown): { name: string; mime: string; bytes: Uint8Array } | undefined {
  const match = /^data:([^;,]+);filename=([^;,/\\]+);base64,([A-Za-z0-9+/]+={0,2})$/.exec(String(value));
  const [, mime, name, data] = match ?? [];
  if (mime === undefined || name === undefined || data === undefined) return undefined;
  return { mime, name, bytes: new Uint8Array(Buffer.from(data, 'base64')) };
}
