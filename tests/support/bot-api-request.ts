// Reading requests as the Bot API server does (query, JSON, urlencoded, multipart) and recording them with their answers.
import { appendFileSync, mkdirSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';

export interface UploadedFile {
  name: string;
  type: string;
  bytes: Uint8Array;
}

/** Parameters as sent: values of forms are text, of JSON whatever they are. Complex values may be JSON text. */
export interface BotApiRequest {
  method: string;
  path: string;
  query: string;
  contentType: string;
  params: Record<string, unknown>;
  files: Map<string, UploadedFile>;
}

export async function readRequest(request: IncomingMessage): Promise<BotApiRequest> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const contentType = request.headers['content-type'] ?? '';
  const body = await readBody(request);
  const files = new Map<string, UploadedFile>();
  const params: Record<string, unknown> = Object.fromEntries(url.searchParams);
  if (body.length > 0) Object.assign(params, await parseBody(body, contentType, files));
  // The raw path: percent-encoding is kept.
  const [rawPath = '/'] = (request.url ?? '/').split('?');
  return { method: request.method ?? 'GET', path: rawPath, query: url.search.slice(1), contentType, params, files };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
  return Buffer.concat(chunks);
}

async function parseBody(
  body: Buffer,
  contentType: string,
  files: Map<string, UploadedFile>,
): Promise<Record<string, unknown>> {
  if (contentType.startsWith('application/json')) {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw new Error('the body must be an object');
    return { ...parsed };
  }
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
  const params: Record<string, unknown> = {};
  for (const [key, value] of form) {
    if (typeof value === 'string') params[key] = value;
    else files.set(key, { name: value.name, type: value.type, bytes: new Uint8Array(await value.arrayBuffer()) });
  }
  return params;
}

export interface Recorder {
  record(request: BotApiRequest, response?: { status: number; body: unknown }): void;
}

/** Appends to `<dir>/telegram.jsonl`, one line per request. Without a folder nothing is kept. */
export function makeRecorder(dir: string | undefined): Recorder {
  if (dir === undefined) return { record() {} };
  mkdirSync(dir, { recursive: true });
  const file = path.join(dir, 'telegram.jsonl');
  return {
    record({ method, path: requestPath, query, contentType, params, files }, response) {
      const queried = Object.fromEntries(new URLSearchParams(query));
      const sent = Object.fromEntries(Object.entries(params).filter(([key]) => !(key in queried)));
      for (const [key, { name, type, bytes }] of files) sent[key] = { file: { name, type, bytes: bytes.length } };
      const line = { method, path: requestPath, query, contentType, body: sent, ...(response && { response }) };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    },
  };
}

/** A parameter that is a whole number, however it was sent. */
export function integerParam(params: Record<string, unknown>, name: string): number | undefined {
  const value = params[name];
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  return typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : undefined;
}

export function stringParam(params: Record<string, unknown>, name: string): string | undefined {
  const value = params[name];
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
}

export function booleanParam(params: Record<string, unknown>, name: string): boolean {
  return ['true', 'True', '1', true].some((yes) => params[name] === yes);
}

/** An object or list, sent as such or as JSON text. */
export function jsonParam(params: Record<string, unknown>, name: string): unknown {
  const value = params[name];
  if (typeof value !== 'string') return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return parsed;
  } catch {
    return undefined;
  }
}
