// What went out lately: so that Note to Self, where the owner and we write from one account, does not answer itself, and so that a
// quote can show what it quotes.
import type { MessageId } from '../../../shared/ids.ts';

const MAX_SENT = 1_000;
const MAX_TEXTS = 500;
/** A quote shows a line or two. */
const MAX_TEXT_CHARS = 300;

/** Sends that are under way and timestamps of those that went out. */
export class OwnSends {
  readonly #sent = new Set<number>();
  readonly #underWay = new Set<Promise<void>>();

  /** Runs a send, whose timestamp counts as ours before anybody who waits in `settled` goes on. */
  async track(send: () => Promise<number>): Promise<number> {
    const done = Promise.withResolvers<void>();
    this.#underWay.add(done.promise);
    try {
      const timestamp = await send();
      this.#sent.add(timestamp);
      const [oldest] = this.#sent;
      if (this.#sent.size > MAX_SENT && oldest !== undefined) this.#sent.delete(oldest);
      return timestamp;
    } finally {
      this.#underWay.delete(done.promise);
      done.resolve();
    }
  }

  has(timestamp: number): boolean {
    return this.#sent.has(timestamp);
  }

  /** Resolves when the sends that are under way now have ended: an echo may come before the answer that tells its timestamp. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}

export class RecentTexts {
  readonly #texts = new Map<MessageId, string>();

  get(id: MessageId): string | undefined {
    return this.#texts.get(id);
  }

  set(id: MessageId, text: string): void {
    this.#texts.delete(id);
    if (text !== '') this.#texts.set(id, text.slice(0, MAX_TEXT_CHARS).toWellFormed());
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > MAX_TEXTS && oldest !== undefined) this.#texts.delete(oldest);
  }
}
