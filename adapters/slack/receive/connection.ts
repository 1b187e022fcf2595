// Keeps a Socket Mode connection for ever: the next one is opened before the last one ends, and again with growing waits when that fails.
import type { AdapterHost } from '../../contract.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import { describe, explainFailure } from '../errors.ts';
import { openSocket, type Socket, type SocketDeps } from './socket.ts';

/** A connection that ends sooner than this counts as one that failed. */
const STABLE_MS = 5_000;
const BACKOFF = { baseMs: 250, maxMs: 60_000 };
const AUTH_WAIT_MS = 5 * 60_000;
/** Slack allows ten connections of one app. */
const CROWDED_WAIT_MS = 30_000;
/** How long the last connection may still acknowledge what came over it. */
const HANDOVER_MS = 3_000;
const ALIVE_EVERY_MS = 60_000;

const REFUSED_APP_TOKEN =
  'Slack refuses the app-level token. Make a new one with the scope connections:write ("Basic Information") and set SLACK_APP_TOKEN.';

export interface ConnectionDeps extends Omit<SocketDeps, 'onHello' | 'log'> {
  host: AdapterHost;
  signal: AbortSignal;
  /** A connection stands: what was said before it must be looked for. */
  onConnected(): void;
  /** Called every minute while it stands. */
  onAlive(): void;
}

/** Resolves when `signal` is aborted. Never rejects. */
export async function keepConnected(deps: ConnectionDeps): Promise<void> {
  const { host, clock, signal } = deps;
  let failures = 0;
  let last: Socket | undefined;
  while (!signal.aborted) {
    const openedAt = clock.now();
    try {
      const socket = await connect(deps, last !== undefined);
      retire(deps, last);
      last = socket;
      const reason = await untilLeaving(deps, socket);
      if (signal.aborted) break;
      host.log.debug({ reason }, 'connection ends');
      if (reason === 'closed') last = undefined;
      if (reason === 'too_many_websockets') await pause(deps, CROWDED_WAIT_MS);
      if (reason === 'link_disabled') {
        host.status('offline', 'Socket Mode is turned off in the settings of the Slack app. Turn it on again.');
        await pause(deps, AUTH_WAIT_MS);
      }
      failures = clock.now() - openedAt < STABLE_MS ? failures + 1 : 0;
      if (failures > 1) await pause(deps, backoffMs(failures - 1, BACKOFF));
    } catch (error) {
      if (signal.aborted) break;
      failures++;
      last?.close();
      last = undefined;
      await pause(deps, tellFailure(deps, error, failures));
    }
  }
  last?.close();
}

async function connect(deps: ConnectionDeps, isHandover: boolean): Promise<Socket> {
  const { host } = deps;
  if (!isHandover) host.status('connecting');
  return openSocket(
    {
      ...deps,
      log: host.log,
      onHello({ connections }) {
        // Our own last one may still be counted.
        if (connections > (isHandover ? 2 : 1))
          host.log.warn(
            { connections },
            'other programs use the same app token: Slack gives each of them a part of the messages',
          );
        host.status('online');
        deps.onConnected();
      },
    },
    deps.signal,
  );
}

async function untilLeaving(deps: ConnectionDeps, socket: Socket): Promise<string> {
  return withDeadline({ clock: deps.clock, parent: deps.signal }, async (signal, stop) => {
    const watch = async () => {
      while (!signal.aborted) {
        await deps.clock.sleep(ALIVE_EVERY_MS, signal);
        deps.host.status('online');
        deps.onAlive();
      }
      return 'stopped';
    };
    return Promise.race([socket.leaving, watch().catch(() => 'stopped')]).finally(stop);
  });
}

/** Lets the last connection finish what it has, now that the next one stands. */
function retire(deps: ConnectionDeps, socket: Socket | undefined): void {
  if (!socket) return;
  void deps.clock
    .sleep(HANDOVER_MS, deps.signal)
    .catch(() => undefined)
    .then(() => socket.close());
}

/** Reports the failure and tells how long to wait, in milliseconds. */
function tellFailure({ host, redactor }: ConnectionDeps, error: unknown, failures: number): number {
  const failure = explainFailure(error, redactor);
  host.log.warn({ problem: describe(error, redactor).message, failures }, 'no connection');
  if (failure.code === 'auth') {
    host.status('needs-login', REFUSED_APP_TOKEN);
    return AUTH_WAIT_MS;
  }
  if (failure.code === 'forbidden') {
    host.status('needs-login', `${failure.cause.message}.`);
    return AUTH_WAIT_MS;
  }
  host.status('offline', 'Slack cannot be reached; it is tried again by itself.');
  return failure.code === 'rate_limited' ? (failure.retryAfterMs ?? 1_000) : backoffMs(failures, BACKOFF);
}

async function pause(deps: ConnectionDeps, ms: number): Promise<void> {
  await deps.clock.sleep(ms, deps.signal).catch(() => undefined);
}
