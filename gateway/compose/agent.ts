// The agent made from the configuration, and made anew from a changed one without a restart.
import { openAgent, type OpenedAgent } from '../../agent/agent.ts';
import { describeServers } from '../../agent/mcp/report.ts';
import type { AgentPort } from '../../agent/port.ts';
import { TOOLS } from '../../agent/tools/registry.ts';
import type { Tool } from '../../agent/tools/tool.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { ProcessDb } from '../../data/db.ts';
import { openResult } from '../../data/work/results.ts';
import type { Clock } from '../../shared/clock.ts';
import { asAppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Redactor } from '../../shared/redact.ts';
import { measurePrompt } from './agent/prompt-size.ts';
import { agentSettings } from './agent/settings.ts';
import { openSigner } from './signer.ts';
import type { MediaPorts } from '../../agent/tools/media/ports.ts';
import { gatewayWorkDir, type VoiceEngines } from '../voice/engines.ts';
import { makeAgentVoice } from '../voice/for-agent.ts';
import { areHandsAwaited } from './hands/hands-awaited.ts';
import type { Hands, HandsInput } from './hands/hands.ts';
import type { ConfiguredEvidence } from './evidence.ts';
import { scheduleTools } from './agent/schedule-tool.ts';
import type { JobGround } from './scheduler.ts';
import { jobDefaults } from '../../scheduler/config.ts';
import type { JobService } from '../../scheduler/types.ts';
import { makeChatPorts } from './agent/chat-ports.ts';
import { openLearning } from './agent/learning.ts';
import { openMcpDesk } from './hands/mcp.ts';
import { makePlatformTools } from './hands/platform-tools.ts';
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
  /** What skills have shown themselves to be worth. */
  evidence: ConfiguredEvidence;
  /** For scheduled jobs: where their commands run, as whom, and by which skills they may work. */
  forJobs: JobGround;
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
  files: Pick<FileStore, 'keep' | 'keepContent'>;
  voice: VoiceEngines;
  /** The gateway, which is built after its agent. */
  core(): Core;
  /** See HandsInput. */
  processEnded?: HandsInput['processEnded'];
  /** What runs by itself; built after the agent. Undefined: nothing does. */
  jobs?: (() => JobService) | undefined;
  /** More tools than the registry's; for tests. */
  tools?: readonly Tool[] | undefined;
}

/** Rejects with AppError `config_invalid` when the configured model cannot be used. */
export async function openConfiguredAgent(input: ConfiguredAgentInput): Promise<ConfiguredAgent> {
  const { db, clock, log, redactor, core } = input;
  let { loaded } = input;
  let { settings, explanation } = await agentSettings(loaded, clock);
  const platformTools = makePlatformTools();
  const own = [...TOOLS, ...scheduleTools({ ...input, loaded: () => loaded }), ...(input.tools ?? [])];
  let hands: Promise<Hands> | undefined;
  const chats = makeChatPorts(input);

  /** Loaded once; what fails is tried again with the next turn. */
  function findHands(): Promise<Hands> {
    const mcpPorts = { ...desk.ports, ask: port.sample };
    hands ??= loadHands(input, {
      notify: chats.notify,
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

  const tools = async (): Promise<readonly Tool[]> => [
    ...own,
    ...skills.tools,
    ...(await handTools()),
    ...platformTools(core().platforms.tools()),
  ];
  const { skills, reviews, evidence, services, sources } = openLearning({
    ...input,
    current: () => loaded,
    settings: () => settings,
    port: () => port,
    files: async () => (await findHands()).files,
    tools,
  });
  await services.ready;
  const port: OpenedAgent = openAgent({
    db,
    clock,
    knowledge: sources,
    semantic: services.semantic,
    outside: services.outside,
    skills: skills.port,
    random: Math.random,
    log,
    settings: () => settings,
    redact: (text) => redactor.redact(text),
    sign: openSigner(input.loaded.home).sign,
    checkpoints: async () => (await findHands()).checkpoints,
    tools,
    toolNotes,
    ports: {
      ...chats,
      references: {
        readPath: async (reference, at) => (await findHands()).references.readPath(reference, at),
        readPage: async (url, signal) => (await findHands()).references.readPage(url, signal),
        keep: (name, text) => input.files.keepContent(name, 'text/plain', text),
      },
    },
  });
  return {
    port,
    explanation: () => explanation,
    mcp: desk.control,
    evidence,
    forJobs: {
      settings: () => settings,
      defaults: () => jobDefaults(loaded.config.scheduler),
      terminals: async () => (await findHands()).terminals,
      skills: skills.library,
    },
    async reload(next) {
      ({ settings, explanation } = await agentSettings(next, clock));
      loaded = next;
      await services.reload(next);
      await (await hands)?.reload(next);
    },
    async pruneFiles() {
      // Without a turn since the start there is nothing new to delete, and nothing is loaded for it.
      await (await hands)?.checkpoints.prune({ maxAgeMs: KEEP_FILES_MS, maxBytes: KEEP_FILES_BYTES });
    },
    async start() {
      await reviews.start();
      if (await areHandsAwaited(input.loaded)) await handTools();
    },
    async close() {
      desk.close();
      await port.close();
      await (await hands)?.close();
    },
    promptSize: async () => measurePrompt({ settings, clock, log, tools: [...skills.tools, ...(await handTools())] }),
  };
}

async function loadHands(
  { loaded, clock, log, redactor, processEnded }: ConfiguredAgentInput,
  ports: Omit<HandsInput, 'loaded' | 'clock' | 'log' | 'redactor' | 'processEnded'>,
): Promise<Hands> {
  const { openHands } = await import('./hands/hands.ts');
  const hands = await openHands({ ...ports, loaded, clock, log, redactor, processEnded });
  void hands.adopt();
  return hands;
}

function mediaPorts({ files, voice, loaded, clock }: ConfiguredAgentInput): MediaPorts {
  return {
    ...makeAgentVoice({ engines: voice, files, workDir: gatewayWorkDir(loaded.home), clock }),
    storeFile: ({ name, mime, bytes }) => files.keep(name, mime, new Blob([Buffer.from(bytes)]).stream()),
  };
}
