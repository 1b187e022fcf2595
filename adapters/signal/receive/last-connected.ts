// The last moment at which messages were certainly heard, kept over restarts and kill -9: what begins there is a gap, since over
// WebSocket nobody sends again what was missed.
import type { AdapterHost } from '../../contract.ts';

const KEY = 'connected-at';
/** Written to disk this often at most; after kill -9 the gap is told up to this much too long, never too short. */
const WRITE_EVERY_MS = 60_000;

export class LastConnected {
  readonly #host: AdapterHost;
  #at: number | undefined;
  #writtenAt: number | undefined;

  constructor(host: AdapterHost) {
    this.#host = host;
  }

  async load(): Promise<void> {
    const at = Number((await this.#host.cursor.get(KEY)) ?? 'none');
    this.#at = Number.isSafeInteger(at) && at > 0 ? at : undefined;
  }

  /** Heard everything up to `now`, ms since the epoch. */
  async mark(now: number): Promise<void> {
    this.#at = now;
    if (this.#writtenAt !== undefined && now >= this.#writtenAt && now - this.#writtenAt < WRITE_EVERY_MS) return;
    await this.#write(now);
  }

  /** The same, at the end of a connection. */
  async close(now: number): Promise<void> {
    this.#at = now;
    await this.#write(now);
  }

  /** A connection stands: tells what was missed before it. */
  async open(now: number): Promise<void> {
    const since = this.#at;
    if (since !== undefined && since < now) await this.#host.gap({ reason: 'no-replay', since, until: now });
    await this.close(now);
  }

  /** Messages are kept for us from now on, so no time without a connection is a gap. */
  async forget(): Promise<void> {
    this.#at = undefined;
    await this.#host.cursor.update({ [KEY]: undefined }).catch(() => undefined);
  }

  /** A write that fails makes a gap look longer than it was. */
  async #write(at: number): Promise<void> {
    this.#writtenAt = at;
    await this.#host.cursor
      .set(KEY, String(at))
      .catch(() => this.#host.log.warn({}, 'the time of the connection could not be saved'));
  }
}
