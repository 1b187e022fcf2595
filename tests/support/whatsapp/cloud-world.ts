// What the fake Cloud API knows: people, files, messages of ours as their readers see them.
import { createHash, randomBytes } from 'node:crypto';

export const PHONE_NUMBER_ID = '106540352242922';
export const BUSINESS_PHONE = '15550783881';
export const ACCESS_TOKEN = 'EAAJtestTokenOfTheSystemUser0123456789';
export const APP_SECRET = 'app-secret-0123456789abcdef';
export const VERIFY_TOKEN = 'verify-token-of-tests';

export interface CloudFile {
  name: string;
  mime: string;
  bytes: Buffer;
}

export interface SentMessage {
  id: string;
  to: string;
  body: Record<string, unknown>;
  replyTo: string | undefined;
  reactions: string[];
  /** Whether it names the file's own type and bytes. */
  file: CloudFile | undefined;
}

export class ApiProblem extends Error {
  readonly status: number;
  readonly code: number;

  constructor(code: number, status = 400, message = 'refused') {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export class CloudWorld {
  readonly files = new Map<string, CloudFile>();
  readonly sent: SentMessage[] = [];
  readonly typing: string[] = [];
  readonly read: string[] = [];
  /** People who can be written to, by number or business-scoped id. */
  readonly people = new Set<string>();
  /** People who last wrote more than a day ago. */
  readonly closed = new Set<string>();
  /** Authors of messages, by id. */
  readonly authors = new Map<string, string>();
  commands: unknown[] = [];

  newId(): string {
    return `wamid.${randomBytes(18).toString('base64url')}`;
  }

  addFile(file: CloudFile): string {
    const id = String(10_000_000_000 + this.files.size);
    this.files.set(id, file);
    return id;
  }

  describeFile(id: string, root: string) {
    const file = this.files.get(id);
    if (!file) throw new ApiProblem(100, 400, 'Unsupported get request');
    return {
      messaging_product: 'whatsapp',
      id,
      url: `${root}/files/${id}`,
      mime_type: file.mime,
      sha256: createHash('sha256').update(file.bytes).digest('hex'),
      file_size: file.bytes.length,
    };
  }

  /** What the API answers to a call of /messages. Throws ApiProblem as the API refuses. */
  post(body: Record<string, unknown>): unknown {
    if (body['messaging_product'] !== 'whatsapp') throw new ApiProblem(100, 400, 'messaging_product');
    if (body['status'] === 'read') return this.#markRead(body);
    if (body['recipient_type'] !== 'individual') throw new ApiProblem(100, 400, 'recipient_type');
    const to = text(body['to'] ?? body['recipient']);
    if (body['to'] !== undefined && !/^\d{6,15}$/.test(to)) throw new ApiProblem(131009, 400, 'to');
    if (!this.people.has(to)) throw new ApiProblem(131030);
    if (this.closed.has(to)) throw new ApiProblem(131047);
    const type = text(body['type']);
    if (type === 'reaction') return this.#react(body, to);
    const content = object(body[type]);
    const fileId = checkContent(type, content);
    if (fileId !== undefined && !this.files.has(fileId)) throw new ApiProblem(131009, 400, 'media id');
    const context = body['context'] === undefined ? undefined : object(body['context'])['message_id'];
    if (context !== undefined && !this.authors.has(text(context))) throw new ApiProblem(131009, 400, 'context');
    const id = this.newId();
    this.authors.set(id, BUSINESS_PHONE);
    const file = fileId === undefined ? undefined : this.files.get(fileId);
    this.sent.push({ id, to, body, replyTo: context === undefined ? undefined : text(context), reactions: [], file });
    return {
      messaging_product: 'whatsapp',
      contacts: [{ input: to, wa_id: to }],
      messages: [{ id, message_status: 'accepted' }],
    };
  }

  #markRead(body: Record<string, unknown>): unknown {
    const author = this.authors.get(text(body['message_id']));
    if (author === undefined || author === BUSINESS_PHONE) throw new ApiProblem(131009, 400, 'message_id');
    this.read.push(text(body['message_id']));
    if (body['typing_indicator'] !== undefined) {
      if (object(body['typing_indicator'])['type'] !== 'text') throw new ApiProblem(100);
      this.typing.push(author);
    }
    return { success: true };
  }

  #react(body: Record<string, unknown>, to: string): unknown {
    const { message_id: id, emoji } = object(body['reaction']);
    const target = this.sent.find((message) => message.id === id && message.to === to);
    if (!this.authors.has(text(id))) throw new ApiProblem(131009, 400, 'reaction');
    if (target) target.reactions = emoji === '' ? [] : [text(emoji)];
    return { messaging_product: 'whatsapp', messages: [{ id: this.newId() }] };
  }
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new ApiProblem(100, 400, 'a text was expected');
  return value;
}

export function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new ApiProblem(131009, 400, 'an object was expected');
  return value as Record<string, unknown>;
}

function list(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new ApiProblem(131009, 400, 'a list was expected');
  return value.map(object);
}

function limited(value: unknown, max: number, what: string): void {
  const found = text(value);
  if (found.length < 1 || found.length > max)
    throw new ApiProblem(131009, 400, `${what} has ${found.length} characters`);
}

/** The documented limits of each kind; the id of its file, if it has one. */
function checkContent(type: string, content: Record<string, unknown>): string | undefined {
  switch (type) {
    case 'text':
      limited(content['body'], 4_096, 'text.body');
      return undefined;
    case 'image':
    case 'video':
    case 'document':
    case 'audio':
    case 'sticker':
      if (content['caption'] !== undefined) {
        if (type === 'audio' || type === 'sticker') throw new ApiProblem(100, 400, 'caption');
        limited(content['caption'], 1_024, 'caption');
      }
      return text(content['id']);
    case 'interactive':
      checkInteractive(content);
      return undefined;
    default:
      throw new ApiProblem(131051);
  }
}

function checkInteractive(content: Record<string, unknown>): void {
  const action = object(content['action']);
  const body = object(content['body'])['text'];
  if (content['type'] === 'button') {
    limited(body, 1_024, 'body');
    const buttons = list(action['buttons']).map(({ reply }) => object(reply));
    if (buttons.length < 1 || buttons.length > 3) throw new ApiProblem(131009, 400, 'buttons');
    for (const { id, title } of buttons) {
      limited(id, 256, 'button id');
      limited(title, 20, 'button title');
    }
    return;
  }
  limited(body, 4_096, 'body');
  limited(action['button'], 20, 'button');
  const rows = list(action['sections']).flatMap(({ rows: inner }) => list(inner));
  if (rows.length < 1 || rows.length > 10) throw new ApiProblem(131009, 400, 'rows');
  for (const { id, title, description } of rows) {
    limited(id, 200, 'row id');
    limited(title, 24, 'row title');
    if (description !== undefined) limited(description, 72, 'row description');
  }
}
