// How updates leave the loopback server: held polls with offsets, or calls of a webhook.
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from './bot-api-methods.ts';
import { integerParam, jsonParam } from './bot-api-request.ts';
import type { BotApiState, QueuedUpdate } from './bot-api-state.ts';

export interface Poller {
  /** Resolves with updates, at once when there are some, else after `timeout`. Rejects with Refusal (409). */
  getUpdates(params: Record<string, unknown>, gone: AbortSignal): Promise<readonly QueuedUpdate[]>;
  /** Ends a held poll without an answer. */
  close(): void;
}

export function makePoller(state: BotApiState): Poller {
  let held: ((conflict: boolean) => void) | undefined;
  return {
    async getUpdates(params, gone) {
      if (state.webhook) {
        throw new Refusal(
          409,
          "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        );
      }
      // The newer poll wins, the older is thrown out.
      held?.(true);
      const allowed = jsonParam(params, 'allowed_updates');
      if (Array.isArray(allowed)) state.allowedUpdates = allowed.map(String);
      confirm(state, integerParam(params, 'offset'));
      const seconds = Math.min(50, integerParam(params, 'timeout') ?? 0);
      if (state.queue.length === 0 && seconds > 0) await hold(seconds, gone);
      return state.queue.slice(0, Math.min(100, integerParam(params, 'limit') ?? 100));
    },
    close: () => held?.(false),
  };

  function hold(seconds: number, gone: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(false), seconds * 1_000);
      const wake = () => end(false);
      const abort = () => end(false);
      const end = (conflict: boolean) => {
        clearTimeout(timer);
        state.onUpdate.delete(wake);
        gone.removeEventListener('abort', abort);
        if (held === end) held = undefined;
        if (conflict)
          reject(
            new Refusal(
              409,
              'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
            ),
          );
        else resolve();
      };
      held = end;
      state.onUpdate.add(wake);
      gone.addEventListener('abort', abort);
    });
  }
}

/** "An update is considered confirmed as soon as getUpdates is called with an offset higher than its update_id." */
function confirm(state: BotApiState, offset: number | undefined): void {
  if (offset === undefined) return;
  if (offset < 0) state.queue = state.queue.slice(offset);
  else state.queue = state.queue.filter((update) => update.update_id >= offset);
}

export interface WebhookCaller {
  /** Where requests to the public address really go, as a reverse proxy would send them. */
  proxy: { from: string; to: string } | undefined;
  /** While true nothing is delivered. */
  isAway: boolean;
  close(): Promise<void>;
}

/** Calls the webhook with one update after the other; one that is not answered with 2xx is tried again until it is. */
export function makeWebhookCaller(state: BotApiState, retryMs = 40): WebhookCaller {
  const stopping = new AbortController();
  const caller: WebhookCaller = {
    proxy: undefined,
    isAway: false,
    async close() {
      stopping.abort();
      await running;
    },
  };
  const running = run();
  return caller;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const update = state.queue[0];
      const isDue = state.webhook !== undefined && update !== undefined && !caller.isAway;
      if (isDue && (await deliver(update))) state.queue = state.queue.filter((other) => other !== update);
      else await sleep(isDue ? retryMs : 5, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  async function deliver(update: QueuedUpdate): Promise<boolean> {
    const { webhook } = state;
    if (!webhook) return false;
    const { proxy } = caller;
    const url =
      proxy && webhook.url.startsWith(proxy.from) ? proxy.to + webhook.url.slice(proxy.from.length) : webhook.url;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(webhook.secret !== '' && { 'x-telegram-bot-api-secret-token': webhook.secret }),
        },
        body: typeof update.body === 'string' ? update.body : JSON.stringify(update.body),
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(10_000)]),
      });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }
}
