// All MCP servers of the configuration: the tools that they bring, their state, their logins. Nothing connects before it is needed, but
// for servers of which nothing is known yet.
import { AppError } from '../../shared/errors.ts';
import { canonicalJson, type Tool } from '../tools/tool.ts';
import type { McpServers } from './config.ts';
import { localNames } from './names.ts';
import { loadCompiler, type Compile } from './schema.ts';
import { openServer, type McpServer, type ServerInput, type ServerStatus } from './server.ts';
import { makeTool, type MadeTool } from './tools.ts';
import { makeWrappers } from './wrappers.ts';

/** Attempts to learn what a new server offers, before somebody has to ask for it. */
const LEARN_ATTEMPTS = 5;
/** Of all servers together; with more, none is in each prompt, and they are found by searching. */
const MAX_SHOWN = 24;
const LEARN_PAUSE_MS = 60_000;

export interface McpInput extends Omit<ServerInput, 'name' | 'config' | 'onChange'> {
  servers: McpServers;
}

export interface Mcp {
  /** In an order that stays the same, for cached prompts. */
  tools(): readonly Tool[];
  status(): readonly ServerStatus[];
  /** Reads anew what a server offers, connecting if need be. Rejects with AppError, `not_found` for an unknown name. */
  refresh(server: string, signal: AbortSignal): Promise<void>;
  /** The owner has looked at what changed: those tools, or all, are offered again. Throws AppError `not_found`. */
  allow(server: string, tools?: readonly string[]): void;
  /** A person logs in with a browser on this machine. Resolves when it works. Rejects with AppError. */
  login(server: string, signal: AbortSignal): Promise<void>;
  /**
   * For a person whose browser is on another machine: takes the address that it was sent back to, which shows no page there. The login that
   * waits then goes on. Throws AppError `bad_input`, `not_found`.
   */
  completeLogin(server: string, address: string): void;
  /** Tokens are deleted here; the server is not told. Rejects with AppError `not_found`. */
  logout(server: string): Promise<void>;
  /** Takes over another configuration; servers whose settings are the same go on undisturbed. */
  reload(next: McpServers): Promise<void>;
  /** Ends all connections and programs. Idempotent. */
  close(): Promise<void>;
}

/** Resolves at once: servers that are new are looked at in the background. */
export async function openMcp(input: McpInput): Promise<Mcp> {
  const servers = new Map<string, McpServer>();
  const life = new AbortController();
  let compile: Compile | undefined;
  let tools: readonly Tool[] | undefined;

  const open = (name: string, config: McpServers[string]) => {
    const server = openServer({ ...input, name, config, onChange: () => (tools = undefined) });
    servers.set(name, server);
    if (config.enabled && server.catalog() === undefined) void learn(server);
  };

  async function learn(server: McpServer): Promise<void> {
    for (let attempt = 1; attempt <= LEARN_ATTEMPTS && servers.get(server.name) === server; attempt++) {
      try {
        return await server.learn(life.signal);
      } catch {
        // What went wrong is in the status and the log. A login is for a person to do.
        if (life.signal.aborted || server.status().state === 'needs-login') return;
        await input.clock.sleep(LEARN_PAUSE_MS, life.signal).catch(() => undefined);
      }
    }
  }

  async function take(next: McpServers): Promise<void> {
    if (Object.values(next).some(({ enabled }) => enabled)) compile ??= await loadCompiler();
    const gone = [...servers.values()].filter(({ name, config }) => !isSame(next[name], config));
    for (const { name } of gone) servers.delete(name);
    tools = undefined;
    await Promise.all(gone.map((server) => server.close(next[server.name] === undefined)));
    for (const [name, config] of Object.entries(next)) if (!servers.has(name)) open(name, config);
  }

  const named = (name: string): McpServer => {
    const server = servers.get(name);
    if (server?.config.enabled === true) return server;
    const known = [...servers.keys()].join(', ');
    throw new AppError('not_found', `There is no MCP server ${name} in use. Known: ${known || 'none'}.`);
  };

  await take(input.servers);
  return {
    tools: () => (tools ??= compile ? makeTools(sorted(servers), { ...input, compile }) : []),
    status: () => sorted(servers).map((server) => server.status()),
    refresh: async (name, signal) => named(name).learn(signal),
    allow: (name, names) => named(name).allow(names),
    login: async (name, signal) => named(name).login(signal),
    completeLogin: (name, address) => named(name).completeLogin(address),
    logout: async (name) => named(name).logout(),
    reload: take,
    async close() {
      life.abort(new AppError('cancelled', 'Herald is stopping.'));
      await Promise.all([...servers.values()].map((server) => server.close()));
    },
  };
}

function makeTools(servers: readonly McpServer[], input: McpInput & { compile: Compile }): readonly Tool[] {
  const { ports, compile } = input;
  const made: MadeTool[] = [];
  for (const server of servers) {
    if (!server.config.enabled) continue;
    for (const tool of server.tools()) {
      if (tool.state !== 'offered') continue;
      const own = makeTool({ server, ports, compile }, tool);
      if (own) made.push(own);
      else input.log.warn({ server: server.name, tool: tool.tool.name }, 'MCP tool with an unusable schema left out');
    }
    made.push(...makeWrappers({ server, ports, compile }));
  }
  const names = localNames(made.map(({ server, remote }) => ({ server: server.name, tool: remote })));
  return made.map((tool, index) => tool.as(names[index] ?? '', made.length > MAX_SHOWN));
}

function sorted(servers: ReadonlyMap<string, McpServer>): readonly McpServer[] {
  return [...servers.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
