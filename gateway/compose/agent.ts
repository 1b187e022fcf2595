// The agent made from the configuration, and made anew from a changed one without a restart.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openAgent, type OpenedAgent } from '../../agent/agent.ts';
import { describeServers } from '../../agent/mcp/report.ts';
import type { AgentPorts } from '../../agent/parts.ts';
import { promptSize } from '../../agent/prompt/size.ts';
import type { AgentPort } from '../../agent/port.ts';
import { readPriceOverrides } from '../../agent/providers/prices.ts';
import { chooseModel, resolveOthers, resolveProviders, type ResolveDeps } from '../../agent/providers/resolve.ts';
import type { AgentSettings, ModelLimits } from '../../agent/settings.ts';
import { makeOwnTools, TOOLS } from '../../agent/tools/registry.ts';
import type { Preset } from '../../agent/subagents/spec.ts';
import type { Tool } from '../../agent/tools/tool.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { ProcessDb } from '../../data/db.ts';
import { openResult } from '../../data/work/results.ts';
import { getChat, listDmChats } from '../../data/process/chats.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import { accountId, chatId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import { openSigner } from './signer.ts';
import type { MediaPorts } from '../../agent/tools/media/ports.ts';
import { gatewayWorkDir, type VoiceEngines } from '../voice/engines.ts';
import { makeAgentVoice } from '../voice/for-agent.ts';
import { areHandsAwaited } from './hands-awaited.ts';
import type { Hands, HandsInput } from './hands.ts';
import { askForApproval } from './approvals.ts';
import { openMcpDesk } from './mcp.ts';
import { makePlatformTools } from './platform-tools.ts';
import type { McpControl, PromptPart } from '../control/operation.ts';
import type { Core } from '../core.ts';
import type { FileStore } from '../media/downloads.ts';

/** How long, and how much of it, changes of files can be undone. */
const KEEP_FILES_MS = 30 * 24 * 3_600_000;
const KEEP_FILES_BYTES = 2 * 1024 ** 3;

export interface ConfiguredAgent {
  port: AgentPort;
  /** Which model answers, and why that one. */
  explanation(): string;
  /** Takes over a new configuration from the next turn on. Rejects with AppError; the old one then stays. */
  reload(next: LoadedConfig): Promise<void>;
  promptSize(): Promise<readonly PromptPart[]>;
  mcp: McpControl;
  /** Deletes what files were before turns that are long past. */
  pruneFiles(): Promise<void>;
  /** Takes up what waits for it; never rejects. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface ConfiguredAgentInput {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  redactor: Redactor;
  loaded: LoadedConfig;
  files: Pick<FileStore, 'keep' | 'keepText'>;
  voice: VoiceEngines;
  /** The gateway, which is built after its agent. */
  core(): Core;
  /** More tools than the registry's; for tests. */
  tools?: readonly Tool[] | undefined;
}

/** Rejects with AppError `config_invalid` when the configured model cannot be used. */
export async function openConfiguredAgent(input: ConfiguredAgentInput): Promise<ConfiguredAgent> {
  const { db, clock, log, redactor, core } = input;
  let { settings, explanation } = await agentSettings(input.loaded, clock);
  const platformTools = makePlatformTools();
  const own = [...TOOLS, ...(input.tools ?? [])];
  let hands: Promise<Hands> | undefined;
  const notify: AgentPorts['notify'] = ({ scope, ...event }) =>
    core().actions.notify({ ...event, person: scope.person });

  /** Loaded once; what fails is tried again with the next turn. */
  function findHands(): Promise<Hands> {
    const mcpPorts = { ...desk.ports, ask: port.sample };
    hands ??= loadHands(input, {
      notify,
      mcpPorts,
      openResult: (scope, id) => openResult(db, scope, id),
      askPerson: (question, signal) => core().questions.ask(question, signal),
      media: {
        meter: port.meter,
        visionChain: () => settings.models.vision ?? settings.models.chain,
        budget: () => settings,
        ports: mediaPorts(input),
      },
    });
    hands.catch(() => (hands = undefined));
    return hands;
  }

  const desk = openMcpDesk({ ...input, mcp: async () => (await findHands()).mcp });

  /** What comes from others, and why what should be there is not. */
  async function toolNotes(): Promise<readonly string[]> {
    try {
      return describeServers((await findHands()).mcp.status());
    } catch (error) {
      return [`The tools for machines could not be loaded: ${asAppError(error).publicMessage}`];
    }
  }

  async function handTools(): Promise<readonly Tool[]> {
    try {
      return (await findHands()).tools();
    } catch (error) {
      log.error({ err: error }, 'the tools for machines could not be loaded; turns go on without them');
      return [];
    }
  }

  const port: OpenedAgent = openAgent({
    db,
    clock,
    random: Math.random,
    log,
    settings: () => settings,
    redact: (text) => redactor.redact(text),
    sign: openSigner(input.loaded.home).sign,
    checkpoints: async () => (await findHands()).checkpoints,
    tools: async () => [...own, ...(await handTools()), ...platformTools(core().platforms.tools())],
    toolNotes,
    ports: {
      async listOwnChats(scope) {
        const chats = await listDmChats(db, scope.person);
        const reachable = chats.filter(({ address }) => core().platforms.find(address));
        return Promise.all(
          reachable.map(async ({ address }) => ({
            address,
            title: (await getChat(db, address))?.title || address.platform,
          })),
        );
      },
      async sendMessage({ to, text, key, scope }) {
        await core().actions.post(to, text, { key, person: scope.person, kind: 'message' });
      },
      notify,
      requestApproval: (approval, reason, signal) =>
        askForApproval({ db, clock, actions: core().actions }, approval, reason, signal),
      references: {
        readPath: async (reference, at) => (await findHands()).references.readPath(reference, at),
        readPage: async (url, signal) => (await findHands()).references.readPage(url, signal),
        keep: (name, text) => input.files.keepText(name, 'text/plain', text),
      },
    },
  });
  return {
    port,
    explanation: () => explanation,
    mcp: desk.control,
    async reload(next) {
      ({ settings, explanation } = await agentSettings(next, clock));
      await (await hands)?.reload(next);
    },
    async pruneFiles() {
      // Without a turn since the start there is nothing new to delete, and nothing is loaded for it.
      await (await hands)?.checkpoints.prune({ maxAgeMs: KEEP_FILES_MS, maxBytes: KEEP_FILES_BYTES });
    },
    async start() {
      if (await areHandsAwaited(input.loaded)) await handTools();
    },
    async close() {
      desk.close();
      await port.close();
      await (await hands)?.close();
    },
    promptSize: async () => measurePrompt({ settings, clock, log, tools: await handTools() }),
  };
}

/** The bill of a request that says "hi", for a configuration that no gateway runs. Rejects with AppError `config_invalid`. */
export async function measureConfiguredPrompt(
  loaded: LoadedConfig,
  clock: Clock,
  log: Logger,
): Promise<readonly PromptPart[]> {
  const { settings } = await agentSettings(loaded, clock);
  const { openHands } = await import('./hands.ts');
  // To be looked at only: no server is started, nothing is called.
  const config = { ...loaded.config, mcp_servers: {} };
  const hands = await openHands({
    loaded: { ...loaded, config },
    clock,
    log,
    redactor: makeRedactor(loaded.secrets),
    mcpPorts: {},
    notify: async () => undefined,
    openResult: async () => undefined,
    askPerson: async () => ({ state: 'expired' }),
    media: {
      meter: { call: () => Promise.reject(new AppError('internal', 'Nothing is called here.')) },
      visionChain: () => settings.models.chain,
      budget: () => settings,
      ports: {},
    },
  });
  try {
    return await measurePrompt({ settings, clock, log, tools: hands.tools() });
  } finally {
    await hands.close();
  }
}

async function loadHands(
  { loaded, clock, log, redactor }: ConfiguredAgentInput,
  ports: Omit<HandsInput, 'loaded' | 'clock' | 'log' | 'redactor'>,
): Promise<Hands> {
  const { openHands } = await import('./hands.ts');
  const hands = await openHands({ ...ports, loaded, clock, log, redactor });
  void hands.adopt();
  return hands;
}

async function measurePrompt(input: {
  settings: AgentSettings;
  clock: Clock;
  log: Logger;
  tools: readonly Tool[];
}): Promise<readonly PromptPart[]> {
  const { settings } = input;
  const hi = { role: 'user', content: [{ type: 'text', text: 'hi' }] } as const;
  const address = { platform: '', account: accountId(''), chat: chatId(''), kind: 'dm' } as const;
  const at = { role: 'owner', address, promptHint: '' } as const;
  const tools = [...TOOLS, ...input.tools, ...makeOwnTools({ runner: undefined, settings: () => settings })];
  const bill = await promptSize({ ...input, tools, at, messages: [hi] });
  return bill.lines.map(({ part, tokens, chars }) => ({ name: part, tokens, chars }));
}

async function agentSettings(
  loaded: LoadedConfig,
  clock: Clock,
): Promise<{ settings: AgentSettings; explanation: string }> {
  const { config, home } = loaded;
  const { agent, budget } = config;
  const deps: ResolveDeps = { fetch, clock, lookup: (name) => loaded.lookup(name), providers: config.providers };
  const models = await resolveProviders(config.model, config.fallback_models, deps);
  const auxiliary = await resolveOthers('auxiliary model', config.model_auxiliary, deps);
  const vision = await resolveOthers('vision model', config.model_vision, deps);
  const settings: AgentSettings = {
    home,
    workspaceOf: ({ space }) => join(home, 'workspaces', folderName(space)),
    models: { ...models, auxiliary: auxiliary.links, vision: vision.links },
    chooseModel: (name) => chooseModel(models, name, deps),
    modelLimits: modelLimits(loaded, models.chain[0]?.model),
    maxOutputTokens: agent.max_output_tokens,
    reasoningEffort: agent.reasoning_effort,
    maxIterations: agent.max_iterations,
    timezone: agent.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    personality: agent.personality,
    personalities: config.personalities,
    tools: {
      disabled: agent.tools.disabled,
      byPlatform: agent.tools.by_platform,
      byRole: agent.tools.by_role,
      timeoutMs: agent.tools.timeout_ms,
      maxParallel: agent.tools.max_parallel,
      maxResultChars: agent.tools.max_result_chars,
      approvalTtlMs: Math.round(config.approvals.ttl_minutes * 60_000),
    },
    approvals: { mode: config.approvals.mode },
    workers: {
      maxParallel: config.workers.max_parallel,
      maxDepth: config.workers.max_depth,
      maxIterations: config.workers.max_iterations,
      presets: workerPresets(config.workers.presets),
    },
    caps: {
      turnMicroUsd: microUsd(budget.per_turn_usd),
      personDayMicroUsd: microUsd(budget.per_person_day_usd),
      dayMicroUsd: microUsd(budget.per_day_usd),
      spaceDayMicroUsd: microUsd(budget.per_chat_day_usd),
      spaceDayTokens: budget.per_chat_day_tokens,
      turnTokens: budget.per_turn_tokens,
      personDayTokens: budget.per_person_day_tokens,
      dayTokens: budget.per_day_tokens,
    },
    prices: readPriceOverrides(config.providers),
  };
  const explanation = [models.explanation, ...auxiliary.skipped, ...vision.skipped].join(' ');
  return { settings, explanation };
}

function modelLimits(loaded: LoadedConfig, first: string | undefined): Readonly<Record<string, ModelLimits>> {
  const { config } = loaded;
  const limits: Record<string, ModelLimits> = {};
  for (const [id, provider] of Object.entries(config.providers))
    for (const [model, entry] of Object.entries(provider.models))
      limits[`${id}/${model}`] = {
        contextTokens: entry.context_length,
        maxOutputTokens: entry.max_output_tokens,
        vision: entry.vision,
      };
  for (const model of [config.model, ...config.fallback_models, ...config.model_auxiliary, ...config.model_vision]) {
    const name = model.name ?? (model === config.model ? first : undefined);
    if (name === undefined) continue;
    const key = model.provider === undefined ? name : `${model.provider}/${name}`;
    limits[key] = {
      contextTokens: model.context_length ?? limits[key]?.contextTokens,
      maxOutputTokens: model.max_tokens ?? limits[key]?.maxOutputTokens,
      vision: model.vision ?? limits[key]?.vision,
    };
  }
  return limits;
}

function microUsd(usd: number | null): number | null {
  return usd === null ? null : Math.round(usd * 1_000_000);
}

function workerPresets(presets: LoadedConfig['config']['workers']['presets']): AgentSettings['workers']['presets'] {
  const made: Record<string, Preset> = {};
  for (const [name, { description = '', prompt = '', tools, model }] of Object.entries(presets))
    made[name] = { description, prompt, tools, model };
  return made;
}

/** A name that people can type and every system takes; spaces that differ have folders that differ. */
function folderName(space: string): string {
  const own = /^p:([0-9A-Za-z]+)$/.exec(space)?.[1];
  return own?.toLowerCase() ?? `group-${createHash('sha256').update(space).digest('hex').slice(0, 16)}`;
}

function mediaPorts({ files, voice, loaded, clock }: ConfiguredAgentInput): MediaPorts {
  return {
    ...makeAgentVoice({ engines: voice, files, workDir: gatewayWorkDir(loaded.home), clock }),
    storeFile: ({ name, mime, bytes }) => files.keep(name, mime, new Blob([Buffer.from(bytes)]).stream()),
  };
}
