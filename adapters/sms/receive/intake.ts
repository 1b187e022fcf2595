// One message after the other, in the order in which they came, whether by webhook or from a list: each is stored before the next.
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { SmsSettings } from '../settings.ts';
import { readSms, type Sms } from './inbound.ts';

const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };
/** Messages of this run that need not be looked at again. */
const MAX_KNOWN = 2_000;

export interface IntakeDeps {
  host: AdapterHost;
  account: AccountId;
  settings: SmsSettings;
  clock: Clock;
  signal: AbortSignal;
}

export class Intake {
  readonly #deps: IntakeDeps;
  readonly #known = new Set<string>();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** Runs `work` after all that was given before it. Settles as `work` does. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(work, work);
    this.#tail = run.catch(() => undefined);
    return run;
  }

  isKnown(sid: string): boolean {
    return this.#known.has(sid);
  }

  /**
   * Within a turn: tries until the message is stored or known to be of no use. False when the adapter was stopped before. Never
   * rejects.
   */
  async take(sms: Sms): Promise<boolean> {
    const { host, clock, signal } = this.#deps;
    const result = readSms(sms, this.#deps);
    if (result.kind === 'ignored') host.log.debug({ reason: result.reason }, 'message ignored');
    for (let attempt = 1; result.kind === 'message' && !this.#known.has(sms.sid); attempt++) {
      if (signal.aborted) return false;
      try {
        await host.receive(result.message);
        break;
      } catch (error) {
        // The core's own error: its text is not ours to print.
        host.log.error(
          { error: error instanceof Error ? error.name : 'unknown', attempt },
          'message could not be stored; it is tried again',
        );
        await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => undefined);
      }
    }
    this.#remember(sms.sid);
    return true;
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    await this.#tail;
  }

  #remember(sid: string): void {
    this.#known.add(sid);
    const [oldest] = this.#known;
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}
