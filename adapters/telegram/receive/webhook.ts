// Webhook: Telegram calls the gateway. A request is answered with 200 only when its update is stored; anything else makes it come again.
import type { AdapterHost, HttpHandler } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { isSameSecret } from '../../../shared/digest.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { TelegramApi } from '../api.ts';
import { describe, explainFailure } from '../errors.ts';
import { parseJson, readText } from '../../transport/bodies.ts';
import { ALLOWED_UPDATES, type Receiver } from './receiver.ts';

/** Header with the secret of setWebhook, https://core.telegram.org/bots/api#setwebhook, read 2026-11-21. */
const SECRET_HEADER = 'x-telegram-bot-api-secret-token';
/** Updates hold text and ids only; the largest is a small part of this. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Nothing tells us that Telegram stopped calling, so we look. */
const CHECK_EVERY_MS = 5 * 60_000;
const AUTH_WAIT_MS = 5 * 60_000;
const NETWORK_BACKOFF = { baseMs: 500, maxMs: 60_000 };

export interface WebhookDeps {
  api: TelegramApi;
  host: AdapterHost;
  receiver: Receiver;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
  webhook: { url: string; secret: string };
}

export function makeWebhookHandler(deps: WebhookDeps): HttpHandler {
  return async (request) => {
    if (!isSameSecret(request.headers.get(SECRET_HEADER) ?? '', deps.webhook.secret)) return reply(401);
    if (request.method !== 'POST') return reply(405);
    if (deps.signal.aborted) return reply(503);
    const update = parseJson(await readText(request, MAX_BODY_BYTES).catch(() => undefined));
    if (update === undefined) return reply(400);
    deps.host.status('online');
    try {
      await deps.receiver.take(update);
      return reply(200);
    } catch (error) {
      deps.host.log.error(
        { error: error instanceof Error ? error.name : 'unknown' },
        'update could not be stored; Telegram sends it again',
      );
      return reply(500);
    }
  };
}

function reply(status: number): Response {
  return new Response(null, { status });
}

/** Sets the webhook and looks after it until `signal` is aborted. `wake` resolves when a look is due at once. Never rejects. */
export async function keepWebhook(deps: WebhookDeps, wake: () => Promise<void>): Promise<void> {
  let failures = 0;
  while (!deps.signal.aborted) {
    try {
      await ensureWebhook(deps);
      failures = 0;
      deps.host.status('online');
    } catch (error) {
      if (deps.signal.aborted) return;
      failures++;
      const failure = explainFailure(error, deps.redactor);
      deps.host.log.warn({ problem: describe(error, deps.redactor).message, failures }, 'webhook could not be set');
      if (failure.code === 'auth') {
        deps.host.status(
          'needs-login',
          'Telegram refuses the bot token. Ask @BotFather for a new one and set TELEGRAM_BOT_TOKEN.',
        );
        await pause(deps, AUTH_WAIT_MS);
      } else {
        deps.host.status('offline', 'Telegram cannot be reached; it is tried again by itself.');
        await pause(deps, failure.retryAfterMs ?? backoffMs(failures, NETWORK_BACKOFF));
      }
      continue;
    }
    await Promise.race([pause(deps, CHECK_EVERY_MS), wake()]);
  }
}

async function ensureWebhook(deps: WebhookDeps): Promise<void> {
  const { webhook, signal } = deps;
  // Set each time, not only when it is missing: getWebhookInfo does not tell whether the secret is still ours.
  const args = { url: webhook.url, secret_token: webhook.secret, allowed_updates: [...ALLOWED_UPDATES] };
  await deps.api.run((raw) => raw.setWebhook(args), { signal });
  const info = await deps.api.run((raw) => raw.getWebhookInfo(), { signal });
  if (info.last_error_message && info.pending_update_count > 0) {
    deps.host.log.warn(
      { pending: info.pending_update_count },
      `Telegram could not deliver to the webhook: ${info.last_error_message}`,
    );
  }
}

async function pause(deps: WebhookDeps, ms: number): Promise<void> {
  await deps.clock.sleep(ms, deps.signal).catch(() => undefined);
}
