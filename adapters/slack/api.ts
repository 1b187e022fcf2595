// The Web API client: the SDK's typed calls over the fetch that was handed in, each with a deadline and never repeated by itself.
import { AsyncLocalStorage } from 'node:async_hooks';
import { webApi } from '@slack/bolt';
import { systemClock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { NotCalledError } from '../transport/failures.ts';
import { makeSdkLogger } from './sdk-logger.ts';
import type { Logger } from '../../shared/log.ts';
import type { Redactor } from '../../shared/redact.ts';

/** Deadline of a call. */
export const CALL_TIMEOUT_MS = 20_000;

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Default CALL_TIMEOUT_MS. */
  timeoutMs?: number | undefined;
}

export interface SlackApi {
  /** Runs one call. Rejects with the SDK's errors, or NotCalledError when `signal` was aborted before. */
  call<T>(run: (client: webApi.WebClient) => Promise<T>, options?: CallOptions): Promise<T>;
}

export interface ApiInput {
  token: string;
  apiRoot: string;
  fetch: typeof fetch;
  log: () => Logger;
  redactor: Redactor;
}

export function makeSlackApi(input: ApiInput): SlackApi {
  // The SDK's calls take no signal, so ours travel beside them.
  const signals = new AsyncLocalStorage<AbortSignal>();
  const client = new webApi.WebClient(input.token, {
    ...clientOptions(input),
    fetch: (url: string | URL | Request, init?: RequestInit) => {
      const signal = signals.getStore();
      return input.fetch(url, { ...init, ...(signal && { signal }) });
    },
  });
  return {
    async call(run, { signal, timeoutMs = CALL_TIMEOUT_MS } = {}) {
      if (signal?.aborted) throw new NotCalledError('Cancelled before it was sent.');
      return withDeadline({ clock: systemClock, timeoutMs, parent: signal }, (ended) =>
        signals.run(ended, () => run(client)),
      );
    },
  };
}

/** Without any retry of the SDK's own: what is repeated, and when, is the core's to decide. */
export function clientOptions(
  input: Pick<ApiInput, 'apiRoot' | 'fetch' | 'log' | 'redactor'>,
): webApi.WebClientOptions {
  return {
    slackApiUrl: `${input.apiRoot}/`,
    fetch: input.fetch,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    // A call that waited in the SDK's queue would run under the signal of the one before it.
    maxRequestConcurrency: Number.POSITIVE_INFINITY,
    allowAbsoluteUrls: false,
    logger: makeSdkLogger(input.log, input.redactor),
  };
}
