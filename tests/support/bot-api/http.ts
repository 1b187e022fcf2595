// Requests as the Bot API takes them: parameters in the query, as JSON, urlencoded or multipart, in any mixture, all of them
// text in the end. Answers are JSON. https://core.telegram.org/bots/api#making-requests (read 2026-11-21).
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Uploads of bots end at 50 MB. https://core.telegram.org/bots/api#sending-files (read 2026-11-21) */
const MAX_UPLOAD_BYTES = 50 * 1024 * 1024;
const MAX_BODY_BYTES = MAX_UPLOAD_BYTES + 1024 * 1024;

export interface UploadedFile {
  name: string;
  type: string;
  bytes: Uint8Array;
}

export interface ApiRequest {
  /** GET, POST … */
  verb: string;
  /** Percent-encoding kept, without the query. */
  path: string;
  query: string;
  contentType: string;
  /** The parsed JSON or the fields of the form; files as `{file: {name, type, bytes}}`, as recordings hold them. */
  body: unknown;
  /** Parameters as text; complex ones as JSON text. */
  fields: ReadonlyMap<string, string>;
  files: ReadonlyMap<string, UploadedFile>;
}

/** What a method answers instead of a result. `description` carries the prefix ("Bad Request: …"). */
export class ApiError extends Error {
  readonly status: number;
  readonly parameters: { retry_after?: number; migrate_to_chat_id?: number } | undefined;

  constructor(status: number, description: string, parameters?: ApiError['parameters']) {
    super(description);
    this.name = 'ApiError';
    this.status = status;
    this.parameters = parameters;
  }
}

/** An error 400 with the prefix that the real server puts before it. */
export function badRequest(message: string): ApiError {
  return new ApiError(400, `Bad Request: ${message}`);
}

export interface ApiAnswer {
  status: number;
  body: unknown;
}

export function errorAnswer(error: ApiError): ApiAnswer {
  const { status, message, parameters } = error;
  return {
    status,
    body: { ok: false, error_code: status, description: message, ...(parameters ? { parameters } : {}) },
  };
}

/** Rejects with an ApiError on a body that the real server refuses. */
export async function readRequest(incoming: IncomingMessage): Promise<ApiRequest> {
  const [path = '/', query = ''] = (incoming.url ?? '/').split(/\?(.*)/s);
  const contentType = incoming.headers['content-type'] ?? '';
  const raw = await readBody(incoming);
  const fields = new Map<string, string>();
  const files = new Map<string, UploadedFile>();
  for (const [name, value] of new URLSearchParams(query)) fields.set(name, value);
  const body = raw.length === 0 ? {} : await readFields(raw, contentType, { fields, files });
  return { verb: incoming.method ?? 'GET', path, query, contentType, body, fields, files };
}

interface ReadInto {
  fields: Map<string, string>;
  files: Map<string, UploadedFile>;
}

async function readFields(raw: Buffer, contentType: string, into: ReadInto): Promise<unknown> {
  const media = contentType.split(';')[0]?.trim().toLowerCase();
  if (media === 'application/json') return readJsonFields(raw.toString('utf8'), into);
  if (media !== 'application/x-www-form-urlencoded' && media !== 'multipart/form-data') return {};
  const body: Record<string, unknown> = {};
  const add = (name: string, value: unknown) => {
    body[name] = name in body ? [body[name], value].flat() : value;
  };
  const form = await new Response(new Uint8Array(raw), { headers: { 'content-type': contentType } })
    .formData()
    .catch(() => {
      throw badRequest('wrong form data');
    });
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      into.fields.set(name, value);
      add(name, value);
      continue;
    }
    const file = { name: value.name, type: value.type, bytes: new Uint8Array(await value.arrayBuffer()) };
    if (file.bytes.length > MAX_UPLOAD_BYTES) throw new ApiError(413, 'Request Entity Too Large');
    into.files.set(name, file);
    add(name, { file: { name: file.name, type: file.type, bytes: file.bytes.length } });
  }
  return body;
}

function readJsonFields(text: string, into: ReadInto): unknown {
  const body = parseJson(text);
  if (!isRecord(body)) throw badRequest("can't parse JSON object");
  for (const [name, value] of Object.entries(body)) {
    if (value === null || value === undefined) continue;
    into.fields.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return body;
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) throw new ApiError(413, 'Request Entity Too Large');
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}

export function sendAnswer(response: ServerResponse, answer: ApiAnswer): void {
  if (response.destroyed || response.writableEnded) return;
  response.writeHead(answer.status, { 'content-type': 'application/json', ...retryHeader(answer.body) });
  response.end(JSON.stringify(answer.body));
}

/** The real server tells the wait of a 429 twice. */
function retryHeader(body: unknown): Record<string, string> {
  const parameters = isRecord(body) && isRecord(body['parameters']) ? body['parameters'] : {};
  const seconds = parameters['retry_after'];
  return typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {};
}

/** Undefined when the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
