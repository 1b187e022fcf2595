// One live connection to an MCP server: transport, handshake, and what the server may ask while a call runs. The SDK is loaded here.
import { pathToFileURL } from 'node:url';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ClientCapabilities, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { VERSION } from '../../../shared/installation.ts';
import type { McpServerConfig } from '../config.ts';
import { childEnvironment } from '../environment.ts';
import type { McpCaller, McpPorts } from '../ports.ts';
import { makeAsker } from './elicitation.ts';
import { guardTransport } from './guard.ts';
import { makeGuardedFetch } from './http.ts';
import { makeSampler } from './sampling.ts';
import { makeStdioTransport } from './stdio.ts';

/** Milliseconds that a server has for saying goodbye over HTTP. */
const GOODBYE_MS = 1_000;
/** Messages that cannot be understood, and the like. Who sends more speaks something else. */
const MAX_ERRORS = 300;
/** Servers ask for roots right after the handshake. */
const ROOTS_MS = 1_000;
/** They look at the folders before they believe in them, and nothing says when they have. */
const ROOTS_SETTLE_MS = 150;
/** The SDK's own timer is not used: longer than any of ours. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

export interface ConnectInput {
  server: string;
  config: McpServerConfig;
  /** Absolute path: where programs start, and what `roots` tells. */
  folder: string;
  ports: McpPorts;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  fetch: typeof fetch;
  auth: OAuthClientProvider | undefined;
  /** The one for whom calls run now; undefined when nobody, or when it cannot be told. */
  caller(): McpCaller | undefined;
  onChallenge(response: Response): void;
  /** The server said that its tools, resources or prompts are others now. */
  onListChanged(): void;
  onError(error: Error): void;
  /** The connection ended, whoever ended it. */
  onClose(): void;
}

export interface Live {
  client: Client;
  /** What the program wrote to its standard error last: foreign text. */
  lastWords(): string;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Rejects with what the transport or the handshake said; nothing is left then. */
export async function connect(input: ConnectInput, signal: AbortSignal): Promise<Live> {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const opened = await openTransport(input, (request) => transport.abandon(request));
  const transport = guardTransport(opened.transport, input.clock);
  const client = new Client({ name: 'herald', version: VERSION }, { capabilities: capabilitiesOf(input) });
  const roots = input.config.roots ? makeRoots(input) : undefined;
  await handleRequests(client, input, roots);
  let errors = 0;
  client.onerror = (error) => {
    if (++errors === MAX_ERRORS) void close();
    if (errors <= MAX_ERRORS) input.onError(error);
  };
  client.onclose = input.onClose;
  let closing: Promise<void> | undefined;
  const close = () =>
    (closing ??= (async () => {
      await opened.goodbye();
      await client.close().catch(() => undefined);
      await opened.transport.close();
    })());
  const onAbort = () => void close();
  try {
    // The signal alone does not end a transport that waits inside of its start.
    signal.addEventListener('abort', onAbort, { once: true });
    await client.connect(transport, { signal, timeout: NO_TIMEOUT_MS });
    await roots?.told;
  } catch (error) {
    await close();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  return { client, lastWords: opened.lastWords, close };
}

interface Opened {
  transport: Transport;
  lastWords(): string;
  goodbye(): Promise<void>;
}

async function openTransport(input: ConnectInput, onStreamEnd: (request: RequestId) => void): Promise<Opened> {
  const { config, clock } = input;
  if (config.command !== undefined) {
    const { command, args } = config;
    const env = childEnvironment(input.env, config.env);
    const transport = await makeStdioTransport({ command, args, env, cwd: input.folder, clock });
    return { transport, lastWords: () => transport.lastWords(), goodbye: async () => undefined };
  }
  if (config.url === undefined) throw new AppError('config_invalid', `MCP server ${input.server} has no address.`);
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const url = new URL(config.url);
  const { fetch, onChallenge } = input;
  const guarded = makeGuardedFetch({ fetch, clock, url, onChallenge, onStreamEnd });
  const transport = new StreamableHTTPClientTransport(url, {
    // A login takes no headers of ours: they may hold a key for the server.
    fetch: (target, init) => guarded(target, withHeaders(init, isSame(target, url) ? config.headers : {})),
    ...(input.auth === undefined ? {} : { authProvider: input.auth }),
    reconnectionOptions: {
      initialReconnectionDelay: 1_000,
      maxReconnectionDelay: 60_000,
      reconnectionDelayGrowFactor: 2,
      maxRetries: 5,
    },
  });
  const goodbye = async () => {
    if (transport.sessionId === undefined) return;
    let cancel = () => {};
    const patience = new Promise<void>((resolve) => (cancel = clock.after(GOODBYE_MS, resolve)));
    await Promise.race([transport.terminateSession().catch(() => undefined), patience]);
    cancel();
  };
  return { transport, lastWords: () => '', goodbye };
}

function isSame(target: string | URL, server: URL): boolean {
  const url = new URL(target);
  return url.origin === server.origin && url.pathname === server.pathname;
}

function withHeaders(init: RequestInit | undefined, extra: Readonly<Record<string, string>>): RequestInit {
  const headers = new Headers(init?.headers);
  for (const [name, value] of Object.entries(extra)) headers.set(name, value);
  return { ...init, headers };
}

function capabilitiesOf({ config, ports }: ConnectInput): ClientCapabilities {
  const { sampling, elicitation, roots } = config;
  return {
    ...(roots ? { roots: { listChanged: false } } : {}),
    ...(sampling.enabled && ports.ask ? { sampling: sampling.max_tool_rounds > 0 ? { tools: {} } : {} } : {}),
    ...(elicitation.enabled && ports.askPerson ? { elicitation: { form: { applyDefaults: true }, url: {} } } : {}),
  };
}

interface Roots {
  tell(): { roots: { uri: string; name: string }[] };
  /** Resolves when the server has asked, or did not in a while: a call that comes first would find another folder allowed, or none. */
  told: Promise<void>;
}

function makeRoots({ folder, clock }: ConnectInput): Roots {
  let done = () => {};
  const told = new Promise<void>((resolve) => (done = resolve));
  const cancel = clock.after(ROOTS_MS, () => done());
  return {
    told,
    tell() {
      cancel();
      clock.after(ROOTS_SETTLE_MS, () => done());
      return { roots: [{ uri: pathToFileURL(folder).href, name: 'workspace' }] };
    },
  };
}

async function handleRequests(client: Client, input: ConnectInput, roots: Roots | undefined): Promise<void> {
  const { server, config, ports, clock } = input;
  const types = await import('@modelcontextprotocol/sdk/types.js');
  const caller = () => {
    const found = input.caller();
    if (found) return found;
    throw new AppError('not_allowed', 'This can be asked only while one tool call of one person runs.');
  };
  if (roots) client.setRequestHandler(types.ListRootsRequestSchema, () => roots.tell());
  if (config.sampling.enabled && ports.ask) {
    const sampler = makeSampler({ server, config: config.sampling, ask: ports.ask, clock });
    client.setRequestHandler(types.CreateMessageRequestSchema, ({ params }, { signal }) =>
      publicly(() => sampler.answer(params, caller(), signal)),
    );
  }
  if (config.elicitation.enabled && ports.askPerson) {
    const asker = makeAsker({ server, config: config.elicitation, askPerson: ports.askPerson, clock });
    client.setRequestHandler(types.ElicitRequestSchema, ({ params }, { signal }) =>
      publicly(() => asker.answer(params, caller(), signal)),
    );
  }
  for (const schema of [
    types.ToolListChangedNotificationSchema,
    types.ResourceListChangedNotificationSchema,
    types.PromptListChangedNotificationSchema,
  ])
    client.setNotificationHandler(schema, () => input.onListChanged());
}

/** What goes back to the server says no more than an AppError's own words: causes may name paths and keys. */
async function publicly<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw new Error(error instanceof AppError ? error.publicMessage : 'This could not be done.', { cause: error });
  }
}
