// What the agent is made of, as its files share it.
import type { Db } from '../data/db.ts';
import type { Sign } from '../data/policy/ledger.ts';
import type { Clock } from '../shared/clock.ts';
import type { Scope } from '../data/scope.ts';
import type { SessionId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import type { Address } from '../shared/messages.ts';
import type { Checkpoints } from './checkpoints/checkpoints.ts';
import type { Meter } from './budget/meter.ts';
import type { Calibration } from './context/calibration.ts';
import type { WorkspaceInstructions } from './context/files/instructions.ts';
import type { ReferencePorts } from './context/files/references.ts';
import type { CompactionGuard } from './context/guard.ts';
import type { Knowledge, KnowledgeSource } from './knowledge.ts';
import type { Memory } from './memory/memory.ts';
import type { OutsideMemory } from './memory/outside.ts';
import type { SemanticPort } from './memory/recall.ts';
import type { AgentSettings } from './settings.ts';
import type { ChatSkills, SkillsPort } from './skills/port.ts';
import type { ApprovalPort } from './policy/permission.ts';
import type { MediaPorts } from './tools/media/ports.ts';
import type { QuestionPort } from './tools/planning/clarify.ts';
import type { Tool, ToolPorts } from './tools/tool.ts';

/** What reaches the agent as ports, because other folders own it. */
export interface AgentPorts extends ToolPorts, ApprovalPort, QuestionPort, MediaPorts {
  /** Begins a turn of the session with `text`, once per key; resolves when it is on disk. */
  notify(event: AgentNotice): Promise<void>;
  /** How `@file:…`, `@folder:…` and `@url:…` of people are read. Default: they stay as they are. */
  references?: ReferencePorts;
  /** IANA name: the zone that the person chose; undefined: that of the configuration. */
  timezoneOf?(scope: Scope): Promise<string | undefined>;
  /** What a chat settled about skills, for workers and jobs there; turns of people bring it along. Default: nothing. */
  chatSkillsOf?(address: Address): Promise<ChatSkills | undefined>;
}

/** Something that the agent waited for has happened. */
export interface AgentNotice {
  scope: Scope;
  address: Address;
  session: SessionId;
  key: string;
  text: string;
  origin: 'agent' | 'foreign';
}

export interface AgentInput {
  db: Db;
  clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  random: () => number;
  log: Logger;
  /** Asked at the start of each turn. */
  settings(): AgentSettings;
  ports: AgentPorts;
  /** Masks secrets in tool results and answers. */
  redact(text: string): string;
  /** Signs the record of approvals. */
  sign: Sign;
  /** What files were before turns changed them. Default: nothing is kept. */
  checkpoints?: () => Promise<Pick<Checkpoints, 'undo' | 'list'>>;
  /** Asked at the start of each turn. Default: the registry. */
  tools?: () => Promise<readonly Tool[]>;
  /** See ToolOverview. Default: none. */
  toolNotes?: () => Promise<readonly string[]>;
  /** Default: one that is searched by words alone. */
  memory?: Memory | undefined;
  /** What commands may do with skills. Default: there are none. */
  skills?: SkillsPort | undefined;
  /** What is known beyond conversation and memory, in the order of the prompt. Default: nothing. */
  knowledge?: readonly KnowledgeSource[];
  /** Search of the memory by meaning. Default: by words alone. */
  semantic?: SemanticPort | undefined;
  /** Services that forget with the memory. Default: there are none. */
  outside?: (() => Promise<OutsideMemory | undefined>) | undefined;
}

/** What the parts of the agent share. */
export interface AgentParts extends Required<
  Omit<AgentInput, 'checkpoints' | 'toolNotes' | 'knowledge' | 'semantic' | 'outside' | 'memory' | 'skills'>
> {
  meter: Meter;
  calibration: Calibration;
  guard: CompactionGuard;
  instructions: WorkspaceInstructions;
  knowledge: Knowledge;
}
