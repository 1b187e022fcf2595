// Requests as API v4 takes them.
import type { IncomingMessage } from 'node:http';

/** PostMessageMaxRunesV2. */
export const MAX_POST_RUNES = 16_383;

export interface ApiRequest {
  method: string;
  /** Behind /api/v4. */
  path: string;
  query: URLSearchParams;
  token: string;
  raw: Buffer;
  json: unknown;
}

export async function readRequest(incoming: IncomingMessage): Promise<ApiRequest> {
  const url = new URL(incoming.url ?? '/', 'http://server');
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
  const raw = Buffer.concat(chunks);
  const isJson = (incoming.headers['content-type'] ?? '').startsWith('application/json');
  return {
    method: incoming.method ?? 'GET',
    path: decodeURIComponent(url.pathname).replace(/^\/api\/v4/, ''),
    query: url.searchParams,
    token: /^Bearer (.+)$/.exec(incoming.headers.authorization ?? '')?.[1] ?? '',
    raw,
    json: isJson && raw.length > 0 ? parse(raw.toString('utf8')) : undefined,
  };
}

export function readBody({ json }: ApiRequest): Record<string, unknown> {
  return typeof json === 'object' && json !== null ? { ...json } : {};
}

function parse(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}
