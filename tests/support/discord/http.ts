// Requests as Discord's API takes them: JSON, or a form with the JSON in payload_json and files beside it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Json } from './objects.ts';

const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface UploadedFile {
  name: string;
  type: string;
  bytes: Uint8Array;
}

export interface ApiRequest {
  method: string;
  /** Percent-encoding kept, without the query. */
  path: string;
  /** The path behind the version. */
  route: string;
  query: URLSearchParams;
  contentType: string;
  authorization: string;
  /** As recordings hold it: the parsed JSON, or the fields of the form with files as `{file: {name, type, bytes}}`. */
  body: unknown;
  /** The parameters, wherever they stood. */
  json: Json;
  files: ReadonlyMap<string, UploadedFile>;
}

export interface ApiAnswer {
  status: number;
  body: unknown;
  headers?: Readonly<Record<string, string>>;
}

/** What a route answers instead of a result. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: number;
  readonly errors: Json | undefined;

  constructor(status: number, code: number, message: string, errors?: Json) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

/** Error 50035 about one field. */
export function invalidForm(field: string, code: string, message: string): ApiError {
  const path = field.split('.').toReversed();
  const errors = path.reduce<Json>((inner, key) => ({ [key]: inner }), { _errors: [{ code, message }] });
  return new ApiError(400, 50035, 'Invalid Form Body', errors);
}

export function errorAnswer(error: ApiError): ApiAnswer {
  const { status, code, message, errors } = error;
  return { status, body: { message, code, ...(errors && { errors }) } };
}

export async function readRequest(incoming: IncomingMessage): Promise<ApiRequest> {
  const [path = '/', query = ''] = (incoming.url ?? '/').split(/\?(.*)/s);
  const contentType = incoming.headers['content-type'] ?? '';
  const raw = await readBody(incoming);
  const files = new Map<string, UploadedFile>();
  const body = raw.length === 0 ? undefined : await parseBody(raw, contentType, files);
  const payload = isJson(body) && typeof body['payload_json'] === 'string' ? parseJson(body['payload_json']) : body;
  return {
    method: incoming.method ?? 'GET',
    path,
    route: path.replace(/^\/api(?:\/v\d+)?/, ''),
    query: new URLSearchParams(query),
    contentType,
    authorization: incoming.headers.authorization ?? '',
    body,
    json: isJson(payload) ? payload : {},
    files,
  };
}

async function parseBody(raw: Buffer, contentType: string, files: Map<string, UploadedFile>): Promise<unknown> {
  const media = contentType.split(';')[0]?.trim().toLowerCase();
  if (media === 'application/json') return parseJson(raw.toString('utf8'));
  if (media !== 'multipart/form-data') throw new ApiError(400, 50035, 'Invalid Form Body');
  const form = await new Response(new Uint8Array(raw), { headers: { 'content-type': contentType } }).formData();
  const body: Json = {};
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      body[name] = value;
      continue;
    }
    const file = { name: value.name, type: value.type, bytes: new Uint8Array(await value.arrayBuffer()) };
    files.set(name, file);
    body[name] = { file: { name: file.name, type: file.type, bytes: file.bytes.length } };
  }
  return body;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, 50109, 'The request body contains invalid JSON.');
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    const buffer = Buffer.from(chunk as Uint8Array);
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) throw new ApiError(413, 40005, 'Request entity too large');
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}

export function sendAnswer(response: ServerResponse, { status, body, headers = {} }: ApiAnswer): void {
  if (body === undefined) {
    response.writeHead(status, { ...headers }).end();
    return;
  }
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
