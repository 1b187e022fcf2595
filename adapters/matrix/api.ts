// Calls of the Client-Server API (https://spec.matrix.org/v1.16/client-server-api/, read 2026-11-21), each with a deadline and a bound.
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { parseJson, readText } from '../transport/bodies.ts';
import { NotCalledError } from '../transport/failures.ts';
import { MatrixError, retryAfterOf } from './errors.ts';

const CALL_TIMEOUT_MS = 30_000;
/** 100 MB at 2 Mbit/s. */
const UPLOAD_TIMEOUT_MS = 420_000;
/** More than any filtered sync or list of members needs. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export interface Call {
  method: 'GET' | 'POST' | 'PUT';
  /** Segments behind `/_matrix/`; each is escaped. */
  path: readonly string[];
  query?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON, or as it is when it is a Blob. */
  body?: unknown;
  signal: AbortSignal;
  /** Default 30 s, 7 min for a Blob. */
  timeoutMs?: number | undefined;
}

export interface MatrixApi {
  /** The answer as parsed JSON. Rejects with MatrixError, NotCalledError when `signal` was aborted before, or fetch's errors. */
  run(call: Call): Promise<unknown>;
  /** The answer's body, unread. Follows no redirect. Rejects as `run` does. */
  open(call: Call): Promise<ReadableStream<Uint8Array>>;
}

export interface ApiInput {
  homeserver: string;
  /** Undefined: calls that need no login. */
  token: string | undefined;
  fetch: typeof fetch;
  clock: Clock;
  /** Ends all that is under way. */
  signal?: AbortSignal | undefined;
}

export function makeMatrixApi(input: ApiInput): MatrixApi {
  const { clock } = input;

  async function request(call: Call, signal: AbortSignal): Promise<Response> {
    const isBlob = call.body instanceof Blob;
    const response = await input.fetch(addressOf(input.homeserver, call), {
      method: call.method,
      headers: {
        ...(input.token !== undefined && { authorization: `Bearer ${input.token}` }),
        ...(call.body !== undefined && !isBlob && { 'content-type': 'application/json' }),
      },
      ...(call.body !== undefined && { body: call.body instanceof Blob ? call.body : JSON.stringify(call.body) }),
      redirect: 'manual',
      signal,
    });
    if (!response.ok) throw await readError(response);
    return response;
  }

  return {
    async run(call) {
      if (call.signal.aborted || input.signal?.aborted) throw new NotCalledError('Cancelled before it was sent.');
      const timeoutMs = call.timeoutMs ?? (call.body instanceof Blob ? UPLOAD_TIMEOUT_MS : CALL_TIMEOUT_MS);
      const parent = input.signal ? [call.signal, input.signal] : call.signal;
      return withDeadline({ clock, timeoutMs, parent }, async (signal) => {
        const answer = parseJson(await readText(await request(call, signal), MAX_ANSWER_BYTES));
        // Such as the page of a proxy: nobody knows what became of the call.
        if (answer === undefined) throw new MatrixError(502, { errcode: '', message: 'the answer is no JSON' });
        return answer;
      });
    },
    async open(call) {
      if (call.signal.aborted) throw new NotCalledError('Cancelled before it was sent.');
      const { body } = await request(call, call.signal);
      return body ?? new Blob([]).stream();
    },
  };
}

function addressOf(homeserver: string, { path, query }: Call): string {
  const escaped = path.map(encodeURIComponent).join('/');
  const search = query ? `?${new URLSearchParams(query).toString()}` : '';
  return `${homeserver}/_matrix/${escaped}${search}`;
}

const errorSchema = z.looseObject({
  errcode: z.string().max(100).catch(''),
  error: z.string().catch(''),
  retry_after_ms: z.unknown().optional(),
});

async function readError(response: Response): Promise<MatrixError> {
  const text = await readText(response, MAX_ANSWER_BYTES).catch(() => '');
  const parsed = errorSchema.safeParse(parseJson(text));
  const facts = parsed.success ? parsed.data : { errcode: '', error: '', retry_after_ms: undefined };
  const isLimit = response.status === 429 || facts.errcode === 'M_LIMIT_EXCEEDED';
  return new MatrixError(response.status, {
    errcode: facts.errcode,
    message: facts.error,
    ...(isLimit && { retryAfterMs: retryAfterOf(response.headers.get('retry-after'), facts.retry_after_ms) }),
  });
}
