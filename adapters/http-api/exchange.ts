// Requests that wait for their answers. A chat answers one request at a time; what is said while nobody waits goes with the next answer.
import { AppError } from '../../shared/errors.ts';
import type { ChatId, MessageId } from '../../shared/ids.ts';
import type { Clock } from '../../shared/clock.ts';
import { serializeMarkdown } from '../markdown.ts';
import type { DraftUpdate, OutboundMessage } from '../contract.ts';

const MAX_WAITING = 8;
/** Of what nobody waited for, per chat. */
const MAX_BACKLOG_CHARS = 200_000;
const MAX_BACKLOGS = 200;

interface Waiting {
  /** The message that is to be answered. */
  message: MessageId;
  resolve(text: string): void;
  /** The whole text so far. */
  draft(text: string): void;
}

/** One question on its way. */
export interface Asking {
  /** Resolves with the whole answer; `draft` gets the whole text so far, again and again. */
  ask(listen: { draft(text: string): void; signal: AbortSignal }): Promise<string>;
  signal: AbortSignal;
}

export interface ExchangeInput {
  message: MessageId;
  /** Hands the message over; called when it is this request's turn. */
  start(): Promise<void>;
  draft(text: string): void;
  maxWaitMs: number;
  /** Aborted when the client is gone: its message is answered all the same. */
  signal: AbortSignal;
}

export class Exchange {
  readonly #clock: Clock;
  readonly #waiting = new Map<ChatId, Waiting>();
  readonly #tails = new Map<ChatId, { last: Promise<void>; count: number }>();
  readonly #backlogs = new Map<ChatId, string>();
  /** Messages whose requests did not wait long enough, the latest. */
  readonly #late = new Set<MessageId>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with AppError: `timeout`, `cancelled`, `bad_input` when too many wait, and what `start` rejects with. */
  async ask(chat: ChatId, input: ExchangeInput): Promise<string> {
    const tail = this.#tails.get(chat) ?? { last: Promise.resolve(), count: 0 };
    if (tail.count >= MAX_WAITING)
      throw new AppError('bad_input', 'Too many requests wait in this conversation. Nothing was sent.');
    const done = Promise.withResolvers<void>();
    const before = tail.last;
    this.#tails.set(chat, { last: done.promise, count: tail.count + 1 });
    try {
      await before;
      return await this.#askNow(chat, input);
    } finally {
      done.resolve();
      const now = this.#tails.get(chat);
      if (now && now.count > 1) this.#tails.set(chat, { ...now, count: now.count - 1 });
      else this.#tails.delete(chat);
    }
  }

  async #askNow(chat: ChatId, input: ExchangeInput): Promise<string> {
    const { signal } = input;
    if (signal.aborted) throw gone();
    const answered = Promise.withResolvers<string>();
    const leave = () => answered.reject(gone());
    signal.addEventListener('abort', leave, { once: true });
    const cancelTimer = this.#clock.after(input.maxWaitMs, () => {
      this.#late.add(input.message);
      const [oldest] = this.#late;
      if (this.#late.size > MAX_BACKLOGS && oldest !== undefined) this.#late.delete(oldest);
      answered.reject(late());
    });
    this.#waiting.set(chat, { message: input.message, resolve: answered.resolve, draft: input.draft });
    try {
      await input.start();
      return await answered.promise;
    } finally {
      cancelTimer();
      signal.removeEventListener('abort', leave);
      this.#waiting.delete(chat);
    }
  }

  /** The message of this chat whose request waits now. */
  waitingFor(chat: ChatId): MessageId | undefined {
    return this.#waiting.get(chat)?.message;
  }

  /** Whether its request was told that the answer comes with the next one. */
  isLate(message: MessageId): boolean {
    return this.#late.has(message);
  }

  /** What Herald says in a chat. `isEnd`: it ends the answer to the message that is waited for. */
  said(chat: ChatId, message: OutboundMessage, isEnd: boolean): void {
    const names = message.files.map((file) => `[file: ${file.name}]`);
    const text = [serializeMarkdown(message.body), ...names].filter((part) => part !== '').join('\n\n');
    const waiting = this.#waiting.get(chat);
    const whole = [this.#backlogs.get(chat) ?? '', text].filter((part) => part !== '').join('\n\n');
    if (waiting && isEnd) {
      this.#backlogs.delete(chat);
      waiting.resolve(whole);
      return;
    }
    this.#backlogs.delete(chat);
    this.#backlogs.set(chat, whole.slice(-MAX_BACKLOG_CHARS));
    for (const oldest of this.#backlogs.keys()) {
      if (this.#backlogs.size <= MAX_BACKLOGS) break;
      this.#backlogs.delete(oldest);
    }
  }

  drafted(chat: ChatId, { text }: DraftUpdate): void {
    // What waited for a listener comes first, and is not part of the draft.
    if (!this.#backlogs.has(chat)) this.#waiting.get(chat)?.draft(text);
  }
}

function gone(): AppError {
  return new AppError('cancelled', 'The request was broken off. The message is answered all the same.');
}

function late(): AppError {
  return new AppError(
    'timeout',
    'The answer takes longer than a request may wait. It is kept, and comes with your next message.',
    {
      retryable: true,
    },
  );
}
