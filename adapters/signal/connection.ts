// The life of the connection: finds out what the server is, has the account linked if it is not, and receives, for ever.
import type { AdapterHost } from '../contract.ts';
import { backoffMs } from '../../shared/backoff.ts';
import type { Clock } from '../../shared/clock.ts';
import type { AccountId } from '../../shared/ids.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { SignalApi } from './api.ts';
import type { ServerMode } from './capabilities.ts';
import { AUTH_ADVICE, describe, explainFailure, isUnlinked } from './errors.ts';
import type { Health } from './health.ts';
import { linkAccount } from './link.ts';
import { LastConnected } from './receive/last-connected.ts';
import { pollMessages } from './receive/polling.ts';
import { makeReceiver, type Known, type Receiver } from './receive/receiver.ts';
import { listenOnce } from './receive/websocket.ts';
import { askServer, findOwnUuid, setTrust } from './server.ts';
import type { SignalSettings } from './settings.ts';

const BACKOFF = { baseMs: 500, maxMs: 60_000 };
/** What is said while no socket is open is lost, so the first attempt comes at once; the jitter is for a server with many clients. */
const RECONNECT = { baseMs: 250, maxMs: 250, jitter: 1 };
/** A connection that ends sooner was none. */
const SHORT_LIFE_MS = 5_000;
const LOGIN_WAIT_MS = 60_000;

/** How the server is spoken to. */
export interface ServerUse {
  mode: ServerMode | undefined;
  receives: 'websocket' | 'poll';
}

export interface ConnectionDeps {
  api: SignalApi;
  settings: SignalSettings;
  account: AccountId;
  host: AdapterHost;
  known: Known;
  health: Health;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
  onServer(use: ServerUse): void;
}

/** A setting that does not fit the server. */
class MismatchError extends Error {
  override readonly name = 'MismatchError';
}

/** Runs until `signal` is aborted. Never rejects. */
export async function keepConnected(deps: ConnectionDeps): Promise<void> {
  const { clock, health, signal } = deps;
  const receiver = makeReceiver({ ...deps, noteToSelfOnly: deps.settings.note_to_self_only });
  const lastConnected = new LastConnected(deps.host);
  let isLoaded = false;
  let failures = 0;
  let use: ServerUse | undefined;
  while (!signal.aborted) {
    try {
      if (!isLoaded) await lastConnected.load();
      isLoaded = true;
      use ??= await prepare(deps);
      const startedAt = clock.now();
      await receive(deps, use, { receiver, lastConnected });
      if (signal.aborted) return;
      health.problem('connecting');
      failures = clock.now() - startedAt < SHORT_LIFE_MS ? failures + 1 : 0;
      await pause(deps, failures > 1 ? backoffMs(failures, BACKOFF) : backoffMs(1, RECONNECT));
    } catch (error) {
      if (signal.aborted) return;
      use = undefined;
      failures++;
      await pause(deps, tellFailure(deps, error, failures));
    }
  }
}

async function receive(
  deps: ConnectionDeps,
  use: ServerUse,
  parts: { receiver: Receiver; lastConnected: LastConnected },
): Promise<void> {
  const { number } = deps.settings;
  const base = { ...deps, ...parts, number, onAlive: () => deps.health.online() };
  if (use.receives === 'websocket') return listenOnce(base);
  await parts.lastConnected.forget();
  return pollMessages({ ...base, pauseMs: deps.settings.poll_seconds * 1_000 });
}

/** Rejects when the server cannot be used yet. */
async function prepare(deps: ConnectionDeps): Promise<ServerUse> {
  const { api, settings, signal } = deps;
  const { mode, accounts } = await askServer(api, signal);
  const use: ServerUse = { mode, receives: chooseReceiving(settings, mode) };
  deps.onServer(use);
  if (!accounts.includes(settings.number)) await waitForLink(deps, accounts);
  await learnOwnUuid(deps);
  if (settings.trust !== undefined)
    await setTrust(api, settings.number, settings.trust, signal).catch((error: unknown) =>
      deps.host.log.warn({ problem: describe(error, deps.redactor).message }, 'the trust policy could not be set'),
    );
  return use;
}

/** A WebSocket is never tried in the other modes: the server would answer it with messages that nobody then has. */
function chooseReceiving({ receive: wish }: SignalSettings, mode: ServerMode | undefined): ServerUse['receives'] {
  const fits = mode === 'json-rpc' ? 'websocket' : mode === undefined ? undefined : 'poll';
  if (wish === 'auto') return fits ?? 'websocket';
  if (fits !== undefined && wish !== fits)
    throw new MismatchError(`The Signal server runs in ${mode} mode, which has no ${wish}. Set receive: auto.`);
  return wish;
}

async function waitForLink(deps: ConnectionDeps, accounts: readonly string[]): Promise<void> {
  const { settings, host, clock, signal } = deps;
  const others = accounts.length > 0 ? ` It has ${accounts.slice(0, 5).join(', ')}.` : '';
  deps.health.problem(
    'needs-login',
    `The Signal server does not have the account ${settings.number}.${others} Link it by scanning the code that is shown, or run the setup again.`,
  );
  await linkAccount(
    {
      api: deps.api,
      url: settings.url,
      clock,
      signal,
      show: (step) => host.login(step),
      onProblem: (error) =>
        host.log.warn({ problem: describe(error, deps.redactor).message }, 'the account could not be linked yet'),
    },
    (found) => found.includes(settings.number),
    { forever: true },
  );
}

/** Some mentions and quotes name us by uuid alone. The server knows it once it knows our identity key; otherwise envelopes tell it. */
async function learnOwnUuid({ api, settings, known, host, redactor, signal }: ConnectionDeps): Promise<void> {
  if (known.people.self.uuid !== undefined) return;
  try {
    const uuid = await findOwnUuid(api, settings.number, signal);
    if (uuid !== undefined) await known.people.learnSelf(uuid);
  } catch (error) {
    host.log.debug({ problem: describe(error, redactor).message }, 'our own uuid could not be asked for');
  }
}

/** Reports the failure and tells how long to wait, in milliseconds. */
function tellFailure(deps: ConnectionDeps, error: unknown, failures: number): number {
  const { health, host, redactor, settings } = deps;
  const failure = explainFailure(error, redactor);
  host.log.warn({ problem: failure.cause.message, failures }, 'the connection failed');
  if (error instanceof MismatchError) {
    health.problem('offline', error.message);
    return LOGIN_WAIT_MS;
  }
  if (isUnlinked(error)) {
    health.problem(
      'needs-login',
      `Signal does not let ${settings.number} in any more. Run the setup to link it again.`,
    );
    return LOGIN_WAIT_MS;
  }
  if (failure.code === 'auth') {
    health.problem('needs-login', AUTH_ADVICE);
    return LOGIN_WAIT_MS;
  }
  // One dropped call is nothing to tell people about.
  if (failures > 1 || failure.reached === 'no')
    health.problem('offline', `The Signal server at ${settings.url} cannot be reached; it is tried again by itself.`);
  else health.problem('connecting');
  return failure.retryAfterMs ?? backoffMs(failures, BACKOFF);
}

async function pause({ clock, signal }: ConnectionDeps, ms: number): Promise<void> {
  await clock.sleep(ms, signal).catch(() => undefined);
}
