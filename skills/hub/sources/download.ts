// GET requests of the hub: https only, limits on size and time, and what a refusal means in words.
import type { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { HubFetch, HubResponse } from '../types.ts';

const TIMEOUT_MS = 30_000;

export interface Wanted {
  /** What it is, for the message of a 404. */
  what: string;
  maxBytes: number;
  headers?: Readonly<Record<string, string>>;
  signal: AbortSignal | undefined;
}

/** Resolves with a status of 200. Rejects with AppError `not_found`, `not_allowed`, `platform_auth`, `platform_unreachable` and those of `fetch`. */
export async function download(fetch: HubFetch, address: string, wanted: Wanted): Promise<HubResponse> {
  const url = secureUrl(address);
  const { maxBytes, headers = {}, signal } = wanted;
  const response = await fetch(url.href, { headers, signal, maxBytes, timeoutMs: TIMEOUT_MS });
  secureUrl(response.url);
  if (response.status === 200) return response;
  throw refusal(response, url.hostname, wanted.what);
}

/** The same for JSON. Also rejects with `platform_unreachable` when the answer is not what `schema` says. */
export async function downloadJson<Schema extends z.ZodType>(
  fetch: HubFetch,
  address: string,
  { schema, ...wanted }: Wanted & { schema: Schema },
): Promise<{ value: z.infer<Schema>; response: HubResponse }> {
  const response = await download(fetch, address, wanted);
  const parsed = schema.safeParse(parseJson(response.body));
  if (parsed.success) return { value: parsed.data, response };
  throw new AppError(
    'platform_unreachable',
    `${new URL(address).hostname} answered something that is not ${wanted.what}.`,
    {
      cause: parsed.error,
    },
  );
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** What is read here ends up as instructions: nobody on the way may change it. A server on this machine needs no encryption. */
function secureUrl(address: string): URL {
  const url = new URL(address);
  const isLocal = /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)) return url;
  throw new AppError('not_allowed', `${url.hostname} is not reached over https. Nothing was installed.`);
}

function refusal(response: HubResponse, host: string, what: string): AppError {
  const { status } = response;
  const retryAfterMs = waitOf(response);
  if (status === 404 || status === 410)
    return new AppError('not_found', `${host} has no ${what}. Nothing was changed.`);
  if ((status === 403 || status === 429) && retryAfterMs !== undefined)
    return new AppError('platform_unreachable', limitText(host, retryAfterMs), { retryable: true, retryAfterMs });
  if (status === 401)
    return new AppError('platform_auth', `${host} does not accept the token (GITHUB_TOKEN). Nothing was changed.`);
  if (status === 403 || status === 451)
    return new AppError('not_allowed', `${host} does not give ${what} out (${status}).`);
  return new AppError('platform_unreachable', `${host} answered ${status} for ${what}. Try again later.`, {
    retryable: status === 429 || status >= 500,
  });
}

function limitText(host: string, waitMs: number): string {
  const minutes = Math.max(1, Math.ceil(waitMs / 60_000));
  const hint =
    host === 'api.github.com' ? ' A GITHUB_TOKEN in ~/.herald/.env raises the limit from 60 to 5,000 an hour.' : '';
  return `${host} takes no more requests for ${minutes} min: its limit is used up. Nothing was changed.${hint}`;
}

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api, read 2026-11-21; by the server's clock. */
function waitOf(response: HubResponse): number | undefined {
  const after = Number(response.header('retry-after'));
  if (Number.isFinite(after) && after > 0) return after * 1000;
  if (response.header('x-ratelimit-remaining') !== '0') return undefined;
  const reset = Number(response.header('x-ratelimit-reset')) * 1000;
  const now = Date.parse(response.header('date') ?? '');
  return Number.isFinite(reset) && Number.isFinite(now) ? Math.max(1000, reset - now) : 60 * 60_000;
}
