// The fetch that MCP over HTTP runs on: bodies and events of limited size, a limit on how often a server can make us come back, and
// logins only at addresses that are as safe as the server's own. Redirects to other places are refused by the SDK's transport.
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';

const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** Bodies of errors end up in messages. */
const MAX_ERROR_BYTES = 4 * 1024;
/** A server that ends its event stream at once would have us open it without end. */
const MAX_STREAMS_PER_MINUTE = 30;
const MINUTE_MS = 60_000;
const requestSchema = z.object({ id: z.union([z.string(), z.number()]), method: z.string() });

export interface GuardedFetchInput {
  fetch: typeof fetch;
  clock: Clock;
  /** Of the MCP server. */
  url: URL;
  /** The answer to this request came as a stream, which has ended and cannot be taken up again. */
  onStreamEnd(request: RequestId): void;
  /** Called with answers 401 and 403 of the server itself. */
  onChallenge(response: Response): void;
}

export function makeGuardedFetch(input: GuardedFetchInput): FetchLike {
  let streams: readonly number[] = [];
  return async (target, init) => {
    const url = new URL(target);
    if (!isAllowedTarget(url, input.url))
      throw new AppError('not_allowed', `The MCP server sent us to ${url.origin}, which is not asked.`);
    if (init?.method === 'GET' && url.href === input.url.href) {
      const now = input.clock.now();
      streams = [...streams.filter((at) => at > now - MINUTE_MS), now];
      if (streams.length > MAX_STREAMS_PER_MINUTE)
        throw new AppError('tool_unavailable', 'The MCP server ends its event stream again and again.');
    }
    const answer = await input.fetch(url, init);
    const isServer = url.origin === input.url.origin && url.pathname === input.url.pathname;
    if (isServer && (answer.status === 401 || answer.status === 403)) input.onChallenge(answer);
    const request = init?.method === 'POST' && answer.ok ? requestIdOf(init.body) : undefined;
    return limitAnswer(answer, () => request !== undefined && input.onStreamEnd(request));
  };
}

/** Anything under the server's origin; elsewhere https, and this machine only when the server is on it. */
function isAllowedTarget(url: URL, server: URL): boolean {
  if (url.username !== '' || url.password !== '') return false;
  if (url.origin === server.origin) return true;
  const isNear = isLoopback(url.hostname);
  if (isNear || isPrivate(url.hostname)) return isLoopback(server.hostname) || isPrivate(server.hostname);
  return url.protocol === 'https:';
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0|\[::\]|\[::ffff:[0-9a-f:.]+\])$/.test(host);
}

function isPrivate(host: string): boolean {
  return (
    /^(10|192\.168|169\.254|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|172\.(1[6-9]|2\d|3[01]))\./.test(host) ||
    /^\[(f[cd]|fe[89ab])/.test(host) ||
    /\.(local|lan|internal|localhost)$/.test(host)
  );
}

/** Of the JSON-RPC request in a body of the SDK's. */
function requestIdOf(body: unknown): RequestId | undefined {
  const message: unknown = typeof body === 'string' ? JSON.parse(body) : undefined;
  return requestSchema.safeParse(message).data?.id;
}

function limitAnswer(answer: Response, onStreamEnd: () => void): Response {
  if (answer.body === null) return answer;
  const { status, statusText, headers } = answer;
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true;
  const body = answer.ok ? limitBody(answer.body, isStream, onStreamEnd) : answer.body.pipeThrough(cutBytes());
  return new Response(body, { status, statusText, headers });
}

/** Errors when the body, or one event of a stream, grows too large. */
function limitBody(
  source: ReadableStream<Uint8Array>,
  isStream: boolean,
  onStreamEnd: () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let seen = 0;
  let isResumable = false;
  const end = () => {
    if (isStream && !isResumable) onStreamEnd();
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const piece = await reader.read();
        if (piece.done) {
          controller.close();
          return end();
        }
        const bytes = Buffer.from(piece.value.buffer, piece.value.byteOffset, piece.value.byteLength);
        seen += bytes.byteLength;
        if (isStream) {
          isResumable ||= bytes.subarray(0, 3).toString() === 'id:' || bytes.includes('\nid:');
          seen = Math.min(seen, sinceLastEvent(bytes) ?? seen);
        }
        if (seen > MAX_BODY_BYTES) throw new AppError('too_large', 'A message of the MCP server is larger than 10 MB.');
        controller.enqueue(piece.value);
      } catch (error) {
        controller.error(error);
        if (seen > MAX_BODY_BYTES) void reader.cancel().catch(() => undefined);
        end();
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** Bytes after the last empty line, which ends an event; undefined when there is none in this piece. */
function sinceLastEvent(bytes: Buffer): number | undefined {
  const at = Math.max(bytes.lastIndexOf('\n\n'), bytes.lastIndexOf('\r\n\r\n'), bytes.lastIndexOf('\r\r'));
  return at === -1 ? undefined : bytes.byteLength - at;
}

function cutBytes(): TransformStream<Uint8Array, Uint8Array> {
  let left = MAX_ERROR_BYTES;
  return new TransformStream({
    transform(chunk, controller) {
      if (chunk.byteLength >= left) {
        controller.enqueue(chunk.subarray(0, left));
        controller.terminate();
      } else controller.enqueue(chunk);
      left -= chunk.byteLength;
    },
  });
}
