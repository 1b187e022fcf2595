// Keeps one connection to the server, for ever.
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { AdapterState } from '../../contract.ts';
import { describe, RegistrationError } from '../errors.ts';
import type { IrcSettings } from '../settings.ts';
import { openSession, type Session } from './session.ts';

/** Servers throttle who comes back too fast, so failures are paid with ever longer waits. */
const BACKOFF = { baseMs: 1_000, maxMs: 5 * 60_000 };
/** A connection that lasts longer than this was no failure. */
const STEADY_MS = 60_000;
/** A wrong password tried again and again locks the account on some networks. */
const REFUSED_WAIT_MS = 10 * 60_000;

export interface LinkDeps {
  settings: IrcSettings;
  clock: Clock;
  log: Logger;
  redactor: Redactor;
  signal: AbortSignal;
  status(state: AdapterState, detail?: string): void;
  /** Listens on a connection that is being made. */
  prepare(session: Session): void;
  /** Runs at the beginning of each connection, before it counts as online; tells what is amiss, for people. A rejection ends the connection. */
  onSession(session: Session): Promise<string | undefined>;
  /** Runs when the connection has ended. */
  onEnd(): Promise<void>;
}

export interface Link {
  /** Undefined while there is no connection that is ready. */
  current(): Session | undefined;
  /** Connects and connects again until the signal is aborted. Never rejects. */
  run(): Promise<void>;
  /** Resolves when the first attempt has ended, well or not. */
  begun: Promise<void>;
}

export function makeLink(deps: LinkDeps): Link {
  const { clock, signal } = deps;
  const begun = Promise.withResolvers<void>();
  let current: Session | undefined;

  async function serveOnce(): Promise<void> {
    const session = await openSession({ settings: deps.settings, clock, signal, prepare: deps.prepare });
    const quit = () => void session.quit();
    signal.addEventListener('abort', quit, { once: true });
    try {
      const detail = await deps.onSession(session);
      current = session;
      deps.status('online', detail);
      begun.resolve();
      session.on('pong', () => {
        if (current === session) deps.status('online', detail);
      });
      await session.closed;
    } finally {
      current = undefined;
      signal.removeEventListener('abort', quit);
      await session.quit();
      await deps.onEnd().catch(() => undefined);
    }
  }

  return {
    begun: begun.promise,
    current: () => current,
    async run() {
      let failures = 0;
      deps.status('connecting');
      while (!signal.aborted) {
        const startedAt = clock.now();
        const error = await serveOnce().then(
          () => undefined,
          (reason: unknown) => reason ?? new Error('unknown failure'),
        );
        if (signal.aborted) break;
        // Who is let in and thrown out at once must not come back at once for ever.
        failures = error === undefined && clock.now() - startedAt > STEADY_MS ? 0 : failures + 1;
        if (error === undefined) deps.status('connecting');
        else tell(deps, error, failures);
        begun.resolve();
        const isRefused = error instanceof RegistrationError && error.kind === 'login';
        const waitMs = isRefused ? REFUSED_WAIT_MS : backoffMs(Math.max(1, failures), BACKOFF);
        await clock.sleep(waitMs, signal).catch(() => undefined);
      }
      begun.resolve();
    },
  };
}

function tell({ log, redactor, status }: LinkDeps, error: unknown, failures: number): void {
  const problem = describe(error, redactor).message;
  log.warn({ problem, failures }, 'no connection to the IRC server');
  const isRefusal = error instanceof RegistrationError;
  if (isRefusal && error.kind === 'login') status('needs-login', `${problem} Check account, IRC_PASSWORD and auth.`);
  else if (isRefusal) status('offline', `${problem.slice(0, 200)} It is tried again by itself.`);
  else status('offline', 'The IRC server cannot be reached; it is tried again by itself.');
}
