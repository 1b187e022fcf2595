// The Bot API client: grammY's typed calls over the fetch that was handed in, each with a deadline. Loads grammY, in its edition without
// a fetch of its own: the other brings three packages more, and some megabytes.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createReadStream } from 'node:fs';
import { Api, InputFile, type RawApi } from 'grammy/web';
import { systemClock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { NotCalledError } from '../transport/failures.ts';

/** Deadline of a call that carries no file. */
export const CALL_TIMEOUT_MS = 20_000;
/** Deadline of an upload: 50 MB at 1 Mbit/s. */
export const UPLOAD_TIMEOUT_MS = 420_000;

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Default CALL_TIMEOUT_MS. */
  timeoutMs?: number | undefined;
}

export interface TelegramApi {
  /** Runs one call. Rejects with grammY's errors, or NotCalledError when `signal` was aborted before. */
  run<T>(call: (raw: RawApi) => Promise<T>, options?: CallOptions): Promise<T>;
  /** A file of ours to upload, read when it is sent; good for one call. */
  file(path: string, name: string): InputFile;
}

export interface ApiInput {
  token: string;
  apiRoot: string;
  fetch: typeof fetch;
}

export function makeTelegramApi(input: ApiInput): TelegramApi {
  // grammY's signals are of a class of its own, so ours travel beside its calls.
  const calls = new AsyncLocalStorage<RunningCall>();
  const client = new Api(input.token, {
    apiRoot: input.apiRoot,
    fetch: adaptFetch(input.fetch, calls),
    sensitiveLogs: false,
  });
  return {
    async run(call, { signal, timeoutMs = CALL_TIMEOUT_MS } = {}) {
      if (signal?.aborted) throw new NotCalledError('Cancelled before it was sent.');
      return withDeadline({ clock: systemClock, timeoutMs, parent: signal }, (ended, abort) =>
        calls.run({ signal: ended, abort }, () => call(client.raw)),
      );
    },
    file: (path, name) => new InputFile(readFile(path), name),
  };
}

/** A call under way: the signal that ends it, and how to end it from within. */
interface RunningCall {
  signal: AbortSignal;
  abort(): void;
}

/** Opens the file when somebody reads, so that what is wrong with it is a failure of the call. */
async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  for await (const bytes of createReadStream(path)) if (bytes instanceof Uint8Array) yield bytes;
}

/** What grammY hands to fetch. */
interface GrammyRequest {
  method: string;
  headers: Record<string, string>;
  body: string | ReadableStream<Uint8Array>;
  signal: AbortSignal;
}

function adaptFetch(fetchImpl: typeof fetch, calls: AsyncLocalStorage<RunningCall>) {
  return async (url: string | URL, request: GrammyRequest): Promise<Response> => {
    const call = calls.getStore();
    // grammY aborts when a file that it uploads cannot be read.
    request.signal.addEventListener('abort', () => call?.abort());
    const { connection: _, ...headers } = request.headers;
    return fetchImpl(url, {
      method: request.method,
      headers,
      body: request.body,
      ...(typeof request.body !== 'string' && { duplex: 'half' }),
      ...(call && { signal: call.signal }),
      redirect: 'error',
    });
  };
}
