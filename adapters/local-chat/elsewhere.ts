// Shows what a person says and is told in their other chats, for as long as somebody looks at this one.
import type { ChatId } from '../../shared/ids.ts';
import type { AdapterHost, TimelineEntry } from '../contract.ts';
import type { EventStreams } from './event-streams.ts';
import type { ChatEntry } from './protocol.ts';

/** How far back new lines are looked for. */
const LOOK_BACK = 50;
/** A key that was forgotten is shown again, in the place that it has already. */
const MAX_SHOWN = 20_000;

export class Elsewhere {
  readonly #host: AdapterHost;
  readonly #streams: EventStreams;
  readonly #toEntry: (chat: ChatId, entry: TimelineEntry) => ChatEntry;
  /** How to stop following, per chat. */
  readonly #followed = new Map<ChatId, () => void>();
  /** Lines that were shown, oldest first. */
  readonly #shown = new Set<string>();

  constructor(host: AdapterHost, streams: EventStreams, toEntry: (chat: ChatId, entry: TimelineEntry) => ChatEntry) {
    this.#host = host;
    this.#streams = streams;
    this.#toEntry = toEntry;
  }

  /** Idempotent. Ends by itself when nobody looks any more. */
  follow(chat: ChatId): void {
    if (this.#followed.has(chat) || !this.#streams.follows(chat)) return;
    let looking = Promise.resolve();
    const unfollow = this.#host.follow(chat, () => {
      if (this.#streams.follows(chat)) looking = looking.then(() => this.#show(chat));
      else {
        unfollow();
        this.#followed.delete(chat);
      }
    });
    this.#followed.set(chat, unfollow);
  }

  /** The line went out another way. */
  wasShown(chat: ChatId, entry: TimelineEntry): void {
    if (entry.via === undefined) return;
    this.#shown.add(`${chat} ${entry.key}`);
    if (this.#shown.size > MAX_SHOWN) this.#shown.delete(this.#shown.values().next().value ?? '');
  }

  close(): void {
    for (const unfollow of this.#followed.values()) unfollow();
    this.#followed.clear();
  }

  async #show(chat: ChatId): Promise<void> {
    const recent = await this.#host.timeline(chat, { limit: LOOK_BACK }).catch(() => []);
    for (const entry of recent) {
      if (entry.via === undefined || this.#shown.has(`${chat} ${entry.key}`)) continue;
      this.wasShown(chat, entry);
      this.#streams.entry(chat, this.#toEntry(chat, entry), false);
    }
  }
}
