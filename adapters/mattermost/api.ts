// Client of the server's API v4 over the fetch that was handed in. The token goes to the configured server and nowhere else.
import { z } from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { NotCalledError } from '../transport/failures.ts';
import { parseAnswer, parseJson, readText } from '../transport/bodies.ts';
import { ApiError } from './errors.ts';
import type { MattermostSettings } from './settings.ts';

/** Deadline of an ordinary call. */
const CALL_TIMEOUT_MS = 30_000;
/** A page of 200 posts of the greatest length, with what hangs on them. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Behind /api/v4. */
  path: string;
  query?: Readonly<Record<string, string>>;
  /** JSON, or the bytes of a file. */
  body?: Readonly<Record<string, unknown>> | readonly unknown[] | Blob;
  signal?: AbortSignal | undefined;
  /** Default 30 s. */
  timeoutMs?: number;
}

export interface Answer {
  /** Parsed; undefined when the answer is empty. */
  body: unknown;
  /** The server's time of day as its answer says, ms since the epoch, of whole seconds. */
  serverTime: number | undefined;
}

export interface MattermostApi {
  /** Rejects with ApiError, NotCalledError (nothing was sent), or fetch's own errors. Never repeats anything by itself. */
  call(call: Call): Promise<Answer>;
  /** The body of an answer as it comes; `signal` is for its beginning. Rejects as `call` does. */
  open(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  socketUrl: string;
}

const errorSchema = z.looseObject({ id: z.string().catch(''), message: z.string().catch('') });

export function makeMattermostApi(
  settings: Pick<MattermostSettings, 'url' | 'token'>,
  fetchImpl: typeof fetch,
): MattermostApi {
  const root = `${settings.url}/api/v4`;

  async function request(call: Call, signal: AbortSignal): Promise<Response> {
    if (signal.aborted) throw new NotCalledError('Cancelled before it was sent.');
    const { body } = call;
    const query = call.query ? `?${new URLSearchParams(call.query).toString()}` : '';
    const type = body instanceof Blob ? 'application/octet-stream' : 'application/json';
    const response = await fetchImpl(`${root}${call.path}${query}`, {
      method: call.method ?? 'GET',
      headers: { authorization: `Bearer ${settings.token}`, ...(body && { 'content-type': type }) },
      ...(body && { body: body instanceof Blob ? body : JSON.stringify(body) }),
      signal,
      // Followed, the token could end up elsewhere.
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
        return { body: text.trim() === '' ? undefined : parseAnswer(text), serverTime: readDate(response) };
      });
    },
    async open(path, parent) {
      // A large file may take longer: it is ended by who reads it.
      const deadline = { clock: systemClock, timeoutMs: CALL_TIMEOUT_MS, parent };
      const { body } = await withDeadline(deadline, (signal) => request({ path }, signal));
      if (!body) throw new ApiError(404, '', 'the file is empty');
      return body;
    },
    socketUrl: `${root.replace(/^http/, 'ws')}/websocket`,
  };
}

function readDate(response: Response): number | undefined {
  const date = Date.parse(response.headers.get('date') ?? '');
  return Number.isFinite(date) ? date : undefined;
}

async function readError(response: Response): Promise<ApiError> {
  const text = await readText(response, MAX_ANSWER_BYTES).catch(() => '');
  // None when it is not from the server itself: a proxy's page tells people nothing.
  const body = errorSchema.safeParse(parseJson(text)).data;
  const words = body?.message === undefined || body.message === '' ? response.statusText : body.message;
  return new ApiError(response.status, body?.id ?? '', words, readWait(response.headers));
}

/** "X-Ratelimit-Reset: the remaining … seconds before the rate limit resets" (developers.mattermost.com/api-documentation, read 2026-11-21). */
function readWait(headers: Headers): number | undefined {
  for (const name of ['retry-after', 'x-ratelimit-reset']) {
    const seconds = Number(headers.get(name) ?? 'none');
    if (!Number.isFinite(seconds) || seconds < 0) continue;
    // Some versions and proxies say the moment, not the time that is left.
    const wait = seconds > 1_000_000_000 ? seconds * 1_000 - Date.now() : seconds * 1_000;
    return Math.min(Math.max(wait, 0), 3_600_000);
  }
  return undefined;
}
