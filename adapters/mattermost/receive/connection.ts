// Keeps us connected, for ever: asks who we are, listens, fetches what was missed, and begins again when the connection ends.
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { Redactor } from '../../../shared/redact.ts';
import { z } from 'zod';
import type { MattermostApi } from '../api.ts';
import { ApiError, describe, isRefusedLogin, REFUSED_LOGIN } from '../errors.ts';
import { askIdentity, type Identity } from '../identity.ts';
import type { MattermostSettings } from '../settings.ts';
import type { Directory } from './directory.ts';
import { openProgress, type Progress } from './progress.ts';
import { makeReceiver } from './receiver.ts';
import { makeSession, type Session } from './session.ts';
import { listenOnce } from './socket.ts';

const CONNECT_BACKOFF = { baseMs: 300, maxMs: 60_000 };
/** A connection that lasted for so long was a good one: the next one is tried at once. */
const HELD_MS = 10_000;
const AUTH_WAIT_MS = 5 * 60_000;

const teamsSchema = z.array(z.looseObject({ id: z.string(), name: z.string() }));

export interface ConnectionDeps {
  api: MattermostApi;
  host: AdapterHost;
  account: AccountId;
  settings: MattermostSettings;
  directory: Directory;
  redactor: Redactor;
  clock: Clock;
  /** Aborting it ends everything. */
  signal: AbortSignal;
  onIdentity(identity: Identity): void;
}

/** Resolves when the signal aborts. */
export async function keepConnected(deps: ConnectionDeps): Promise<void> {
  const { host, clock, signal } = deps;
  let progress: Progress | undefined;
  for (let attempt = 1; !signal.aborted; attempt++) {
    let waitMs = backoffMs(attempt, CONNECT_BACKOFF);
    try {
      const identity = await askIdentity(deps.api, signal);
      deps.onIdentity(identity);
      const offset = (identity.serverTime ?? clock.now()) - clock.now();
      progress ??= await openProgress(host.cursor, clock.now() + offset);
      const startedAt = clock.now();
      await runSession(deps, { identity, progress, offset });
      if (signal.aborted) return;
      if (clock.now() - startedAt >= HELD_MS) {
        attempt = 0;
        waitMs = 0;
      }
      host.status('connecting', 'The connection to Mattermost ended; it is made again.');
    } catch (error) {
      if (signal.aborted) return;
      waitMs = Math.max(waitMs, tellFailure(deps, error));
    }
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** Gives the least time to wait. */
function tellFailure({ host, redactor }: ConnectionDeps, error: unknown): number {
  if (isRefusedLogin(error)) {
    host.status('needs-login', REFUSED_LOGIN);
    return AUTH_WAIT_MS;
  }
  host.status('offline', 'The Mattermost server cannot be reached; it is tried again by itself.');
  host.log.warn({ problem: describe(error, redactor).message }, 'no connection to Mattermost');
  return error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
}

interface Known {
  identity: Identity;
  progress: Progress;
  /** What the server's clock is ahead of ours, in milliseconds. */
  offset: number;
}

async function runSession(deps: ConnectionDeps, known: Known): Promise<void> {
  const { host, clock, api, settings } = deps;
  const teams = await findTeams(deps);
  const controller = new AbortController();
  const end = () => controller.abort();
  deps.signal.addEventListener('abort', end, { once: true });
  const { signal } = controller;
  const bot = known.identity;
  const base = { host, directory: deps.directory, redactor: deps.redactor, clock, signal };
  const receiver = makeReceiver({ ...base, account: deps.account, bot, settings });
  const { progress, offset } = known;
  const serverNow = () => clock.now() + offset;
  const session: Session = makeSession({ ...base, api, progress, receiver, teams, serverNow, onOverflow: end });
  let looking: Promise<void> = Promise.resolve();
  try {
    await listenOnce({
      url: api.socketUrl,
      token: settings.token,
      clock,
      signal,
      onHello() {
        host.status('online');
        looking = session.catchUp();
      },
      onEvent: (frame) => session.takeEvent(frame),
      onAlive(heardUntil) {
        host.status('online');
        void session.noteAlive(heardUntil + offset);
      },
    });
  } finally {
    deps.signal.removeEventListener('abort', end);
    end();
    await looking;
    await session.settle();
  }
}

/** Ids of the teams in the settings; undefined: all. */
async function findTeams({ api, settings, host, signal }: ConnectionDeps): Promise<ReadonlySet<string> | undefined> {
  if (!settings.teams) return undefined;
  const teams = teamsSchema.parse((await api.call({ path: '/users/me/teams', signal })).body);
  const wanted = new Set(settings.teams);
  const found = teams.filter(({ name }) => wanted.has(name.toLowerCase()));
  for (const { name } of found) wanted.delete(name.toLowerCase());
  if (wanted.size > 0) host.log.warn({ teams: [...wanted] }, 'the bot is not in these teams of the settings');
  return new Set(found.map(({ id }) => id));
}
