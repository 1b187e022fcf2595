// What a search service is to the search tool, and what its answers mean. Each service is one file beside this one.
import type { z } from 'zod';
import { guardedFetch, type GuardedResponse } from '../../../net/guarded-fetch.ts';
import type { UrlGuard } from '../../../net/guard.ts';
import type { Clock } from '../../../../shared/clock.ts';
import { AppError } from '../../../../shared/errors.ts';

export interface SearchHit {
  title: string;
  url: string;
  snippet: string;
}

export interface SearchCall {
  query: string;
  /** 1 to 20. */
  limit: number;
  signal: AbortSignal;
}

export interface SearchProvider {
  /** As in config.yaml. */
  id: string;
  /** Hits as the service ranks them, perhaps more than `limit`. Rejects with AppError. */
  search(call: SearchCall): Promise<readonly SearchHit[]>;
}

export interface ProviderDeps {
  clock: Clock;
  /** For the address of the service; not that for pages. */
  guard: UrlGuard;
  timeoutMs: number;
}

export interface ServiceRequest {
  /** For people, such as "Brave Search". */
  service: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON by POST. */
  json?: unknown;
  /** Sent as a form by POST. */
  form?: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** One request to a search service. Rejects with AppError for every status that is no success. */
export async function askService(deps: ProviderDeps, request: ServiceRequest): Promise<GuardedResponse> {
  const { json, form } = request;
  const body = json !== undefined ? JSON.stringify(json) : form && new URLSearchParams(form).toString();
  const type = json !== undefined ? 'application/json' : 'application/x-www-form-urlencoded';
  const response = await guardedFetch(request.url, {
    guard: deps.guard,
    clock: deps.clock,
    signal: request.signal,
    timeoutMs: deps.timeoutMs,
    maxBytes: MAX_ANSWER_BYTES,
    ...(body === undefined ? {} : { method: 'POST', body }),
    headers: { ...(body === undefined ? {} : { 'content-type': type }), ...request.headers },
  });
  if (response.status >= 200 && response.status < 300) return response;
  throw statusError(request.service, response, deps.clock);
}

/** The answer's JSON in the given shape. Throws AppError when it is something else. */
export function readJson<Shape>(service: string, response: GuardedResponse, shape: z.ZodType<Shape>): Shape {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(response.body));
  } catch (error) {
    throw new AppError('platform_unreachable', `${service} answered something that is no JSON.`, { cause: error });
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError('platform_unreachable', `${service} answered in a form that Herald does not know.`, {
    cause: parsed.error,
  });
}

function statusError(service: string, response: GuardedResponse, clock: Clock): AppError {
  const { status } = response;
  if (status === 401 || status === 403)
    return new AppError('platform_auth', `${service} refused the request (${status}). Check its key or its settings.`);
  if (status === 402 || status === 432 || status === 433)
    return new AppError(
      'budget_exceeded',
      `The plan at ${service} is used up (${status}). Another search service can be set.`,
    );
  if (status === 429) {
    const wait = retryAfterMs(response, clock);
    const when = wait === undefined ? 'later' : `in ${Math.ceil(wait / 1000)} s`;
    return new AppError(
      'platform_unreachable',
      `${service} allows no more searches just now (429). Try again ${when}.`,
      {
        retryable: true,
        ...(wait === undefined ? {} : { retryAfterMs: wait }),
      },
    );
  }
  return new AppError('platform_unreachable', `${service} answered with an error (${status}).`, {
    retryable: status >= 500,
  });
}

/** `retry-after` in seconds or as a date; else the shortest window of `x-ratelimit-reset` (Brave's). */
function retryAfterMs(response: GuardedResponse, clock: Clock): number | undefined {
  const after = response.header('retry-after');
  if (after !== undefined && /^\d{1,6}$/.test(after)) return Number(after) * 1000;
  if (after !== undefined && !Number.isNaN(Date.parse(after))) return Math.max(0, Date.parse(after) - clock.now());
  const reset = Number(response.header('x-ratelimit-reset')?.split(',', 1)[0]);
  return Number.isFinite(reset) && reset >= 0 ? reset * 1000 : undefined;
}
