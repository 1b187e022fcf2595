// What is around the messages of a session's requests: the system prompt, and how much room the models leave for the rest.
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import type { SessionId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Address, Origin } from '../../shared/messages.ts';
import type { Calibration } from '../context/calibration.ts';
import type { WorkspaceInstructions } from '../context/files/instructions.ts';
import type { PresentOptions } from '../context/present.ts';
import { estimateRequest, estimateTokens } from '../context/tokens.ts';
import { contextTokensOf } from '../context/window.ts';
import type { ChainLink } from '../providers/fallback.ts';
import type { ModelRequest, ToolSchema } from '../providers/types.ts';
import type { Knowledge, KnowledgeAt } from '../knowledge.ts';
import { limitsOf, type AgentSettings } from '../settings.ts';
import { readIdentity } from './identity.ts';
import { findPersonality } from './personalities.ts';
import { makeSystem } from './prompt.ts';

/** Share of the window that estimates may be wrong by. */
const SAFETY = 0.05;
/** Share of the room that the history may have; the rest is left to what the turn itself will add. */
export const HISTORY_SHARE = 0.7;
/** The history is compressed when it takes more than this share of what it may have. */
export const COMPRESS_SHARE = 0.75;
const MAX_IMAGES = 8;

export interface FrameParts {
  db: Db;
  clock: Clock;
  log: Logger;
  calibration: Calibration;
  instructions: WorkspaceInstructions;
  knowledge: Pick<Knowledge, 'prompt'>;
}

export interface FrameInput {
  settings: AgentSettings;
  chain: readonly ChainLink[];
  tools: readonly ToolSchema[];
  scope: Scope;
  session: SessionId;
  role: KnowledgeAt['role'];
  address: Pick<Address, 'kind' | 'platform'>;
  /** Set for a worker. */
  worker?: { knowsPerson?: boolean | undefined } | undefined;
  promptHint: string;
  chatPrompt?: string | undefined;
  personality: string | undefined;
}

export interface Frame {
  system: ModelRequest['system'];
  /** Whose words the system prompt holds, beside the person's. */
  origins: ReadonlySet<Origin>;
  /** Of the workspace's files, within `system`. */
  instructionTokens: number;
  /** Of what is known beyond the conversation, within `system`. */
  knownTokens: number;
  present: PresentOptions;
  /** Tokens that fit the smallest model of the chain. */
  windowTokens: number;
  maxOutputTokens: number;
  /** Tokens for messages, by the estimator. */
  room: number;
}

export async function frameOf(parts: FrameParts, input: FrameInput): Promise<Frame> {
  const { settings, chain, scope, session, tools } = input;
  const at = { session, workspace: settings.workspaceOf(scope) };
  const instructions = await parts.instructions.of({ db: parts.db, scope, log: parts.log }, at);
  const isWorker = input.worker !== undefined && input.worker.knowsPerson !== true;
  const known = await parts.knowledge.prompt({ ...input, isWorker });
  const system = makeSystem({
    identity: await readIdentity(settings.home, parts.log),
    hint: input.promptHint,
    chat: input.chatPrompt ?? '',
    personality: findPersonality(settings.personalities, input.personality ?? settings.personality)?.text,
    group: input.address.kind === 'group',
    now: parts.clock.now(),
    timezone: settings.timezone,
    instructions: instructions.text,
    memory: known.text,
  });
  const windowTokens = windowOf(settings, chain);
  const outputs = chain.map((link) => limitsOf(settings, link).maxOutputTokens ?? settings.maxOutputTokens);
  const maxOutputTokens = Math.max(1, Math.min(settings.maxOutputTokens, ...outputs, Math.floor(windowTokens / 4)));
  const rooms = chain.map((link) => {
    const room = Math.floor(windowOf(settings, [link]) * (1 - SAFETY)) - maxOutputTokens;
    return room / parts.calibration.factorOf({ provider: link.provider.id, model: link.model });
  });
  const fixed = estimateRequest({ system, messages: [], tools });
  return {
    system,
    origins: new Set(instructions.isForeign || known.isForeign ? ['foreign'] : []),
    instructionTokens: instructions.text === '' ? 0 : estimateTokens(instructions.text) + 2,
    knownTokens: known.text === '' ? 0 : estimateTokens(known.text) + 2,
    present: presentOptions(input, windowTokens - maxOutputTokens),
    windowTokens,
    maxOutputTokens,
    room: Math.max(500, Math.floor(Math.min(...rooms)) - fixed),
  };
}

/** Of the window alone, not of what is learnt or free: else a long message would be cut in another place in each turn. */
function presentOptions(input: FrameInput, tokens: number): PresentOptions {
  return {
    group: input.address.kind === 'group',
    // A message in a script that costs a token and more per character must still fit.
    maxTextChars: Math.max(2_000, Math.min(100_000, Math.floor(tokens * 0.35))),
    maxFileChars: Math.max(1_000, Math.min(50_000, Math.floor(tokens * 0.18))),
    maxImages: MAX_IMAGES,
  };
}

/** The smallest window of the chain, so that a fallback can take over at any time. */
export function windowOf(settings: AgentSettings, chain: readonly ChainLink[]): number {
  return Math.min(...chain.map((link) => limitsOf(settings, link).contextTokens ?? contextTokensOf(link.model)));
}
