// One question, one answer: for `herald chat <text>` and for text that is piped in. Built on the same client as the interactive chat.
import type { ChatEntry, ChatFile } from '../../adapters/local-chat/protocol.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { ChatClient, lineId, type ChatClientOptions } from './client.ts';

/** An answer may come in parts, one right behind the other. */
const QUIET_MS = 300;
/** A notice alone (a failure, for example) ends the wait when no work shows for this long. */
const NOTICE_QUIET_MS = 3_000;
const LOOK_MS = 50;

export interface Answer {
  /** Lines of ours since the question, notices left out. */
  entries: readonly ChatEntry[];
  /** False: only notices came; the turn failed. */
  answered: boolean;
}

export interface AskerOptions extends Omit<ChatClientOptions, 'on'> {
  clock: Clock;
  /** Shown while waiting: failures, receipts. */
  onNotice(entry: ChatEntry): void;
}

export class Asker {
  readonly #client: ChatClient;
  readonly #options: AskerOptions;
  readonly #known = new Set<string>();
  #ready = false;
  #working = false;
  #changedAt = 0;
  #refused: string | undefined;
  #entries: ChatEntry[] = [];
  #noticed = false;

  constructor(options: AskerOptions) {
    this.#options = options;
    const changed = () => (this.#changedAt = options.clock.now());
    const working = () => {
      this.#working = true;
      changed();
    };
    this.#client = new ChatClient({
      ...options,
      on: {
        entry: (entry) => this.#take(entry),
        draft: working,
        typing: working,
        draftEnd: changed,
        state: () => (this.#ready = true),
        connection: () => undefined,
        accepted: changed,
        refused: (_id, why) => (this.#refused = why),
      },
    });
    this.#client.start();
  }

  /**
   * Sends `text` and waits until its answer is complete. Rejects with AppError: `bad_input` when it is refused, `timeout`, `cancelled`
   * when `signal` aborts (the running turn is then told to stop).
   */
  async ask(text: string, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
    const { clock } = this.#options;
    const endAt = clock.now() + timeoutMs;
    await this.#until(() => this.#ready, endAt, signal);
    this.#entries = [];
    this.#noticed = false;
    this.#working = false;
    this.#client.say(text);
    try {
      await this.#until(() => this.#isComplete(), endAt, signal);
    } catch (error) {
      if (signal.aborted) await this.#stopTurn();
      throw error;
    }
    if (this.#refused !== undefined) throw new AppError('bad_input', this.#refused);
    return { entries: this.#entries, answered: this.#entries.some(isAnswer) };
  }

  /** See ChatClient.download. */
  download(file: ChatFile, target: string): Promise<void> {
    return this.#client.download(file, target);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #isComplete(): boolean {
    if (this.#refused !== undefined) return true;
    const quietMs = this.#options.clock.now() - this.#changedAt;
    if (this.#entries.some(isAnswer)) return quietMs >= QUIET_MS;
    return this.#noticed && quietMs >= (this.#working ? 2 * NOTICE_QUIET_MS : NOTICE_QUIET_MS);
  }

  #take(entry: ChatEntry): void {
    const id = lineId(entry);
    if (this.#known.has(id)) return;
    this.#known.add(id);
    if (!this.#ready || entry.direction === 'in' || entry.via !== undefined) return;
    this.#changedAt = this.#options.clock.now();
    if (entry.kind === 'notice') {
      this.#noticed = true;
      this.#options.onNotice(entry);
    } else this.#entries.push(entry);
  }

  async #stopTurn(): Promise<void> {
    this.#client.say('/stop');
    for (let waited = 0; waited < 1000 && this.#client.unsent > 0; waited += LOOK_MS)
      await this.#options.clock.sleep(LOOK_MS);
  }

  async #until(passes: () => boolean, endAt: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!passes()) {
      if (signal.aborted) throw new AppError('cancelled', 'Stopped.');
      if (clock.now() >= endAt)
        throw new AppError('timeout', 'No answer came in time. It goes on in the background: see `herald chat`.');
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }
}

function isAnswer(entry: ChatEntry): boolean {
  return entry.kind === 'answer' || entry.kind === 'command';
}
