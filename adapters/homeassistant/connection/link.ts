// Keeps one connection to Home Assistant, for ever. The client library keeps track of commands and subscriptions; connecting again is
// ours, since the library gives up after a refused token and would let a failed subscription end the process.
import { Connection } from 'home-assistant-js-websocket';
import type { z } from 'zod';
import { backoffMs } from '../../../shared/backoff.ts';
import { abortReason, systemClock, type Clock } from '../../../shared/clock.ts';
import { untilAborted, withDeadline } from '../../../shared/deadline.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { AdapterState } from '../../contract.ts';
import { NotCalledError } from '../../transport/failures.ts';
import { CommandError, describe, NoAnswerError } from '../errors.ts';
import { anything, failureSchema } from './answers.ts';
import { openSocket, TokenRefusedError, type HomeSocket } from './socket.ts';

const BACKOFF = { baseMs: 500, maxMs: 30_000 };
/** Home Assistant can ban an address after a few wrong logins (`login_attempts_threshold`), so a refused token is tried rarely. */
const REFUSED_BACKOFF = { baseMs: 5 * 60_000, maxMs: 60 * 60_000 };
/** A connection that died without a word is noticed after this and the time of one answer. */
const PING_EVERY_MS = 30_000;
const PING_TIMEOUT_MS = 10_000;
/** A service that takes longer may go on; its end is not waited for. */
const COMMAND_TIMEOUT_MS = 30_000;
/** How long the closing handshake is waited for. */
const CLOSE_WAIT_MS = 1_000;

export interface Command {
  type: string;
  [key: string]: unknown;
}

/** One connection that stands. */
export interface Session {
  /** Rejects with CommandError, NotCalledError, NoAnswerError or the signal's reason; with ZodError when the answer is not as it should be. */
  call<T>(command: Command, answer: z.ZodType<T>, signal?: AbortSignal): Promise<T>;
  /** Resolves when it is subscribed. `onEvent` must not throw. Rejects as `call`. */
  subscribe(command: Command, onEvent: (event: unknown) => void): Promise<void>;
}

export interface LinkDeps {
  url: string;
  token: string;
  clock: Clock;
  log: Logger;
  redactor: Redactor;
  signal: AbortSignal;
  status(state: AdapterState, detail?: string): void;
  /** Runs at the beginning of each connection, before it counts as online; tells what is amiss, for people. A rejection ends the connection. */
  onSession(session: Session): Promise<string | undefined>;
  /** Runs at each sign of life and, as the `last`, at the end of a connection. A rejection of the former ends the connection. */
  onAlive(isLast: boolean): Promise<void>;
}

export interface Link {
  /** Rejects with NotCalledError while there is no connection; else as Session's. */
  call<T>(command: Command, answer: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  /** Connects and connects again until the signal is aborted. Never rejects. */
  run(): Promise<void>;
  /** Resolves when the first attempt has ended, well or not. */
  begun: Promise<void>;
}

export function makeLink(deps: LinkDeps): Link {
  const { clock, signal } = deps;
  const begun = Promise.withResolvers<void>();
  let current: Session | undefined;

  function serve(socket: HomeSocket): Promise<void> {
    return withDeadline({ clock, parent: signal }, async (over, end) => {
      const closed = Promise.withResolvers<void>();
      const connection = new Connection(socket, { setupRetry: 0, createSocket: neverAgain });
      const onClose = () => {
        closed.resolve();
        end(new NoAnswerError('The connection to Home Assistant broke.'));
      };
      // Also after a close of the other side: the library would connect by itself.
      over.addEventListener('abort', () => connection.close(), { once: true });
      socket.addEventListener('close', onClose);
      if (socket.readyState !== WebSocket.OPEN) onClose();
      const session = makeSession(connection, over);
      try {
        const detail = await deps.onSession(session);
        current = session;
        deps.status('online', detail);
        begun.resolve();
        await keepAlive(session, over, detail);
      } finally {
        current = undefined;
        connection.close();
        await atMost(CLOSE_WAIT_MS, closed.promise);
        await deps.onAlive(true).catch(() => undefined);
      }
    });
  }

  /** Returns when the connection is `over`. */
  async function keepAlive(session: Session, over: AbortSignal, detail: string | undefined): Promise<void> {
    while (!over.aborted) {
      await deps.onAlive(false);
      await clock.sleep(PING_EVERY_MS, over).catch(() => undefined);
      if (over.aborted) return;
      await ping(session).catch((error: unknown) => {
        if (!over.aborted) throw error;
      });
      if (!over.aborted) deps.status('online', detail);
    }
  }

  async function ping(session: Session): Promise<void> {
    await withDeadline({ clock, timeoutMs: PING_TIMEOUT_MS }, (until) =>
      session.call({ type: 'ping' }, anything, until),
    );
  }

  async function connectOnce(): Promise<void> {
    const socket = await openSocket(deps, signal);
    await serve(socket);
  }

  return {
    begun: begun.promise,
    call(command, answer, callSignal) {
      if (!current) return Promise.reject(new NotCalledError('Home Assistant is not connected.'));
      return current.call(command, answer, callSignal);
    },
    async run() {
      let failures = 0;
      let refusals = 0;
      deps.status('connecting');
      while (!signal.aborted) {
        const startedAt = clock.now();
        const error = await connectOnce().then(
          () => undefined,
          (reason: unknown) => reason ?? new Error('unknown failure'),
        );
        if (signal.aborted) break;
        const wasLong = clock.now() - startedAt > PING_EVERY_MS;
        failures = error === undefined || wasLong ? 0 : failures + 1;
        if (error === undefined) deps.status('connecting');
        else tell(deps, error, failures);
        begun.resolve();
        const isRefused = error instanceof TokenRefusedError;
        refusals = isRefused ? refusals + 1 : 0;
        const waitMs = isRefused ? backoffMs(refusals, REFUSED_BACKOFF) : backoffMs(failures + 1, BACKOFF);
        await clock.sleep(waitMs, signal).catch(() => undefined);
      }
      begun.resolve();
    },
  };
}

function tell({ log, redactor, status }: LinkDeps, error: unknown, failures: number): void {
  const problem = describe(error, redactor).message;
  log.warn({ problem, failures }, 'no connection to Home Assistant');
  if (error instanceof TokenRefusedError)
    status(
      'needs-login',
      'Home Assistant refuses the token. Make a new long-lived access token on your profile page there (Security), and set HASS_TOKEN.',
    );
  else status('offline', 'Home Assistant cannot be reached; it is tried again by itself.');
}

/** `over`: the connection has ended, or must. */
function makeSession(connection: Connection, over: AbortSignal): Session {
  /** The library leaves subscriptions in flight without an answer when the connection breaks; so `over` has a part in all of it. */
  async function settle<T>(answer: Promise<T>, signal?: AbortSignal): Promise<T> {
    const parent = signal ? [over, signal] : over;
    try {
      return await withDeadline({ clock: systemClock, timeoutMs: COMMAND_TIMEOUT_MS, parent }, (until) =>
        Promise.race([answer, untilAborted(until).then((): never => giveUp(until))]),
      );
    } catch (error) {
      throw translate(error);
    }
  }

  const expectOpen = (signal?: AbortSignal) => {
    if (!connection.connected) throw new NotCalledError('Home Assistant is not connected.');
    if (signal?.aborted || over.aborted) throw new NotCalledError('It was stopped before it began.');
  };

  return {
    async call(command, answer, signal) {
      expectOpen(signal);
      return answer.parse(await settle(connection.sendMessagePromise<unknown>(command), signal));
    },
    async subscribe(command, onEvent) {
      expectOpen();
      await settle(connection.subscribeMessage<unknown>(onEvent, command, { resubscribe: false }));
    },
  };
}

/** What the library rejects with: its number 3 before sending, a result with that number when the connection broke, or Home Assistant's error. */
function translate(error: unknown): Error {
  if (error === 3) return new NotCalledError('Home Assistant is not connected.');
  if (error instanceof Error) return error;
  const parsed = failureSchema.safeParse(error);
  if (parsed.success) return new CommandError(parsed.data.code, parsed.data.message ?? 'no reason given');
  return new NoAnswerError('The connection to Home Assistant broke.');
}

function giveUp(signal: AbortSignal): never {
  const reason = abortReason(signal);
  throw reason.name === 'TimeoutError' ? new NoAnswerError('Home Assistant did not answer in time.') : reason;
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}

function neverAgain(): Promise<HomeSocket> {
  return Promise.reject(new Error('connecting again is not left to the library'));
}
