// Hands updates to the core one after the other, by polling or webhook alike: stored first, acknowledged then.
import type { AdapterHost } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { TelegramApi } from '../api.ts';
import { describe } from '../errors.ts';
import type { Bot } from '../inbound-text.ts';
import { readUpdate, type InboundResult } from '../inbound.ts';

export interface Receiver {
  /** Resolves when the update is stored or known to be of no use; rejects when it could not be stored. */
  take(update: unknown): Promise<void>;
  /** Resolves when nothing of it runs any more. */
  settle(): Promise<void>;
}

export interface ReceiverDeps {
  api: TelegramApi;
  host: AdapterHost;
  account: AccountId;
  bot: Bot;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
}

/** Updates that we ask Telegram for. */
export const ALLOWED_UPDATES = ['message', 'edited_message', 'callback_query', 'my_chat_member'] as const;

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, account, bot, clock } = deps;
  const running = new Set<Promise<void>>();

  /** A fault of ours in reading one update must not hold up all that follow it. */
  function readSafely(update: unknown): InboundResult {
    try {
      return readUpdate(update, { account, bot, now: clock.now() });
    } catch (error) {
      return { kind: 'malformed', reason: `reading it failed (${error instanceof Error ? error.name : 'unknown'})` };
    }
  }

  /** Ends the spinner on the button. Late or lost answers do no harm, so nobody waits for them. */
  function answerCallback(callback_query_id: string): void {
    const answer = deps.api
      .run((raw) => raw.answerCallbackQuery({ callback_query_id }), { signal: deps.signal })
      .then(() => undefined)
      .catch((error: unknown) => {
        host.log.debug({ problem: describe(error, deps.redactor).message }, 'a press could not be answered');
      })
      .finally(() => running.delete(answer));
    running.add(answer);
  }

  return {
    async take(update) {
      const result = readSafely(update);
      if (result.kind === 'malformed') host.log.warn({ reason: result.reason }, 'update could not be read');
      if (result.kind === 'ignored') host.log.debug({ reason: result.reason }, 'update ignored');
      if (result.kind !== 'message') return;
      await host.receive(result.message);
      if (result.callbackId !== undefined) answerCallback(result.callbackId);
    },
    async settle() {
      await Promise.all(running);
    },
  };
}
