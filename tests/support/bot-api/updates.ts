// The queue of updates and who may take from it: getUpdates with its offset, long polls, the conflict of two pollers.
// https://core.telegram.org/bots/api#getupdates (read 2026-11-21)
import type { Clock } from '../../../shared/clock.ts';
import { ApiError, isRecord, type ApiRequest } from './http.ts';
import { readFlag, readInteger, readList } from './params.ts';

/** Content beyond update_id is free: tests also deliver what no Bot API ever sent. */
export interface StoredUpdate {
  update_id: number;
  [kind: string]: unknown;
}

/** Left out unless asked for. */
const NOT_BY_DEFAULT: ReadonlySet<string> = new Set(['chat_member', 'message_reaction', 'message_reaction_count']);
const MAX_LIMIT = 100;
/** The real server shortens longer waits. */
const MAX_TIMEOUT_S = 50;
/** Updates kept for a bot that never comes. */
const MAX_PENDING = 100_000;
const MAX_CONFIRMED = 1_000;

interface Poll {
  answer(updates: readonly StoredUpdate[]): void;
  end(error: Error): void;
  limit: number;
}

export class UpdateQueue {
  readonly #clock: Clock;
  readonly #changed: () => void;
  #pending: StoredUpdate[] = [];
  /** The last ones that were confirmed, for redelivery. */
  #confirmed: StoredUpdate[] = [];
  /** Delivered once more in front of the next answer, whatever the offset says. */
  #again: StoredUpdate[] = [];
  #reverse = 0;
  #nextId = 700_000_001;
  #allowed: readonly string[] | undefined;
  #poll: Poll | undefined;
  readonly #raw = new WeakSet<StoredUpdate>();
  /** Set while a webhook takes the updates: told after each new one. */
  onUpdate: (() => void) | undefined;

  /** `changed` is called when a poll begins or ends to be held. */
  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  get pending(): readonly StoredUpdate[] {
    return this.#pending;
  }

  /** Undefined: the default kinds. */
  get allowed(): readonly string[] | undefined {
    return this.#allowed;
  }

  get hasPoll(): boolean {
    return this.#poll !== undefined;
  }

  /** Undefined when the bot did not ask for this kind: such updates are never made. */
  push(content: Record<string, unknown>): StoredUpdate | undefined {
    const kind = Object.keys(content)[0];
    if (kind !== undefined && !this.#isAllowed(kind)) return undefined;
    return this.#append(content);
  }

  /** Whatever the bot asked for; `update_id` in the content wins. One that no offset can confirm is delivered once. */
  pushRaw(content: Record<string, unknown>): StoredUpdate {
    const update = this.#append(content);
    this.#raw.add(update);
    if (!Number.isSafeInteger(update.update_id)) this.#again.push(...this.#pending.splice(-1));
    return update;
  }

  /** True for an answer with something that a test made by hand: it need not conform to any specification. */
  holdsRaw(answer: unknown): boolean {
    const result = isRecord(answer) && Array.isArray(answer['result']) ? answer['result'] : [];
    return result.some((update) => this.#raw.has(update));
  }

  #append(content: Record<string, unknown>): StoredUpdate {
    const update: StoredUpdate = { update_id: this.#nextId, ...content };
    this.#nextId = Math.max(this.#nextId, Number.isSafeInteger(update.update_id) ? update.update_id : 0) + 1;
    this.#pending.push(update);
    if (this.#pending.length > MAX_PENDING) this.#pending.shift();
    this.#wake();
    return update;
  }

  #isAllowed(kind: string): boolean {
    return this.#allowed === undefined ? !NOT_BY_DEFAULT.has(kind) : this.#allowed.includes(kind);
  }

  /** An empty list means the default kinds; undefined keeps what was. */
  setAllowed(kinds: readonly unknown[] | undefined): void {
    if (kinds === undefined) return;
    const names = kinds.filter((kind) => typeof kind === 'string');
    this.#allowed = names.length === 0 ? undefined : names;
  }

  /** Ends when updates come, the time is over, or another poller takes over (409). `gone` ends it unanswered. */
  async getUpdates(request: ApiRequest, gone: AbortSignal): Promise<readonly StoredUpdate[]> {
    this.endPoll(
      new ApiError(
        409,
        'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
      ),
    );
    this.setAllowed(readList(request, 'allowed_updates'));
    const offset = readInteger(request, 'offset') ?? 0;
    if (offset < 0) this.#keepLast(-offset);
    else this.confirmBelow(offset);
    const limit = Math.min(Math.max(readInteger(request, 'limit') ?? MAX_LIMIT, 1), MAX_LIMIT);
    const timeoutS = Math.min(Math.max(readInteger(request, 'timeout') ?? 0, 0), MAX_TIMEOUT_S);
    const ready = this.#take(limit);
    if (ready.length > 0 || timeoutS === 0) return ready;
    return this.#hold({ limit, timeoutMs: timeoutS * 1000, gone });
  }

  #hold(hold: { limit: number; timeoutMs: number; gone: AbortSignal }): Promise<readonly StoredUpdate[]> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        cancel();
        hold.gone.removeEventListener('abort', leave);
        if (this.#poll === poll) this.#poll = undefined;
        this.#changed();
      };
      const poll: Poll = {
        limit: hold.limit,
        answer(updates) {
          settle();
          resolve(updates);
        },
        end(error) {
          settle();
          reject(error);
        },
      };
      const leave = () => poll.answer([]);
      const cancel = this.#clock.after(hold.timeoutMs, leave);
      hold.gone.addEventListener('abort', leave, { once: true });
      if (hold.gone.aborted) return leave();
      this.#poll = poll;
      this.#changed();
    });
  }

  #wake(): void {
    // Later than the current call: what is said in one go is delivered in one answer.
    setImmediate(() => {
      if (this.#poll && (this.#pending.length > 0 || this.#again.length > 0))
        this.#poll.answer(this.#take(this.#poll.limit));
      this.onUpdate?.();
    });
  }

  #take(limit: number): readonly StoredUpdate[] {
    const again = this.#again.splice(0, limit);
    const taken = [...again, ...this.#pending.slice(0, limit - again.length)];
    if (this.#reverse === 0 || taken.length < 2) return taken;
    this.#reverse--;
    return taken.toReversed();
  }

  /** A held poll ends with this error. */
  endPoll(error: Error): void {
    this.#poll?.end(error);
  }

  confirmBelow(updateId: number): void {
    const confirmed = this.#pending.filter((update) => update.update_id < updateId);
    if (confirmed.length === 0) return;
    this.#pending = this.#pending.filter((update) => update.update_id >= updateId);
    this.#remember(confirmed);
  }

  /** For the webhook, which confirms each by itself. */
  confirmOne(update: StoredUpdate): void {
    const index = this.#pending.indexOf(update);
    if (index >= 0) this.#remember(this.#pending.splice(index, 1));
  }

  #remember(confirmed: readonly StoredUpdate[]): void {
    this.#confirmed = [...this.#confirmed, ...confirmed].slice(-MAX_CONFIRMED);
  }

  #keepLast(count: number): void {
    this.#pending = this.#pending.slice(-count);
  }

  dropPending(request: ApiRequest): void {
    if (readFlag(request, 'drop_pending_updates')) this.#pending = [];
  }

  /** The last `count` confirmed updates come once more with the next answer, as after a failure of the real server. */
  redeliver(count: number, ids: 'same' | 'new'): void {
    const last = this.#confirmed.slice(-count);
    if (ids === 'new') for (const { update_id: _, ...content } of last) this.#append(content);
    else if (this.onUpdate) this.#pending.unshift(...last);
    else this.#again.push(...last);
    this.#wake();
  }

  /** The next `count` answers of two or more updates are turned round. */
  reverseNext(count: number): void {
    this.#reverse += count;
  }
}
