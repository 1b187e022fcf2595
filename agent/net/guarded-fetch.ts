// HTTP for pages and services that a model names: undici's own fetch over connections to checked addresses only, each redirect checked
// again, with limits on size (after decompression) and time. One agent per call: nothing stays open afterwards.
import type { LookupAddress } from 'node:dns';
import type { Agent, buildConnector } from 'undici';
import type { Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { AppError } from '../../shared/errors.ts';
import { portOf, type UrlGuard } from './guard.ts';

/** As the fetch standard's browsers do, but fewer: https://fetch.spec.whatwg.org allows 20. */
const MAX_REDIRECTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
/** What may be told to another server that a redirect leads to; everything else may be a key. */
const HARMLESS_HEADERS: readonly string[] = ['accept', 'accept-language', 'user-agent'];
const USER_AGENT = 'Mozilla/5.0 (compatible; Herald; self-hosted agent)';

export interface GuardedRequest {
  guard: UrlGuard;
  clock: Clock;
  signal?: AbortSignal | undefined;
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Of the whole call, redirects and body included. Default 30,000. */
  timeoutMs?: number;
  /** Of the body as it is after decompression. Default 10 MiB. */
  maxBytes?: number;
}

export interface GuardedResponse {
  /** Where the last redirect led. */
  url: string;
  status: number;
  /** Lower case, without parameters; '' when the server does not say. */
  contentType: string;
  /** Value of a header, undefined when it is not there. */
  header(name: string): string | undefined;
  body: Uint8Array;
}

/**
 * Fetches `address`. Any HTTP status resolves. Rejects with AppError: `bad_input` or `not_allowed` for what may not be opened, `not_found`
 * for an unknown name, `too_large`, `timeout`, `cancelled`, and `platform_unreachable` when the server cannot be reached.
 */
export async function guardedFetch(address: string, request: GuardedRequest): Promise<GuardedResponse> {
  const url = request.guard.checkUrl(address);
  const timeoutMs = request.timeoutMs ?? 30_000;
  const { Agent, buildConnector } = await import('undici');
  const agent = new Agent({
    connect: makeConnector(request.guard, buildConnector),
    connections: 1,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  try {
    return await withDeadline({ clock: request.clock, timeoutMs, parent: request.signal }, (signal) =>
      followRedirects(url, request, { agent, signal }),
    );
  } catch (error) {
    throw explain(error, url, request);
  } finally {
    // Also what is still on its way, such as the rest of a body that was too large.
    await agent.destroy();
  }
}

interface Hop {
  method: string;
  headers: Record<string, string>;
  body: string | undefined;
}

async function followRedirects(
  first: URL,
  request: GuardedRequest,
  { agent, signal }: { agent: Agent; signal: AbortSignal },
): Promise<GuardedResponse> {
  const { fetch } = await import('undici');
  let url = first;
  let hop: Hop = {
    method: request.method ?? 'GET',
    headers: { 'user-agent': USER_AGENT, 'accept-language': 'en;q=0.8, *;q=0.5', ...lowerCase(request.headers ?? {}) },
    body: request.body,
  };
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url, {
      method: hop.method,
      headers: hop.headers,
      body: hop.body ?? null,
      redirect: 'manual',
      dispatcher: agent,
      signal,
    });
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
      const body = await readBody(response.body, request.maxBytes ?? 10 * 1024 * 1024, signal);
      return {
        url: url.href,
        status: response.status,
        contentType: (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '',
        header: (name) => response.headers.get(name) ?? undefined,
        body,
      };
    }
    await response.body?.cancel();
    if (redirects >= MAX_REDIRECTS)
      throw new AppError('platform_unreachable', `${first.hostname} redirects more than ${MAX_REDIRECTS} times.`);
    const next = nextUrl(request.guard, url, location);
    hop = nextHop(hop, response.status, { from: url, to: next });
    url = next;
  }
}

function nextUrl(guard: UrlGuard, from: URL, location: string): URL {
  if (!URL.canParse(location, from.href))
    throw new AppError('platform_unreachable', `${from.hostname} redirects to something that is no address.`);
  return guard.checkUrl(new URL(location, from.href).href);
}

/** Methods and bodies as the fetch standard has it; headers of ours go to the same origin only. */
function nextHop(hop: Hop, status: number, { from, to }: { from: URL; to: URL }): Hop {
  const isSameOrigin = from.origin === to.origin;
  const becomesGet = (status === 303 && hop.method !== 'GET') || (status < 303 && hop.method === 'POST');
  if (hop.body !== undefined && !becomesGet && !isSameOrigin)
    throw new AppError('not_allowed', `${from.hostname} wants the request sent on to ${to.hostname}. It was not.`);
  const headers = Object.entries(hop.headers).filter(
    ([name]) =>
      (isSameOrigin || HARMLESS_HEADERS.includes(name)) && !(becomesGet && /^content-|^transfer-encoding$/.test(name)),
  );
  return {
    method: becomesGet ? 'GET' : hop.method,
    headers: Object.fromEntries(headers),
    body: becomesGet ? undefined : hop.body,
  };
}

/** The body as one array; AppError `too_large` as soon as there is more. */
async function readBody(
  stream: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    signal.throwIfAborted();
    bytes += chunk.byteLength;
    if (bytes > maxBytes)
      throw new AppError('too_large', `The answer is larger than ${sizeText(maxBytes)}. Nothing of it was kept.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Resolves and checks at the moment of connecting, and connects to what was checked. */
function makeConnector(guard: UrlGuard, build: typeof buildConnector): buildConnector.connector {
  async function open(...[options, callback]: Parameters<buildConnector.connector>): Promise<void> {
    try {
      const port = portOf(new URL(`${options.protocol}//localhost:${options.port}`));
      const addresses = await guard.resolveHost(options.hostname, port);
      build({ timeout: CONNECT_TIMEOUT_MS, lookup: fixedLookup(addresses) })(options, callback);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
    }
  }
  return (options, callback) => void open(options, callback);
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** A lookup that knows one answer. */
export function fixedLookup(addresses: readonly LookupAddress[]) {
  return (_host: string, options: { all?: boolean | undefined }, callback: LookupCallback): void => {
    const [first] = addresses;
    if (options.all === true) callback(null, [...addresses]);
    else if (first) callback(null, first.address, first.family);
    else callback(new Error('no address'), '');
  };
}

/** What went wrong, for the person. Details of connections stay in `cause`. */
function explain(error: unknown, url: URL, request: GuardedRequest): unknown {
  if (request.signal?.aborted) return new AppError('cancelled', 'Stopped.', { cause: error });
  const known = findCause(error, (cause) => cause instanceof AppError);
  if (known !== undefined) return known;
  const isTimeout = findCause(error, (cause) => cause instanceof Error && /Timeout/.test(cause.name)) !== undefined;
  if (isTimeout)
    return new AppError('timeout', `${url.hostname} did not answer in time.`, { retryable: true, cause: error });
  const code = findCause(error, (cause) => cause instanceof Error && 'code' in cause && typeof cause.code === 'string');
  const detail = code instanceof Error && 'code' in code ? ` (${String(code.code)})` : '';
  return new AppError('platform_unreachable', `${url.hostname} could not be reached${detail}. Try again later.`, {
    retryable: true,
    cause: error,
  });
}

function findCause(error: unknown, wanted: (cause: unknown) => boolean): unknown {
  let cause = error;
  for (let depth = 0; depth < 6 && cause !== undefined; depth++) {
    if (wanted(cause)) return cause;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return undefined;
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function sizeText(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${Math.floor(bytes / 1024 / 1024)} MiB` : `${bytes} bytes`;
}
