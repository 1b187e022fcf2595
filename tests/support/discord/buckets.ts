// Rate limits as Discord tells them: a bucket per route and channel, one for everything, headers with each answer.
// https://docs.discord.com/developers/topics/rate-limits (read 2026-11-21).
import { createHash } from 'node:crypto';
import type { ApiAnswer, ApiRequest } from './http.ts';

export interface BucketOptions {
  limit: number;
  windowMs: number;
}

interface Bucket {
  left: number;
  resetsAtMs: number;
}

export class Buckets {
  readonly #perRoute: BucketOptions;
  readonly #overall: BucketOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perRoute: BucketOptions, overall: BucketOptions) {
    this.#perRoute = perRoute;
    this.#overall = overall;
  }

  /** Counts the call. `refusal`: there were too many; `headers` go with any other answer. */
  take(request: ApiRequest): { refusal: ApiAnswer | undefined; headers: Record<string, string> } {
    // "Interaction endpoints are not bound to the bot's Global Rate Limit."
    if (/^\/(?:interactions|webhooks)\//.test(request.route)) return { refusal: undefined, headers: {} };
    const all = this.#count('all', this.#overall);
    if (all.isOver) return { refusal: tooMany(all.waitMs, { global: true }), headers: {} };
    // "Top-level resources" count apart: the id right behind the first word.
    const parts = request.route.split('/').map((part, i) => (i > 2 && /^\d{15,}$/.test(part) ? ':id' : part));
    const route = `${request.method} ${parts.join('/')}`;
    const { isOver, waitMs, left } = this.#count(route, this.#perRoute);
    const headers = {
      'x-ratelimit-limit': String(this.#perRoute.limit),
      'x-ratelimit-remaining': String(Math.max(0, left)),
      'x-ratelimit-reset-after': String(waitMs / 1_000),
      'x-ratelimit-bucket': createHash('md5')
        .update(route.replace(/\d{15,}/, ':id'))
        .digest('hex')
        .slice(0, 16),
    };
    return isOver ? { refusal: tooMany(waitMs, { headers }), headers } : { refusal: undefined, headers };
  }

  #count(key: string, { limit, windowMs }: BucketOptions): { isOver: boolean; waitMs: number; left: number } {
    const now = Date.now();
    const known = this.#buckets.get(key);
    const bucket = known && known.resetsAtMs > now ? known : { left: limit, resetsAtMs: now + windowMs };
    this.#buckets.set(key, bucket);
    bucket.left--;
    return { isOver: bucket.left < 0, waitMs: bucket.resetsAtMs - now, left: bucket.left };
  }
}

/** The answer 429. `retry_after` is in seconds. */
export function tooMany(
  waitMs: number,
  { global = false, headers = {} }: { global?: boolean; headers?: Record<string, string> } = {},
): ApiAnswer {
  const seconds = waitMs / 1_000;
  return {
    status: 429,
    body: { message: 'You are being rate limited.', retry_after: seconds, global, code: 0 },
    headers: {
      ...headers,
      'retry-after': String(Math.ceil(seconds)),
      'x-ratelimit-scope': global ? 'global' : 'user',
      ...(global
        ? { 'x-ratelimit-global': 'true' }
        : { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset-after': String(seconds) }),
    },
  };
}
