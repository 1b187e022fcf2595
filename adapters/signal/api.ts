// Client of signal-cli-rest-api over the fetch that was handed in. Paths and fields: its swagger of 2026-08-16.
import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { isAbort } from '../../shared/errors.ts';
import { NotCalledError } from '../transport/failures.ts';
import { parseAnswer, parseJson, readText } from '../transport/bodies.ts';
import { ApiError } from './errors.ts';
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
  /** The body of an answer as it comes; `signal` is for its beginning. Rejects as `call` does. */
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
    if (signal.aborted) throw new NotCalledError('Cancelled before it was sent.');
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
      const { timeoutMs = CALL_TIMEOUT_MS, signal: parent } = call;
      return withDeadline({ clock: systemClock, timeoutMs, parent }, async (signal) => {
        const response = await request(call, signal);
        const text = await readText(response, MAX_ANSWER_BYTES);
        return text.trim() === '' ? undefined : parseAnswer(text);
      });
    },
    async open(path, parent) {
      // A large file may take longer: it is ended by who reads it.
      const deadline = { clock: systemClock, timeoutMs: CALL_TIMEOUT_MS, parent };
      const { body } = await withDeadline(deadline, (signal) => request({ path }, signal));
      if (!body) throw new ApiError(404, 'the file is empty');
      return body;
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

async function readError(response: Response): Promise<ApiError> {
  const text = await readText(response, MAX_ANSWER_BYTES).catch((error: unknown) => {
    if (error instanceof Error && isAbort(error)) throw error;
    return '';
  });
  const seconds = Number(response.headers.get('retry-after') ?? 'none');
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
  // None when it is not from the server itself: a proxy's page tells people nothing.
  const body = errorSchema.safeParse(parseJson(text)).data;
  const words = body?.error ?? response.statusText;
  const found = [...words.matchAll(CHALLENGE_IN_TEXT)].map((match) => match[1] ?? match[2] ?? '');
  return new ApiError(response.status, words.replace(CHALLENGE_IN_TEXT, 'a challenge token'), {
    retryAfterMs,
    challengeTokens: [...(body?.challenge_tokens ?? []), ...found].filter(Boolean),
  });
}

/** In normal mode the words of signal-cli are all there is (SendMessageResultUtils, JsonSendMessageResult). */
const CHALLENGE_IN_TEXT = /challenge token "([^"]+)"|"token":"([^"]+)"/g;
