// One configured MCP server: what is known of it, its connections, its login, its state in words.
import path from 'node:path';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ensureDir } from '../../data/files.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import {
  allowTools,
  identityOf,
  mergeCatalog,
  readCatalog,
  reviewTools,
  writeCatalog,
  forgetCatalog,
  type Catalog,
  type ReviewedTool,
} from './catalog.ts';
import type { McpServerConfig } from './config.ts';
import { connect, type Live } from './connection/connect.ts';
import { makeGuardedFetch } from './connection/http.ts';
import { openLink, type Link, type LinkState } from './connection/link.ts';
import { foreignText } from './errors.ts';
import { readTold } from './listing.ts';
import { logIn, readChallenge, type Challenge } from './oauth/login.ts';
import { makeProvider } from './oauth/provider.ts';
import { openLoginStore } from './oauth/store.ts';
import type { McpCaller, McpPorts } from './ports.ts';

/** How soon after "my tools changed" they are read again, and how often at most. */
const REFRESH_AFTER_MS = 1_000;
const REFRESH_EVERY_MS = 10_000;
/** Connections of one server; only those with `roots` have more than one. */
const MAX_LINKS = 16;

export interface ServerInput {
  name: string;
  config: McpServerConfig;
  /** Absolute path of the folder where catalogs, tokens and working folders are. */
  dir: string;
  /** The environment of this process, of which a short list is passed on. */
  env: Readonly<Record<string, string | undefined>>;
  ports: McpPorts;
  clock: Clock;
  log: Logger;
  random: () => number;
  fetch: typeof fetch;
  redact(text: string): string;
  addSecret(secret: string): void;
  /** What is offered may be something else now. */
  onChange(): void;
}

export interface ServerStatus {
  name: string;
  transport: 'stdio' | 'http';
  state: 'disabled' | 'needs-login' | LinkState;
  /** As the server calls itself; foreign text, cleaned. */
  title: string | undefined;
  /** Names of the server's own. */
  offered: readonly string[];
  /** Tools that are kept back, and why. */
  heldBack: readonly { tool: string; state: 'blocked' | 'changed'; reasons: readonly string[] }[];
  /** Found in tools that are offered all the same. */
  warnings: readonly { tool: string; reasons: readonly string[] }[];
  problem: string | undefined;
}

export interface McpServer {
  readonly name: string;
  readonly config: McpServerConfig;
  catalog(): Catalog | undefined;
  tools(): readonly ReviewedTool[];
  status(): ServerStatus;
  /** Runs `work` on a live connection. Rejects with AppError, and with what `work` rejects with. */
  use<Value>(
    caller: McpCaller | undefined,
    signal: AbortSignal,
    work: (client: Client, signal: AbortSignal) => Promise<Value>,
  ): Promise<Value>;
  /** Connects, if need be, and reads what the server offers. Rejects with AppError. */
  learn(signal: AbortSignal): Promise<void>;
  /** The owner has looked at changed tools: those named, or all, are offered again. */
  allow(names: readonly string[] | undefined): void;
  /** A person logs in. Rejects with AppError `bad_input` when this server knows no login. */
  login(signal: AbortSignal): Promise<void>;
  /** Ends the login that waits, with the address that the browser was sent to. Throws AppError `bad_input`. */
  completeLogin(address: string): void;
  logout(): Promise<void>;
  /** Ends its connections. With `forget`, also what is known of it. */
  close(forget?: boolean): Promise<void>;
}

export function openServer(input: ServerInput): McpServer {
  const { name, config, dir, clock, log } = input;
  const identity = identityOf(config);
  const links = new Map<string, Link>();
  let catalog = readCatalog(dir, name, identity);
  let reviewed = catalog === undefined ? [] : reviewTools(catalog, config);
  let problem: string | undefined;
  let challenged: Response | undefined;
  let cancelRefresh: (() => void) | undefined;
  let refreshedAt = 0;
  let acceptLogin: ((address: string) => void) | undefined;
  let isClosed = false;
  for (const secret of secretsOf(config)) input.addSecret(secret);
  const store =
    config.url === undefined ? undefined : openLoginStore(dir, { server: name, url: config.url }, input.addSecret);

  function take(next: Catalog): void {
    catalog = next;
    reviewed = reviewTools(next, config);
    try {
      writeCatalog(dir, name, next);
    } catch (error) {
      log.warn({ server: name, err: error }, 'what an MCP server offers could not be kept');
    }
    for (const { tool, state, findings } of reviewed)
      if (state === 'blocked' || state === 'changed')
        log.warn({ server: name, tool: tool.name, state, reasons: reasonsOf(findings) }, 'MCP tool held back');
    input.onChange();
  }

  async function greet(client: Client, signal: AbortSignal): Promise<void> {
    refreshedAt = clock.now();
    const told = await readTold(client, signal);
    if (told.dropped > 0) log.warn({ server: name, dropped: told.dropped }, 'MCP tools that cannot be read');
    if (!isClosed) take(mergeCatalog(catalog, told, { identity, trust: config.trust, now: clock.now() }));
    problem = undefined;
    challenged = undefined;
  }

  function onListChanged(link: () => Link | undefined): void {
    if (cancelRefresh || isClosed) return;
    const wait = Math.max(REFRESH_AFTER_MS, refreshedAt + REFRESH_EVERY_MS - clock.now());
    cancelRefresh = clock.after(wait, () => {
      cancelRefresh = undefined;
      // On a connection that has gone meanwhile, the next one reads it anyway.
      if (link()?.state() === 'ready')
        link()
          ?.use(undefined, new AbortController().signal, greet)
          .catch((error: unknown) => log.warn({ server: name, err: error }, 'MCP tools could not be read again'));
    });
  }

  function linkFor(caller: McpCaller | undefined): Link {
    const own = path.join(dir, 'work', name);
    const folder = config.roots && caller ? caller.workspace : own;
    const known = links.get(folder);
    if (known) return known;
    if (links.size >= MAX_LINKS) closeOne(links);
    const link = openLink({
      server: name,
      clock,
      random: input.random,
      connectTimeoutMs: config.connect_timeout * 1000,
      idleMs: config.idle_timeout_seconds * 1000,
      callTimeoutMs: config.timeout * 1000,
      isParallel: config.supports_parallel_tool_calls,
      greet,
      onTrouble,
      open: ({ caller: now, onClose }, signal) => openLive({ folder, caller: now, onClose }, signal),
    });
    links.set(folder, link);
    return link;
  }

  function openLive(at: { folder: string; caller(): McpCaller | undefined; onClose(): void }, signal: AbortSignal) {
    ensureDir(at.folder);
    const { ports, env } = input;
    let live: Live | undefined;
    const opening = connect(
      {
        ...at,
        server: name,
        config,
        ports,
        env,
        clock,
        fetch: input.fetch,
        auth: authNow(),
        onChallenge: (response) => (challenged = new Response(null, response)),
        onListChanged: () => onListChanged(() => links.get(at.folder)),
        onError: (error) => log.debug({ server: name, err: error }, 'MCP connection'),
        onClose() {
          const words = foreignText(input.redact(live?.lastWords() ?? ''), 300);
          if (words !== '') log.info({ server: name, words }, 'MCP server ended');
          at.onClose();
        },
      },
      signal,
    );
    return opening.then((opened) => (live = opened));
  }

  /** Without tokens no login is begun: it would register Herald there again and again. */
  function authNow() {
    if (config.auth !== 'oauth' || !store) return undefined;
    const isReady = config.oauth.grant === 'client_credentials' || store.read().tokens !== undefined;
    return isReady ? makeProvider(config.oauth, store, undefined) : undefined;
  }

  function onTrouble(error: AppError): void {
    problem = input.redact(error.publicMessage);
    log.warn({ server: name, code: error.code }, 'MCP server failed');
  }

  async function readChallenged(): Promise<Challenge | undefined> {
    return challenged && readChallenge(challenged);
  }

  async function closeLinks(): Promise<void> {
    const open = [...links.values()];
    links.clear();
    await Promise.all(open.map((link) => link.close()));
  }

  async function login(signal: AbortSignal): Promise<void> {
    const { showLogin } = input.ports;
    const { url } = config;
    if (config.auth !== 'oauth' || url === undefined || !store || !showLogin)
      throw new AppError('bad_input', `MCP server ${name} is not set up for a login: set auth: oauth.`);
    // The server says where to log in, and for which rights, when it refuses.
    if (challenged === undefined) {
      const isIn = await linkFor(undefined)
        .use(undefined, signal, async () => true)
        .catch(() => false);
      if (isIn) return;
    }
    const guarded = makeGuardedFetch({
      fetch: input.fetch,
      clock,
      url: new URL(url),
      onChallenge: () => {},
      onStreamEnd: () => {},
    });
    const challenge = await readChallenged();
    const show = (address: string) => showLogin(name, address);
    const onWaiting = (accept: typeof acceptLogin) => (acceptLogin = accept);
    try {
      await logIn({ config, url, store, challenge, clock, fetch: guarded, show, onWaiting }, signal);
    } finally {
      acceptLogin = undefined;
    }
    challenged = undefined;
    await closeLinks();
    await linkFor(undefined).use(undefined, signal, async () => undefined);
  }

  return {
    name,
    config,
    catalog: () => catalog,
    tools: () => reviewed,
    status: () =>
      statusOf({
        name,
        config,
        catalog,
        reviewed,
        problem,
        states: statesOf(links),
        isRefused: challenged !== undefined,
      }),
    async use(caller, signal, work) {
      const value = await linkFor(caller).use(caller, signal, work);
      challenged = undefined;
      return value;
    },
    // Connecting reads the list; a connection that is there already is asked again.
    async learn(signal) {
      const before = catalog;
      const link = linkFor(undefined);
      await link.use(undefined, signal, async (client, inner) => {
        if (catalog === before) await greet(client, inner);
      });
    },
    allow(names) {
      if (catalog) take(allowTools(catalog, names));
    },
    login,
    completeLogin(address) {
      if (!acceptLogin) throw new AppError('bad_input', `No login at MCP server ${name} is under way. Begin one.`);
      acceptLogin(address);
    },
    async logout() {
      store?.forget();
      await closeLinks();
    },
    async close(forget = false) {
      isClosed = true;
      cancelRefresh?.();
      await closeLinks();
      if (!forget) return;
      forgetCatalog(dir, name);
      store?.forget();
    },
  };
}

/** Values that may be keys. Short ones are words, such as "1" or "true". */
function secretsOf({ env, headers, oauth }: McpServerConfig): readonly string[] {
  const values = [...Object.values(env), ...Object.values(headers), oauth.client_secret, oauth.private_key];
  return values.flatMap((value) => (value !== undefined && value.length >= 8 ? [value] : []));
}

/** One that is not connected, if there is one; else the oldest. */
function closeOne(links: Map<string, Link>): void {
  const all = [...links];
  const chosen = all.find(([, link]) => link.state() !== 'ready') ?? all[0];
  if (!chosen) return;
  links.delete(chosen[0]);
  void chosen[1].close();
}

function statesOf(links: ReadonlyMap<string, Link>): readonly LinkState[] {
  return [...links.values()].map((link) => link.state());
}

function reasonsOf(findings: ReviewedTool['findings']): readonly string[] {
  return findings.map(({ reason }) => reason);
}

interface Known {
  name: string;
  config: McpServerConfig;
  catalog: Catalog | undefined;
  reviewed: readonly ReviewedTool[];
  problem: string | undefined;
  states: readonly LinkState[];
  isRefused: boolean;
}

function statusOf({ name, config, catalog, reviewed, problem, states, isRefused }: Known): ServerStatus {
  const needsLogin = config.auth === 'oauth' && isRefused;
  const best = (['ready', 'connecting', 'failed'] as const).find((state) => states.includes(state)) ?? 'idle';
  const label = ({ tool }: ReviewedTool) => foreignText(tool.name, 100);
  const offered = reviewed.filter(({ state }) => state === 'offered');
  return {
    name,
    transport: config.command === undefined ? 'http' : 'stdio',
    state: !config.enabled ? 'disabled' : needsLogin ? 'needs-login' : best,
    title: catalog && foreignText(`${catalog.name} ${catalog.version}`, 200),
    offered: offered.map(label),
    heldBack: reviewed.flatMap((entry) => {
      if (entry.state !== 'blocked' && entry.state !== 'changed') return [];
      const changed = entry.state === 'changed' ? ['it is not what it was when it was allowed'] : [];
      return [{ tool: label(entry), state: entry.state, reasons: [...changed, ...reasonsOf(entry.findings)] }];
    }),
    warnings: offered
      .filter(({ findings }) => findings.length > 0)
      .map((entry) => ({ tool: label(entry), reasons: reasonsOf(entry.findings) })),
    problem,
  };
}
