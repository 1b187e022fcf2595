// Supervision of platform accounts: started in parallel with a deadline, started again for ever, health from real traffic.
import type {
  Adapter,
  AdapterHost,
  AdapterState,
  ExchangeLines,
  ExchangeOf,
  Gap,
  HttpHandler,
  PlatformTool,
  TimelineEntry,
} from '../adapters/contract.ts';
import type { LoginStep, SetupPort } from '../adapters/login.ts';
import type { PanelPort } from '../adapters/panels/port.ts';
import { everyKind, TEXT_ONLY, type Capabilities } from '../adapters/capabilities.ts';
import type { ProcessDb } from '../data/db.ts';
import { getCursor, listCursors, setCursor, updateCursors } from '../data/process/cursors.ts';
import type { AccountId, ChatId, UserId } from '../shared/ids.ts';
import type { Clock } from '../shared/clock.ts';
import { abortable } from '../shared/deadline.ts';
import { asAppError } from '../shared/errors.ts';
import { backoffMs } from '../shared/backoff.ts';
import type { Logger } from '../shared/log.ts';
import type { Address, StoredFile } from '../shared/messages.ts';
import type { AdapterHealth } from './actions.ts';
import type { MountOptions } from './http/server.ts';
import type { Receive } from './ingress.ts';
import type { PanelAt } from './panels/open.ts';

/** Hard limit on one start of an adapter; a platform that hangs delays nobody else. */
const START_DEADLINE_MS = 30_000;
/** How long the gateway waits for its platforms before it takes messages: they go on starting meanwhile. */
const START_WAIT_MS = 5_000;
/** A platform that does not let go does not hold up the end of the process longer than this. */
const STOP_WAIT_MS = 5_000;
const RESTART_BACKOFF = { baseMs: 2_000, maxMs: 5 * 60_000 };

export interface PlatformAccount {
  platform: string;
  account: AccountId;
  title: string;
  /** Makes the adapter; loads its SDK. */
  load(): Promise<Adapter>;
}

export interface PlatformPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  random: () => number;
  receive: Receive;
  /** Chats of this account can be served (again). */
  onOnline(platform: string, account: AccountId): void;
  mount(platform: string, account: AccountId, handler: HttpHandler, options: MountOptions): void;
  timeline(
    platform: string,
    account: AccountId,
    chat: ChatId,
    page: { limit: number; before?: string | undefined },
  ): Promise<readonly TimelineEntry[]>;
  exchange(at: { platform: string; account: AccountId; chat: ChatId }, of: ExchangeOf): Promise<ExchangeLines>;
  follow(changed: () => void): () => void;
  transcribe: AdapterHost['transcribe'];
  isPaired(platform: string, account: AccountId, user: UserId): Promise<boolean>;
  setup(platform: string, account: AccountId, user: UserId): Promise<SetupPort | undefined>;
  panel(at: PanelAt): Promise<PanelPort | undefined>;
  storeUpload(name: string, mime: string, body: ReadableStream<Uint8Array>): Promise<StoredFile>;
  backfill: AdapterHost['backfill'];
  tellGap(platform: string, account: AccountId, gap: Gap): Promise<void>;
  commands: readonly { name: string; description: string }[];
}

interface Running {
  account: PlatformAccount;
  adapter: Adapter | undefined;
  /** Of this start of it: aborted when it is given up or Herald stops. */
  life: AbortController;
  state: AdapterState;
  detail: string | undefined;
  login: LoginStep | undefined;
  lastAliveAt: number | undefined;
  restarts: number;
  begun: PromiseWithResolvers<void>;
}

export interface Platforms {
  /** Begins to start all accounts; resolves when each serves, says that it connects, or has failed, at the latest after 5 s. */
  start(accounts: readonly PlatformAccount[]): Promise<void>;
  /** The adapter that serves an address; undefined while it is not loaded or not configured. */
  find(at: Address): Adapter | undefined;
  /** Capabilities at an address; those of a plain text channel while the adapter is not there. */
  capabilities(at: Address): Capabilities;
  health(): readonly AdapterHealth[];
  /** Tools of all accounts that run. */
  tools(): readonly PlatformTool[];
  stop(): Promise<void>;
}

export function openPlatforms(ports: PlatformPorts): Platforms {
  const running = new Map<string, Running>();
  const stopping = new AbortController();
  const loops: Promise<void>[] = [];
  const keyOf = (platform: string, account: string) => `${platform}\u001f${account}`;

  async function superviseOne(entry: Running): Promise<void> {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      const failure = await startOne(entry);
      if (failure === undefined) return;
      entry.state = failure.retryable ? 'offline' : 'needs-login';
      entry.detail = failure.publicMessage;
      entry.restarts++;
      ports.log.warn({ platform: entry.account.platform, code: failure.code, attempt }, 'platform did not start');
      await ports.clock
        .sleep(backoffMs(attempt, RESTART_BACKOFF, ports.random), stopping.signal)
        .catch(() => undefined);
    }
  }

  async function startOne(entry: Running) {
    const { account } = entry;
    const life = (entry.life = new AbortController());
    const deadline = ports.clock.after(START_DEADLINE_MS, () =>
      life.abort(new DOMException(`did not start within ${START_DEADLINE_MS / 1000} s`, 'TimeoutError')),
    );
    let adapter: Adapter | undefined;
    try {
      adapter = await account.load();
      entry.adapter = adapter;
      await abortable(adapter.start(hostOf(entry, life.signal)), life.signal);
      entry.restarts = 0;
      await adapter.publishCommands?.(ports.commands);
      return undefined;
    } catch (error) {
      life.abort();
      entry.adapter = undefined; // nothing more is sent through it
      await adapter?.stop().catch(() => undefined);
      return asAppError(error);
    } finally {
      deadline();
      entry.begun.resolve();
    }
  }

  function hostOf(entry: Running, signal: AbortSignal): AdapterHost {
    const { platform, account } = entry.account;
    return {
      receive(message) {
        entry.lastAliveAt = ports.clock.now();
        return ports.receive(platform, message);
      },
      status(state, detail) {
        if (signal.aborted) return; // it was given up; the state is that of its successor
        const before = entry.state;
        entry.state = state;
        entry.detail = detail;
        entry.begun.resolve();
        if (state !== 'online') return;
        entry.login = undefined;
        entry.lastAliveAt = ports.clock.now();
        if (before !== 'online') ports.onOnline(platform, account);
      },
      cursor: {
        get: (key) => getCursor(ports.db, platform, account, key),
        async set(key, value) {
          await setCursor(ports.db, { platform, account, key, value });
          await ports.db.flush();
        },
        async update(values) {
          await updateCursors(ports.db, { platform, account, values });
          await ports.db.flush();
        },
        list: (prefix) => listCursors(ports.db, { platform, account, prefix }),
      },
      backfill: ports.backfill,
      async gap(gap) {
        await ports
          .tellGap(platform, account, gap)
          .catch((error: unknown) => ports.log.error({ err: error, platform }, 'a gap could not be told'));
      },
      transcribe: ports.transcribe,
      isPaired: (user) => ports.isPaired(platform, account, user),
      setup: (user) => ports.setup(platform, account, user),
      panel: (user, here) => ports.panel({ platform, account, user, here }),
      login(step) {
        if (!signal.aborted) entry.login = step;
      },
      timeline: (chat, page) => ports.timeline(platform, account, chat, page),
      exchange: (chat, of) => ports.exchange({ platform, account, chat }, of),
      follow: (_chat, changed) => ports.follow(changed),
      serve: (handler, options) => ports.mount(platform, account, handler, options ?? {}),
      storeUpload: ports.storeUpload,
      log: ports.log.child({ platform, account }),
      signal,
    };
  }

  async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const enough = new AbortController();
    await Promise.race([work, ports.clock.sleep(ms, enough.signal).catch(() => undefined)]);
    enough.abort();
  }

  return {
    async start(accounts) {
      for (const account of accounts) {
        const entry: Running = {
          account,
          adapter: undefined,
          life: new AbortController(),
          state: 'connecting',
          detail: undefined,
          login: undefined,
          lastAliveAt: undefined,
          restarts: 0,
          begun: Promise.withResolvers(),
        };
        running.set(keyOf(account.platform, account.account), entry);
        loops.push(superviseOne(entry));
      }
      await atMost(START_WAIT_MS, Promise.all([...running.values()].map((entry) => entry.begun.promise)));
    },
    find: (at) => running.get(keyOf(at.platform, at.account))?.adapter,
    capabilities: (at) => running.get(keyOf(at.platform, at.account))?.adapter?.capabilities(at) ?? PLAIN_CHANNEL,
    health: () =>
      [...running.values()].map(({ account, state, detail, login, lastAliveAt, restarts }) => ({
        platform: account.platform,
        account: account.account,
        title: account.title,
        state,
        detail,
        login,
        lastAliveAt,
        restarts,
      })),
    tools: () => [...running.values()].flatMap((entry) => entry.adapter?.tools?.() ?? []),
    async stop() {
      const reason = new DOMException('Herald is stopping', 'AbortError');
      stopping.abort(reason);
      for (const { life } of running.values()) life.abort(reason);
      const stopped = Promise.allSettled([...running.values()].flatMap((entry) => entry.adapter?.stop() ?? []));
      await atMost(STOP_WAIT_MS, Promise.allSettled([stopped, ...loops]));
    },
  };
}

const none = { support: 'dropped', maxBytes: 0, maxCaption: 0, mime: [] } as const;

/** For addresses whose platform is not there just now: short plain parts fit everywhere. */
const PLAIN_CHANNEL: Capabilities = {
  text: { max: 2_000, unit: 'utf16' },
  media: everyKind(none),
  ...TEXT_ONLY,
  sendDedupe: 'none',
  backfill: 'none',
  promptHint: '',
};
