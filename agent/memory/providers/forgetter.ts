// Has services outside delete what was forgotten here. What is to be deleted is a row until the service has done it, so it survives restarts
// and outages; what a service refuses, or does not do for a week, is told to the person with the name that they have there.
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { sha256Hex } from '../../../shared/digest.ts';
import { AppError, asAppError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { ForgetfulService } from '../../../data/memory/forget.ts';
import type { ForgettingKind } from '../../../data/memory/tables.ts';
import type { Scope } from '../../../data/scope.ts';
import { untilAborted } from '../../abort.ts';
import type { MemoryProvider } from './provider.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import type { WriteQueue } from './write-queue.ts';

export interface ForgettingRow {
  id: number;
  scope: Scope;
  service: string;
  kind: ForgettingKind;
  ref: string;
  attempts: number;
  createdAt: number;
}

/** The rows of data/process/work/forgettings.ts. */
export interface ForgettingStore {
  due(limit: number): Promise<readonly ForgettingRow[]>;
  nextAt(): Promise<number | undefined>;
  postpone(id: number, dueAt: number): Promise<void>;
  end(id: number): Promise<void>;
}

export interface ForgetterInput {
  store: ForgettingStore;
  /** Those of that name that are set up: one service may be so twice, with other addresses. */
  find(name: string): readonly { provider: MemoryProvider; queue: Pick<WriteQueue, 'settled'> }[];
  pseudonyms: Pseudonyms;
  clock: Clock;
  random: () => number;
  log: Logger;
  /** Tells a person once per key. */
  tell(scope: Scope, message: { text: string; key: string }): Promise<void>;
}

export interface Forgetter {
  /** Looks for what is due, now or as soon as it can. Never throws. */
  wake(): void;
  /** Resolves soon; what is not done is taken up by the next one. */
  close(): Promise<void>;
}

const RETRY = { baseMs: 5_000, maxMs: 6 * 3_600_000 };
const PATIENCE_MS = 7 * 24 * 3_600_000;
const DAY_MS = 24 * 3_600_000;
const AT_ONCE = 50;
/** A database that failed is asked again then. */
const AGAIN_MS = 60_000;

/** What it can delete, of those that forgetMemories asks for. */
export function deletionsOf({ forgetAll, forgetSession, forgetItem }: MemoryProvider): ForgetfulService['deletes'] {
  return [
    ...(forgetAll ? (['all'] as const) : []),
    ...(forgetSession ? (['session'] as const) : []),
    ...(forgetItem ? (['item'] as const) : []),
  ];
}

export function makeForgetter(input: ForgetterInput): Forgetter {
  const { store, find, pseudonyms, clock, random, log } = input;
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  let isCalled = false;
  let cancel = () => {};

  async function run(): Promise<void> {
    while (isCalled && !closing.signal.aborted) {
      isCalled = false;
      for (let rows = await store.due(AT_ONCE); rows.length > 0; rows = await store.due(AT_ONCE))
        for (const row of rows) {
          if (closing.signal.aborted) return;
          await forget(row);
        }
    }
    const next = await store.nextAt();
    if (next !== undefined && !closing.signal.aborted) wakeIn(Math.max(0, next - clock.now()));
  }

  function wakeIn(ms: number): void {
    cancel();
    cancel = clock.after(ms, wake);
  }

  function wake(): void {
    if (closing.signal.aborted) return;
    isCalled = true;
    cancel();
    running ??= run()
      .catch((error: unknown) => {
        log.warn({ err: error }, 'what services are to forget could not be looked up');
        if (!closing.signal.aborted) wakeIn(AGAIN_MS);
      })
      .finally(() => {
        running = undefined;
        // Called between the last look and now.
        if (isCalled) wake();
      });
  }

  async function forget(row: ForgettingRow): Promise<void> {
    const slots = find(row.service);
    try {
      if (slots.length === 0) throw new AppError('not_found', 'It is not set up any more.', { retryable: true });
      for (const { provider, queue } of slots) {
        // What it is yet to be told would come after the deletion.
        await untilAborted(queue.settled(), closing.signal);
        await untilAborted(remove(provider, row), closing.signal);
      }
      await store.end(row.id);
    } catch (error) {
      if (closing.signal.aborted) return;
      await failed(row, slots[0]?.provider.title ?? row.service, asAppError(error));
    }
  }

  async function remove(provider: MemoryProvider, { scope, kind, ref }: ForgettingRow): Promise<void> {
    const { signal } = closing;
    const subject = pseudonyms.subject(scope);
    const work =
      kind === 'all'
        ? provider.forgetAll?.(subject, signal)
        : kind === 'session'
          ? provider.forgetSession?.({ subject, session: pseudonyms.of(scope, kind, ref) }, signal)
          : provider.forgetItem?.({ subject, kind, id: pseudonyms.of(scope, kind, ref) }, signal);
    if (!work) throw new AppError('tool_unavailable', 'It has no way to delete that.');
    await work;
  }

  async function failed(row: ForgettingRow, title: string, error: AppError): Promise<void> {
    const { id, scope, service, attempts, createdAt } = row;
    log.warn({ err: error, service, attempts }, 'a memory service did not forget');
    const { retryable, retryAfterMs = 0 } = error;
    if (retryable && clock.now() - createdAt < PATIENCE_MS) {
      const pauseMs = Math.max(retryAfterMs, backoffMs(attempts + 1, RETRY, random));
      return store.postpone(id, clock.now() + Math.min(pauseMs, RETRY.maxMs));
    }
    const text =
      `${title} did not delete what I was to forget: ${error.publicMessage} ` +
      `Here it is gone; what ${title} was told of it may still be there, under the name \`${pseudonyms.subject(scope)}\`. Delete it there, ` +
      'or ask me again later.';
    // One word a day, however much it is. Said before the row is gone: rather twice than never.
    const key = `fg${sha256Hex(`${service} ${scope.space} ${Math.floor(clock.now() / DAY_MS)}`, 40)}`;
    try {
      await input.tell(scope, { text, key });
    } catch (untold) {
      log.warn({ err: untold, service }, 'that a memory service did not forget could not be told');
      return store.postpone(id, clock.now() + RETRY.maxMs);
    }
    await store.end(id);
  }

  return {
    wake,
    async close() {
      closing.abort();
      cancel();
      await running;
    },
  };
}
