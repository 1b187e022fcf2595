// The life of the connection: serves the webhook if there is one, and looks into Twilio's list at the start and from time to time.
import type { AdapterHost } from '../contract.ts';
import { backoffMs } from '../../shared/backoff.ts';
import type { Clock } from '../../shared/clock.ts';
import type { AccountId } from '../../shared/ids.ts';
import type { Redactor } from '../../shared/redact.ts';
import { isSameUrl, listNumbers } from './account.ts';
import type { TwilioApi } from './api.ts';
import { AUTH_ADVICE, describe, explainFailure } from './errors.ts';
import { listMissed, takeListed, type CatchUpDeps } from './receive/catch-up.ts';
import { Intake } from './receive/intake.ts';
import { makeWebhookHandler } from './receive/webhook.ts';
import type { SmsSettings } from './settings.ts';

const POLL_MS = 10_000;
/** With a webhook the list is for what it missed. */
const LOOK_MS = 300_000;
const BACKOFF = { baseMs: 500, maxMs: 60_000 };
const AUTH_WAIT_MS = 5 * 60_000;

export interface KeeperDeps {
  api: TwilioApi;
  settings: SmsSettings;
  host: AdapterHost;
  account: AccountId;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
}

export class Keeper {
  readonly #deps: KeeperDeps;
  readonly #catchUp: CatchUpDeps;
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};
  /** What is not as it should be although messages come and go: with the webhook, with the carriers. */
  #lateness: string | undefined;
  #refusal: string | undefined;
  #isChecked = false;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
    this.#catchUp = { ...deps, intake: new Intake(deps) };
  }

  start(): void {
    const { settings, host } = this.#deps;
    const { public_url: url } = settings;
    // What was sent while we were down comes before what comes in now.
    const first = this.#catchUp.intake.inTurn(() => this.#lookInTurn());
    if (url !== undefined)
      host.serve(
        makeWebhookHandler({
          ...this.#catchUp,
          settings: { ...settings, public_url: url },
          onAlive: () => this.#called(),
          onUndelivered: (code) => this.#undelivered(code),
        }),
      );
    this.#running = this.#run(first);
  }

  /** Looks at once whether Twilio can be reached. */
  lookNow(): void {
    this.#wake();
  }

  /** Resolves when nothing of it runs any more. */
  async stopped(): Promise<void> {
    await this.#running;
    await this.#catchUp.intake.settled();
  }

  async #run(first: Promise<void>): Promise<void> {
    const { clock, signal, settings } = this.#deps;
    const everyMs = settings.poll_seconds === undefined ? undefined : settings.poll_seconds * 1_000;
    const pauseMs = everyMs ?? (settings.public_url === undefined ? POLL_MS : LOOK_MS);
    let look: Promise<void> | undefined = first;
    for (let failures = 0; !signal.aborted;) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      let waitMs = pauseMs;
      try {
        await (look ?? this.#look());
        failures = 0;
        await this.#checkWebhook();
        this.#online();
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        waitMs = this.#tellFailure(error, failures);
      }
      look = undefined;
      const pause = clock.sleep(waitMs, signal).catch(() => undefined);
      await (failures > 0 ? pause : Promise.race([pause, woken]));
    }
  }

  /** The list is asked for outside the turn, so that nobody who calls us waits for Twilio. */
  async #look(): Promise<void> {
    const listed = await listMissed(this.#catchUp);
    await this.#catchUp.intake.inTurn(() => takeListed(this.#catchUp, listed));
  }

  async #lookInTurn(): Promise<void> {
    await takeListed(this.#catchUp, await listMissed(this.#catchUp));
  }

  #online(): void {
    this.#deps.host.status('online', this.#lateness ?? this.#refusal);
  }

  /** Twilio has found us. */
  #called(): void {
    this.#lateness = undefined;
    this.#online();
  }

  /** Once: whether Twilio calls us where we listen. A Messaging Service keeps its address elsewhere. */
  async #checkWebhook(): Promise<void> {
    const { api, settings, host, redactor, signal } = this.#deps;
    const { from, public_url: url } = settings;
    if (this.#isChecked || from === undefined || url === undefined) return;
    try {
      const [number] = await listNumbers(api, signal, from);
      this.#isChecked = true;
      if (!number) this.#lateness = `The Twilio account has no number ${from}.`;
      else if (!isSameUrl(number.sms_url, url))
        this.#lateness = `Twilio does not call ${url} for messages to ${from}, so they come late. Set it in the Twilio console, or run the setup again.`;
      if (this.#lateness !== undefined) host.log.warn({}, this.#lateness);
    } catch (error) {
      host.log.debug({ problem: describe(error, redactor).message }, 'the number could not be looked up');
    }
  }

  /** Of the reasons why a message does not arrive, those that are about us and not about the person. */
  #undelivered(code: number | undefined): void {
    if (code === 30007)
      this.#refusal = 'Carriers filter our messages (Twilio error 30007): https://www.twilio.com/docs/api/errors/30007';
    if (code === 30034)
      this.#refusal = 'The number is not registered for A2P 10DLC, so US carriers refuse it (Twilio error 30034).';
    this.#online();
  }

  /** Reports the failure and tells how long to wait, in milliseconds. */
  #tellFailure(error: unknown, failures: number): number {
    const { host, redactor } = this.#deps;
    const failure = explainFailure(error, redactor);
    host.log.warn({ problem: failure.cause.message, failures }, 'Twilio could not be asked for messages');
    if (failure.code === 'auth') {
      host.status('needs-login', AUTH_ADVICE);
      return AUTH_WAIT_MS;
    }
    if (failure.code === 'rate_limited') return failure.retryAfterMs ?? BACKOFF.maxMs;
    // One dropped call is nothing to tell people about.
    if (failures > 1 || failure.reached === 'no')
      host.status('offline', 'Twilio cannot be reached; it is tried again by itself.');
    return backoffMs(failures, BACKOFF);
  }
}
