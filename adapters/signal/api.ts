// Client of signal-cli-rest-api over the fetch that was handed in. Paths and fields: its swagger of 2026-08-16.
import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { isAbort } from '../../shared/errors.ts';
import { ApiError, NotCalledError } from './errors.ts';
import type { SignalSettings } from './settings.ts';

/** Deadline of an ordinary call; in normal mode each starts a Java process. */
const CALL_TIMEOUT_MS = 30_000;
/** No answer is longer, but for files. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string>>;
  /** JSON, or the pieces of a JSON text. */
  body?: Readonly<Record<string, unknown>> | ReadableStream<Uint8Array>;
  signal?: AbortSignal | undefined;
  /** Default 30 s. */
  timeoutMs?: number;
}

export interface SignalApi {
  /** The parsed answer; undefined when it is empty. Rejects with ApiError, NotCalledError (nothing was sent), or fetch's own errors. */
  call(call: Call): Promise<unknown>;
  /** The body of an answer as it comes. Rejects as `call` does. */
  open(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** For the WebSocket, which fetch cannot open. */
  socket(path: string): { url: string; headers: Readonly<Record<string, string>> };
}

const errorSchema = z.looseObject({
  error: z.string(),
  challenge_tokens: z.array(z.string()).nullish().catch(undefined),
});

export function makeSignalApi(settings: Pick<SignalSettings, 'url' | 'api_token'>, fetchImpl: typeof fetch): SignalApi {
  const headers = authorization(settings.api_token);

  async function request(call: Call, signal: AbortSignal): Promise<Response> {
    if (call.signal?.aborted) throw new NotCalledError('Cancelled before it was sent.');
    const { body } = call;
    const query = call.query ? `?${new URLSearchParams(call.query).toString()}` : '';
    const response = await fetchImpl(`${settings.url}${call.path}${query}`, {
      method: call.method ?? 'GET',
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && (body instanceof ReadableStream ? { body, duplex: 'half' } : { body: JSON.stringify(body) })),
      signal,
      redirect: 'error',
    });
    if (!response.ok) throw await readError(response);
    return response;
  }

  return {
    async call(call) {
      const deadline = AbortSignal.timeout(call.timeoutMs ?? CALL_TIMEOUT_MS);
      const response = await request(call, call.signal ? AbortSignal.any([call.signal, deadline]) : deadline);
      const text = await readText(response);
      return text.trim() === '' ? undefined : parseJson(text);
    },
    async open(path, signal) {
      // The deadline is for the beginning of the answer: a large file may take longer.
      const late = new AbortController();
      const timer = setTimeout(
        () => late.abort(new DOMException('no answer in time', 'TimeoutError')),
        CALL_TIMEOUT_MS,
      );
      try {
        const response = await request({ path, signal }, AbortSignal.any([signal, late.signal]));
        if (!response.body) throw new ApiError(404, 'the file is empty');
        return response.body;
      } finally {
        clearTimeout(timer);
      }
    },
    socket: (path) => ({ url: `${settings.url.replace(/^http/, 'ws')}${path}`, headers }),
  };
}

function authorization(token: string | undefined): Record<string, string> {
  if (token === undefined) return {};
  return {
    authorization: token.includes(':') ? `Basic ${Buffer.from(token).toString('base64')}` : `Bearer ${token}`,
  };
}

/** Secrets that a call carries, in every form in which they could show. */
export function secretsOf(token: string | undefined): readonly string[] {
  if (token === undefined) return [];
  const password = token.slice(token.indexOf(':') + 1);
  return [token, password, Buffer.from(token).toString('base64')];
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('The answer of the server is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    throw new Error('The server answered something that is no JSON.');
  }
}

async function readError(response: Response): Promise<ApiError> {
  const text = await readText(response).catch((error: unknown) => {
    if (error instanceof Error && isAbort(error)) throw error;
    return '';
  });
  const seconds = Number(response.headers.get('retry-after') ?? 'none');
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
  let body: z.output<typeof errorSchema> | undefined;
  try {
    body = errorSchema.safeParse(JSON.parse(text)).data;
  } catch {
    // Not from the server itself: a proxy's page tells people nothing.
  }
  const words = body?.error ?? response.statusText;
  const found = [...words.matchAll(CHALLENGE_IN_TEXT)].map((match) => match[1] ?? match[2] ?? '');
  return new ApiError(response.status, words.replace(CHALLENGE_IN_TEXT, 'a challenge token'), {
    retryAfterMs,
    challengeTokens: [...(body?.challenge_tokens ?? []), ...found].filter(Boolean),
  });
}

/** In normal mode the words of signal-cli are all there is (SendMessageResultUtils, JsonSendMessageResult). */
const CHALLENGE_IN_TEXT = /challenge token "([^"]+)"|"token":"([^"]+)"/g;
