// Keeps a connection to the gateway for ever: resumes what can be resumed, begins anew where not, and never hurries.
import { z } from 'zod';
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { DiscordApi } from '../api.ts';
import { CallError, NEW_TOKEN } from '../errors.ts';
import { DEFAULT_API_ROOT, type DiscordSettings } from '../settings.ts';
import { runConnection, type ConnectionEnd, type Session } from './gateway.ts';
import type { Receiver } from './receiver.ts';
import { readySchema } from './schema.ts';
import { judgeEnd, LOGIN_WAIT_MS, type Trouble } from './verdict.ts';

const BACKOFF = { baseMs: 400, maxMs: 60_000 };
/** A connection that stood for so long was a good one; what ends sooner is counted, so that a bad one is not made again and again. */
const STABLE_MS = 60_000;
/** "max_concurrency: number of identify requests allowed per 5 seconds", which is 1 for all but the largest bots. */
const IDENTIFY_EVERY_MS = 5_000;
/** A session that could not be resumed for so many times is given up. */
const MAX_RESUMES = 3;
const AWAY = 'Discord cannot be reached; it is tried again by itself.';

export interface ConnectionDeps {
  api: DiscordApi;
  host: AdapterHost;
  receiver: Receiver;
  settings: DiscordSettings;
  clock: Clock;
  random: () => number;
  signal: AbortSignal;
  /** Called with each new session. */
  onSession(application: string): void;
}

export interface GatewayInfo {
  url: string;
  /** Sessions that may still be begun, and when there are more, in ms from now. */
  remaining: number;
  resetAfterMs: number;
}

const gatewaySchema = z.looseObject({
  url: z.string(),
  session_start_limit: z.looseObject({ remaining: z.number(), reset_after: z.number() }),
});

/** Where the gateway is, and whether we may begin a session. Rejects with CallError. */
export async function askGateway(
  { api, settings }: Pick<ConnectionDeps, 'api' | 'settings'>,
  signal: AbortSignal,
): Promise<GatewayInfo> {
  const answer = gatewaySchema.safeParse(await api.run({ method: 'GET', route: '/gateway/bot', signal }));
  const url = answer.success ? safeUrl(answer.data.url, settings) : undefined;
  if (!answer.success || url === undefined)
    throw new CallError('the address of the gateway cannot be read', {
      code: 'unreachable',
      reached: 'no',
      retryAfterMs: undefined,
      apiCode: undefined,
    });
  const { remaining, reset_after: resetAfterMs } = answer.data.session_start_limit;
  return { url, remaining, resetAfterMs };
}

/** The token goes to this address: of Discord's own only, unless the API itself is another one. */
function safeUrl(raw: string, settings: DiscordSettings): string | undefined {
  if (settings.gateway_url !== undefined) return settings.gateway_url;
  const url = URL.parse(raw);
  const isOwn = url?.protocol === 'wss:' && /(?:^|\.)discord\.gg$/.test(url.hostname);
  const isOther = settings.api_root !== DEFAULT_API_ROOT && /^wss?:$/.test(url?.protocol ?? '');
  return isOwn || isOther ? raw.replace(/\/+$/, '') : undefined;
}

/** Connects until `signal` is aborted, over any failure. `first`: what is known already. Never rejects. */
export async function keepConnected(deps: ConnectionDeps, first: GatewayInfo | undefined): Promise<void> {
  const { host, clock, random, signal } = deps;
  let info = first;
  let session: Session | undefined;
  let failures = 0;
  let failedResumes = 0;
  let identifiedAtMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    try {
      if (!session) {
        info ??= await askGateway(deps, signal);
        await expectSessions(info);
        await pause(deps, identifiedAtMs + IDENTIFY_EVERY_MS - clock.now());
        identifiedAtMs = clock.now();
      }
      const isResume = session !== undefined;
      const end = await connectOnce(deps, session, info?.url ?? '');
      info = undefined;
      if (signal.aborted) return;
      const isStable = end.readyAtMs !== undefined && clock.now() - end.readyAtMs >= STABLE_MS;
      failures = isStable ? 1 : failures + 1;
      failedResumes = isResume && end.readyAtMs === undefined ? failedResumes + 1 : 0;
      const { mayResume, trouble } = judgeEnd(end);
      session = mayResume && failedResumes < MAX_RESUMES ? end.session : undefined;
      host.log.warn(
        { code: end.code, reason: end.reason, failures, resume: session !== undefined },
        'connection ended',
      );
      if (trouble) host.status(trouble.state, trouble.detail);
      else tellEnd(deps, end, failures);
      await pause(deps, trouble?.waitMs ?? backoffMs(failures, BACKOFF, random));
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      info = undefined;
      const trouble = readTrouble(error, backoffMs(failures, BACKOFF, random));
      host.log.warn({ problem: error instanceof Error ? error.message : 'unknown', failures }, 'gateway not found');
      host.status(trouble.state, trouble.detail);
      await pause(deps, trouble.waitMs);
    }
  }
}

/** One short break is nothing to worry people with. */
function tellEnd({ host }: ConnectionDeps, end: ConnectionEnd, failures: number): void {
  if (failures < 2) host.status('connecting');
  else if (end.readyAtMs === undefined) host.status('offline', AWAY);
  else if (failures > 3)
    host.status(
      'offline',
      `Discord closes the connection again and again (${end.reason}). It is tried again by itself.`,
    );
  else host.status('connecting');
}

/** Thrown when no session may be begun for now. */
class NoSessionsError extends Error {
  override readonly name = 'NoSessionsError';
  readonly waitMs: number;

  constructor(waitMs: number) {
    super('no session may be begun for now');
    this.waitMs = waitMs;
  }
}

async function expectSessions({ remaining, resetAfterMs }: GatewayInfo): Promise<void> {
  if (remaining < 1) throw new NoSessionsError(Math.max(1_000, resetAfterMs));
}

function readTrouble(error: unknown, pauseMs: number): Trouble {
  if (error instanceof NoSessionsError) {
    const detail = 'The bot has connected too often today. Discord lets it connect again in some hours.';
    return { state: 'offline', detail, waitMs: error.waitMs };
  }
  const failure = error instanceof CallError ? error : undefined;
  if (failure?.code === 'auth') return { state: 'needs-login', detail: NEW_TOKEN, waitMs: LOGIN_WAIT_MS };
  return { state: 'offline', detail: AWAY, waitMs: failure?.retryAfterMs ?? pauseMs };
}

async function connectOnce(deps: ConnectionDeps, session: Session | undefined, url: string): Promise<ConnectionEnd> {
  const { host, receiver, settings, clock, random, signal } = deps;
  const address = session?.resumeUrl ?? url;
  return runConnection(
    { url: address, token: settings.token, session, clock, random, signal },
    {
      ready(data) {
        const ready = readySchema.safeParse(data);
        if (!ready.success) return undefined;
        receiver.begin();
        host.status('online');
        deps.onSession(ready.data.application.id);
        return safeUrl(ready.data.resume_gateway_url, settings) ?? url;
      },
      resumed: () => host.status('online'),
      dispatch: (type, data) => receiver.take(type, data),
      beat() {
        host.status('online');
        receiver.beat();
      },
    },
  );
}

async function pause({ clock, signal }: ConnectionDeps, ms: number): Promise<void> {
  if (ms > 0) await clock.sleep(ms, signal).catch(() => undefined);
}
