// MCP servers as the agent sees them: the client over a folder of its own, its tools called without an agent, ports that remember.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { mcpServersSection } from '../../../agent/mcp/config.ts';
import { openMcp, type Mcp } from '../../../agent/mcp/mcp.ts';
import type { McpPorts } from '../../../agent/mcp/ports.ts';
import type { Tool, ToolContext, ToolResult } from '../../../agent/tools/tool.ts';
import { personScope } from '../../../data/scope.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { accountId, chatId, personId, sessionId, turnId } from '../../../shared/ids.ts';
import { silentLog, type Logger } from '../../../shared/log.ts';
import { makeRedactor, type Redactor } from '../../../shared/redact.ts';

export interface McpRig {
  mcp: Mcp;
  dir: string;
  redactor: Redactor;
  /** The tool under the name that the model sees. Throws when it is not offered. */
  tool(name: string): Tool;
  call(name: string, args?: unknown, options?: CallOptions): Promise<ToolResult>;
  close(): Promise<void>;
}

export interface CallOptions {
  signal?: AbortSignal;
  person?: string;
  workspace?: string;
}

export interface RigOptions {
  ports?: McpPorts;
  clock?: Clock;
  env?: Record<string, string | undefined>;
  log?: Logger;
  dir?: string;
  fetch?: typeof fetch;
}

export async function openRig(servers: unknown, options: RigOptions = {}): Promise<McpRig> {
  const dir = options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'herald-mcp-'));
  const redactor = makeRedactor();
  const mcp = await openMcp({
    servers: mcpServersSection.parse(servers),
    dir,
    env: options.env ?? { PATH: process.env['PATH'], HOME: dir },
    ports: options.ports ?? {},
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
    random: () => 0.5,
    fetch: options.fetch ?? fetch,
    redact: (text) => redactor.redact(text),
    addSecret: (secret) => redactor.add(secret),
  });
  const tool = (name: string) => {
    const found = mcp.tools().find((known) => known.name === name);
    if (found) return found;
    const known = mcp.tools().map((own) => own.name);
    throw new Error(`no tool ${name}: ${known.join(', ')}; ${JSON.stringify(mcp.status())}`);
  };
  return {
    mcp,
    dir,
    redactor,
    tool,
    call: (name, args = {}, callOptions = {}) => callTool(tool(name), args, { workspace: dir, ...callOptions }),
    async close() {
      await mcp.close();
      if (options.dir === undefined) fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

export async function callTool(tool: Tool, args: unknown, options: CallOptions = {}): Promise<ToolResult> {
  const prepared = tool.prepare(args);
  if (!prepared.ok) throw new Error(`refused: ${prepared.problem}`);
  const person = personId(options.person ?? 'ann');
  const context: Partial<ToolContext> = {
    scope: personScope(person),
    role: 'owner',
    session: sessionId(`session of ${person}`),
    turn: turnId('turn'),
    address: { platform: 'web', account: accountId('a'), chat: chatId('c'), kind: 'dm' },
    workspace: options.workspace ?? os.tmpdir(),
    signal: options.signal ?? new AbortController().signal,
  };
  return prepared.call.execute(context as ToolContext);
}

/** Waits for what happens in the background, looking every few milliseconds. */
export async function until(what: () => boolean, ms = 8_000): Promise<void> {
  const end = Date.now() + ms;
  while (!what()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what.toString()}`);
    await systemClock.sleep(10);
  }
}

const require = createRequire(import.meta.url);

const OFFICIAL = {
  everything: require.resolve('@modelcontextprotocol/server-everything/package.json'),
  filesystem: require.resolve('@modelcontextprotocol/server-filesystem/package.json'),
  memory: require.resolve('@modelcontextprotocol/server-memory/package.json'),
};

/** Program and arguments of an official example server. */
export function officialServer(name: keyof typeof OFFICIAL, ...args: string[]) {
  return { command: process.execPath, args: [path.join(path.dirname(OFFICIAL[name]), 'dist/index.js'), ...args] };
}

/** A server of ours for tests: a file of this folder, with what it shall do. */
export function ownServer(file: string, ...args: string[]) {
  return { command: process.execPath, args: [path.join(import.meta.dirname, file), ...args] };
}

/** Whether a process of this id lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that nobody has waited for still has its id.
    return !/^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
