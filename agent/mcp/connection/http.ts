// The fetch that MCP over HTTP runs on: bodies and events of limited size, a limit on how often a server can make us come back, and
// logins only at addresses that are as safe as the server's own. Redirects to other places are refused by the SDK's transport.
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';

const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** Bodies of errors end up in messages. */
const MAX_ERROR_BYTES = 4 * 1024;
/** A server that ends its event stream at once would have us open it without end. */
const MAX_STREAMS_PER_MINUTE = 30;
const MINUTE_MS = 60_000;

export interface GuardedFetchInput {
  fetch: typeof fetch;
  clock: Clock;
  /** Of the MCP server. */
  url: URL;
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
    return limitAnswer(answer);
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

function limitAnswer(answer: Response): Response {
  if (answer.body === null) return answer;
  const { status, statusText, headers } = answer;
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true;
  const limited = answer.body.pipeThrough(answer.ok ? limitBytes(isStream) : cutBytes());
  return new Response(limited, { status, statusText, headers });
}

/** Errors when a body, or one event of a stream, grows too large. */
function limitBytes(isStream: boolean): TransformStream<Uint8Array, Uint8Array> {
  let seen = 0;
  return new TransformStream({
    transform(chunk, controller) {
      seen += chunk.byteLength;
      if (isStream) seen = Math.min(seen, sinceLastEvent(chunk) ?? seen);
      if (seen > MAX_BODY_BYTES)
        return controller.error(new AppError('too_large', 'A message of the MCP server is larger than 10 MB.'));
      controller.enqueue(chunk);
    },
  });
}

/** Bytes after the last empty line, which ends an event; undefined when there is none in this piece. */
function sinceLastEvent(chunk: Uint8Array): number | undefined {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
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
