// What the agent works with on machines and in the web, made of the configuration: terminals, files, checkpoints, web, browser, MCP servers.
// Loaded with the first turn, or at the start when jobs or servers wait for it.
import path from 'node:path';
import { openCheckpoints, type Checkpoints } from '../../../agent/checkpoints/checkpoints.ts';
import { openMcp, type Mcp } from '../../../agent/mcp/mcp.ts';
import type { McpPorts } from '../../../agent/mcp/ports.ts';
import { makeUrlGuard } from '../../../agent/net/guard.ts';
import type { AgentNotice } from '../../../agent/parts.ts';
import { assessCommand } from '../../../agent/policy/command.ts';
import { machineLimits } from '../../../agent/terminal/backends.ts';
import type { Backend } from '../../../agent/terminal/machine.ts';
import { SYSTEM_PATH } from '../../../agent/terminal/local/backend.ts';
import { probeSandbox } from '../../../agent/terminal/local/probe.ts';
import { openTerminals, type Terminals } from '../../../agent/terminal/terminals.ts';
import { makeBrowserTools } from '../../../agent/tools/browser/browser-tools.ts';
import { makeFileAccess, type FileAccess, type FileToolsDeps } from '../../../agent/tools/files/access.ts';
import { makeFolderHints, withFolderHints } from '../../../agent/context/files/hints.ts';
import { makeReferencePorts } from '../../../agent/context/files/reference-ports.ts';
import type { ReferencePorts } from '../../../agent/context/files/references.ts';
import { makeFileTools } from '../../../agent/tools/files/file-tools.ts';
import { makeCodeTools } from '../../../agent/tools/code/execute-code.ts';
import { makeMediaTools, type MediaToolDeps } from '../../../agent/tools/media/media-tools.ts';
import { parseOwner } from '../../../agent/tools/terminal/owner.ts';
import { machineKey } from '../../../agent/tools/terminal/reach.ts';
import { makeClarifyTool, type QuestionPort } from '../../../agent/tools/planning/clarify.ts';
import { todoTool } from '../../../agent/tools/planning/todo.ts';
import { makeTerminalTools } from '../../../agent/tools/terminal/tools.ts';
import type { Tool } from '../../../agent/tools/tool.ts';
import { makePageReader, makeWebTools, webRules } from '../../../agent/tools/web/web-tools.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import type { Scope } from '../../../data/scope.ts';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Origin } from '../../../shared/messages.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { ProcessEvent } from '../../triggers/events.ts';
import { openConfiguredBackend } from './backend.ts';
import { NOTES_DIR } from './hands-awaited.ts';

export interface HandsInput {
  /** A tool result of the scope that was too long to show. */
  openResult(scope: Scope, id: string): Promise<{ text: string; origin: Origin } | undefined>;
  clock: Clock;
  log: Logger;
  redactor: Redactor;
  loaded: LoadedConfig;
  /** Begins a turn of the conversation; see AgentPorts. */
  notify(event: AgentNotice): Promise<void>;
  /** A background process has ended, and whoever began it is told. Never rejects. */
  processEnded?: ((scope: Scope, event: ProcessEvent) => Promise<void>) | undefined;
  mcpPorts: McpPorts;
  media: Pick<MediaToolDeps, 'meter' | 'visionChain' | 'budget' | 'ports'>;
  /** Asks the person of a turn. */
  askPerson: NonNullable<QuestionPort['askPerson']>;
}

export interface Hands {
  tools(): readonly Tool[];
  checkpoints: Checkpoints;
  /** How `@file:…` and its kin are read. */
  references: Omit<ReferencePorts, 'keep'>;
  files: FileAccess;
  terminals: Terminals;
  mcp: Mcp;
  backend: Backend;
  /** Goes on watching background jobs of an earlier process. Never rejects. */
  adopt(): Promise<void>;
  /** Takes over the MCP servers of another configuration; the rest changes with a restart. */
  reload(next: LoadedConfig): Promise<void>;
  close(): Promise<void>;
}

export async function openHands(input: HandsInput): Promise<Hands> {
  const { clock, log, loaded } = input;
  const { home, config } = loaded;
  const sandbox = await probeSandbox({ platform: process.platform, path: SYSTEM_PATH });
  const backend = await openConfiguredBackend(loaded, clock, sandbox);
  const checkpoints = openCheckpoints({ dir: path.join(home, 'checkpoints'), clock, log });
  const terminals = openTerminals({
    backend,
    limits: machineLimits(config.terminal),
    idleMs: config.terminal.lifetime_seconds * 1_000,
    notesDir: path.join(home, NOTES_DIR),
    events: { onEvent: (event) => tellOwner(input, event) },
    clock,
    log,
  });
  const guard = makeUrlGuard(webRules(config.web));
  const uid = process.getuid?.();
  const browser = makeBrowserTools({
    settings: config.browser,
    guard,
    clock,
    home: path.join(home, 'cache', 'browser'),
    uid,
  });
  const mcp = await openServers(input);
  const files: FileToolsDeps = {
    home,
    userHome: loaded.lookup('HOME'),
    clock,
    checkpoints,
    openResult: (id, { scope }) => input.openResult(scope, id),
    ...(config.terminal.backend !== 'local' && { remote: remoteFiles(terminals) }),
  };
  const access = makeFileAccess(files);
  const web = { settings: config.web, clock, lookup: (name: string) => loaded.lookup(name) };
  const hints = makeFolderHints();
  const fixed: readonly Tool[] = [
    ...makeTerminalTools({ terminals, assessCommand, checkpoints }),
    ...makeFileTools(files).map((tool) => withFolderHints(tool, hints, log)),
    ...makeWebTools(web),
    ...makeCodeTools({
      sandbox,
      hidden: [home, loaded.lookup('HOME') ?? '/'],
      settings: config.execute_code,
      checkpoints,
    }),
    ...makeMediaTools({ ...input.media, guard, images: config.images, files, lookup: web.lookup }),
    ...browser.tools,
    todoTool,
    makeClarifyTool({ askPerson: input.askPerson }),
  ];
  return {
    tools: () => [...fixed, ...mcp.tools()],
    checkpoints,
    references: makeReferencePorts({ access, readPage: makePageReader(web) }),
    files: access,
    terminals,
    mcp,
    backend,
    adopt: () => terminals.adopt(),
    reload: (next) => mcp.reload(next.config.mcp_servers),
    async close() {
      await Promise.allSettled([mcp.close(), browser.close(), terminals.close()]);
    },
  };
}

/** Where commands run elsewhere, files are there too. */
function remoteFiles(terminals: Terminals): NonNullable<FileToolsDeps['remote']> {
  return ({ workspace }) => ({
    workspace: undefined,
    isIsolated: terminals.isolationAt(workspace).files,
    use: ({ scope, workspace: at, signal }, work) =>
      terminals.use({ key: machineKey(scope), workspace: at, signal }, ({ machine }) => work(machine)),
  });
}

/** News of a background job, in the conversation that began it. */
async function tellOwner(
  { notify, processEnded }: HandsInput,
  event: {
    id: string;
    kind: 'exited' | 'matched';
    job: string;
    title: string;
    text: string;
    foreign: boolean;
    owner: string;
  },
): Promise<void> {
  const owner = parseOwner(event.owner);
  if (!owner) throw new AppError('internal', 'A background job belongs to nobody.');
  const what = event.kind === 'exited' ? 'is over' : 'printed what was waited for';
  await notify({
    ...owner,
    key: `job.${event.id}`,
    text: `[Background job ${event.job} (${event.title}) ${what}]\n${event.text}`,
    origin: event.foreign ? 'foreign' : 'agent',
  });
  const { id, title, text } = event;
  if (event.kind === 'exited') await processEnded?.(owner.scope, { id, title, text, isForeign: event.foreign });
}

function openServers({ clock, log, loaded, redactor, mcpPorts }: HandsInput): Promise<Mcp> {
  const names = [
    'PATH',
    'HOME',
    'USER',
    'LANG',
    'LC_ALL',
    'TERM',
    'SHELL',
    'TMPDIR',
    'XDG_CONFIG_HOME',
    'XDG_CACHE_HOME',
    'XDG_DATA_HOME',
  ];
  return openMcp({
    servers: loaded.config.mcp_servers,
    dir: path.join(loaded.home, 'mcp'),
    env: Object.fromEntries(names.map((name) => [name, loaded.lookup(name)])),
    ports: mcpPorts,
    clock,
    log,
    random: Math.random,
    fetch,
    redact: (text) => redactor.redact(text),
    addSecret: (secret) => redactor.add(secret),
  });
}
