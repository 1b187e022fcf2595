// Long polling. The offset, which tells Telegram what it may forget, moves only behind updates that are stored.
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { TelegramApi } from '../api.ts';
import { describe, explainFailure, isApiError } from '../errors.ts';
import { ALLOWED_UPDATES, type Receiver } from './receiver.ts';
import { updateIdSchema } from '../update-schema.ts';

/** How long Telegram holds a poll open. */
const POLL_SECONDS = 25;
/** The connection gets this much longer before it is given up as dead. */
const POLL_GRACE_MS = 15_000;
/** Two programs with one token throw each other out; longer than a poll lasts, so that a restart's old poll has ended. */
const CONFLICT_WAIT_MS = 35_000;
const AUTH_WAIT_MS = 5 * 60_000;
const NETWORK_BACKOFF = { baseMs: 500, maxMs: 60_000 };
const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };
/**
 * "If there are no new updates for at least a week, then identifier of the next update will be chosen randomly"
 * (https://core.telegram.org/bots/api#update): an older offset could hide all that follows.
 */
const OFFSET_VALID_MS = 6 * 24 * 3_600_000;
const CURSOR_KEY = 'offset';

export interface PollingDeps {
  api: TelegramApi;
  host: AdapterHost;
  receiver: Receiver;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
}

interface Position {
  offset: number;
  atMs: number;
}

/** Polls until `signal` is aborted, over any failure. Never rejects. */
export async function pollUpdates(deps: PollingDeps): Promise<void> {
  let failures = 0;
  let storeFailures = 0;
  // A poll that is not held tells at once whether the connection stands.
  let isConnected = false;
  let position = await readPosition(deps).catch(() => undefined);
  while (!deps.signal.aborted) {
    try {
      const updates = await getUpdates(deps, position, isConnected ? POLL_SECONDS : 0);
      isConnected = true;
      failures = 0;
      deps.host.status('online');
      const outcome = await takeBatch(deps, updates, position);
      position = outcome.position;
      storeFailures = outcome.isStored ? 0 : storeFailures + 1;
      if (storeFailures > 0) await pause(deps, backoffMs(storeFailures, STORE_BACKOFF));
    } catch (error) {
      if (deps.signal.aborted) return;
      isConnected = false;
      failures++;
      await pause(deps, await handleFailure(deps, error, failures));
    }
  }
}

async function getUpdates(
  deps: PollingDeps,
  position: Position | undefined,
  holdSeconds: number,
): Promise<readonly unknown[]> {
  const isValid = position && deps.clock.now() - position.atMs < OFFSET_VALID_MS;
  const args = {
    ...(isValid && { offset: position.offset }),
    timeout: holdSeconds,
    allowed_updates: [...ALLOWED_UPDATES],
  };
  return deps.api.run((raw) => raw.getUpdates(args), {
    signal: deps.signal,
    timeoutMs: holdSeconds * 1_000 + POLL_GRACE_MS,
  });
}

/** Takes the updates in order, up to the first that cannot be stored: that one and all behind it come again. */
async function takeBatch(
  deps: PollingDeps,
  updates: readonly unknown[],
  before: Position | undefined,
): Promise<{ position: Position | undefined; isStored: boolean }> {
  let position = before;
  let isStored = true;
  for (const update of updates) {
    if (deps.signal.aborted) break;
    try {
      await deps.receiver.take(update);
    } catch (error) {
      // The core's own error: its text is not ours to print.
      deps.host.log.error(
        { error: error instanceof Error ? error.name : 'unknown' },
        'update could not be stored; it is asked for again',
      );
      isStored = false;
      break;
    }
    const id = updateIdSchema.safeParse(update);
    if (id.success) position = { offset: id.data.update_id + 1, atMs: deps.clock.now() };
    else deps.host.log.warn({}, 'update without an id');
  }
  if (position && position !== before) await savePosition(deps, position);
  return { position, isStored };
}

async function readPosition(deps: PollingDeps): Promise<Position | undefined> {
  const match = /^(\d+) (\d+)$/.exec((await deps.host.cursor.get(CURSOR_KEY)) ?? '');
  return match ? { offset: Number(match[1]), atMs: Number(match[2]) } : undefined;
}

/** A position that cannot be saved costs a few duplicates after a restart, which the inbox knows. */
async function savePosition(deps: PollingDeps, position: Position): Promise<void> {
  try {
    await deps.host.cursor.set(CURSOR_KEY, `${position.offset} ${position.atMs}`);
  } catch {
    deps.host.log.warn({}, 'the position in the update queue could not be saved');
  }
}

/** Reports the failure and tells how long to wait, in milliseconds. */
async function handleFailure(deps: PollingDeps, error: unknown, failures: number): Promise<number> {
  const { host, redactor } = deps;
  const failure = explainFailure(error, redactor);
  host.log.warn({ problem: describe(error, redactor).message, failures }, 'polling failed');
  if (isApiError(error) && error.error_code === 409) {
    if (/webhook/i.test(error.description)) return removeWebhook(deps, failures);
    host.status(
      'offline',
      'Another program polls with the same bot token. Stop it, or give this one a bot of its own.',
    );
    return CONFLICT_WAIT_MS + backoffMs(1, { baseMs: 5_000, maxMs: 5_000, jitter: 1 });
  }
  if (failure.code === 'auth') {
    host.status(
      'needs-login',
      'Telegram refuses the bot token. Ask @BotFather for a new one and set TELEGRAM_BOT_TOKEN.',
    );
    return AUTH_WAIT_MS;
  }
  if (failure.code === 'rate_limited') return failure.retryAfterMs ?? 1_000;
  // One dropped poll is nothing to tell people about.
  if (failures > 1 || failure.reached === 'no')
    host.status('offline', 'Telegram cannot be reached; it is tried again by itself.');
  else host.status('connecting');
  return backoffMs(failures, NETWORK_BACKOFF);
}

/** Somebody has set a webhook since we began; while there is one, nothing can be polled. */
async function removeWebhook(deps: PollingDeps, failures: number): Promise<number> {
  deps.host.status('connecting', 'A webhook was set for this bot; it is removed, because this gateway polls.');
  await deps.api.run((raw) => raw.deleteWebhook({}), { signal: deps.signal }).catch(() => undefined);
  return backoffMs(failures, NETWORK_BACKOFF);
}

async function pause(deps: PollingDeps, ms: number): Promise<void> {
  await deps.clock.sleep(ms, deps.signal).catch(() => undefined);
}
