// Requests that wait for their answers. A chat answers one request at a time; what is said while nobody waits goes with the next answer.
import { AppError } from '../../shared/errors.ts';
import type { ChatId, MessageId } from '../../shared/ids.ts';
import type { Clock } from '../../shared/clock.ts';
import { serializeMarkdown } from '../markdown.ts';
import type { ExchangeLines, OutboundMessage } from '../contract.ts';

const MAX_WAITING = 8;
/** Of what nobody waited for, per chat. */
const MAX_BACKLOG_CHARS = 200_000;
const MAX_BACKLOGS = 200;

/** Something that Herald said, under its key. */
interface Line {
  key: string;
  text: string;
}

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
  readonly #backlogs = new Map<ChatId, readonly Line[]>();

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
    const cancelTimer = this.#clock.after(input.maxWaitMs, () => answered.reject(late()));
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

  /** What Herald says and nobody waits for: it comes with the next answer. */
  said(chat: ChatId, message: OutboundMessage): Line {
    const line = { key: message.key, text: textOf(message) };
    const kept = { ...line, text: line.text.slice(-MAX_BACKLOG_CHARS) };
    const lines = [...(this.#backlogs.get(chat) ?? []).filter(({ key }) => key !== line.key), kept];
    while (lines.length > 1 && lengthOf(lines) > MAX_BACKLOG_CHARS) lines.shift();
    this.#backlogs.delete(chat);
    this.#backlogs.set(chat, lines);
    for (const oldest of this.#backlogs.keys()) {
      if (this.#backlogs.size <= MAX_BACKLOGS) break;
      this.#backlogs.delete(oldest);
    }
    return line;
  }

  /** The answer to `message`: all of it, with parts that came before. Nothing happens when its request waits no more. */
  answered(chat: ChatId, message: MessageId, answer: readonly Line[]): void {
    const waiting = this.#waiting.get(chat);
    if (waiting?.message !== message) return;
    this.forget(chat, answer);
    const before = this.#backlogs.get(chat) ?? [];
    this.#backlogs.delete(chat);
    waiting.resolve(joined([...before, ...answer]));
  }

  /** Whether it was said and waits for somebody to ask. */
  has(chat: ChatId, key: string): boolean {
    return this.#backlogs.get(chat)?.some((line) => line.key === key) === true;
  }

  /** These lines were given otherwise. */
  forget(chat: ChatId, given: readonly Line[]): void {
    const keys = new Set(given.map(({ key }) => key));
    const left = (this.#backlogs.get(chat) ?? []).filter(({ key }) => !keys.has(key));
    if (left.length === 0) this.#backlogs.delete(chat);
    else this.#backlogs.set(chat, left);
  }

  /** The whole answer to `message` so far. */
  drafted(chat: ChatId, message: MessageId, text: string): void {
    const waiting = this.#waiting.get(chat);
    // What waited for a listener comes first, and is not part of the draft.
    if (waiting?.message === message && !this.#backlogs.has(chat)) waiting.draft(text);
  }
}

/** One line of ours as text. */
export function lineOf({ key, text, files }: Omit<ExchangeLines['said'][number], 'isPending'>): Line {
  return { key, text: joined([{ text }, ...files.map(({ name }) => ({ text: `[file: ${name}]` }))]) };
}

export function joined(lines: readonly { text: string }[]): string {
  return lines
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join('\n\n');
}

function textOf({ key, body, files }: OutboundMessage): string {
  return lineOf({ key, text: serializeMarkdown(body), files }).text;
}

function lengthOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { text }) => sum + text.length, 0);
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
