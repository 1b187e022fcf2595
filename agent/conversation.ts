// One turn's requests: system prompt, history and tools around the messages of the turn, within the model's window. When a model says that
// it is too much after all, the history is compressed once and the call is made again.
import { listHistory } from '../data/messages.ts';
import type { Origin } from '../shared/messages.ts';
import { AppError } from '../shared/errors.ts';
import { compressHistory } from './context/compress.ts';
import { presentHistory, type History } from './context/history.ts';
import type { PresentOptions } from './context/present.ts';
import { estimateMessage, estimateRequest } from './context/tokens.ts';
import { contextTokensOf, fitTurn } from './context/window.ts';
import type { AgentParts } from './parts.ts';
import type { AgentTurn } from './port.ts';
import { readIdentity } from './prompt/identity.ts';
import { findPersonality } from './prompt/personalities.ts';
import { makeSystem } from './prompt/prompt.ts';
import type { ChainLink } from './providers/fallback.ts';
import type { ModelMessage, ModelReply, ModelRequest, ToolSchema } from './providers/types.ts';
import { limitsOf, type AgentSettings } from './settings.ts';

/** Share of the window that estimates may be wrong by. */
const SAFETY = 0.05;
/** Share of the room that is left to what the turn itself will add. */
const TURN_SHARE = 0.3;
const MAX_IMAGES = 8;

export interface Conversation {
  /** How people's words are shown in this turn. */
  present: PresentOptions;
  /** Whose words the history holds. */
  origins: ReadonlySet<Origin>;
  /** The history as the model reads it. */
  past(): readonly ModelMessage[];
  /** One metered call over history and `messages`. Emits text events. Rejects with AppError. */
  ask(messages: readonly ModelMessage[], withTools: boolean): Promise<ModelReply>;
}

export interface ConversationInput {
  parts: AgentParts;
  settings: AgentSettings;
  turn: AgentTurn;
  chain: readonly ChainLink[];
  tools: readonly ToolSchema[];
  emit: AgentTurn['emit'];
  signal: AbortSignal;
}

export async function openConversation(input: ConversationInput): Promise<Conversation> {
  const { parts, settings, turn, chain, tools, signal } = input;
  const system = await systemOf(input);
  const size = sizes(settings, chain, estimateRequest({ system, messages: [], tools }));
  const present: PresentOptions = {
    group: turn.address.kind === 'group',
    // A message in a script that costs a token and more per character must still fit.
    maxTextChars: Math.max(2_000, Math.min(100_000, Math.floor(size.room * 0.4))),
    maxFileChars: Math.max(1_000, Math.min(50_000, Math.floor(size.room * 0.2))),
    maxImages: MAX_IMAGES,
  };
  const load = async (budgetTokens: number): Promise<History> =>
    presentHistory(await listHistory(parts.db, turn.scope, turn.session), { ...present, budgetTokens });
  let room = size.room;
  let history = await load(Math.floor(room * (1 - TURN_SHARE)));
  let relieved = false;

  async function call(messages: readonly ModelMessage[], withTools: boolean): Promise<ModelReply> {
    const past = history.messages.reduce((sum, message) => sum + estimateMessage(message), 0);
    const request: Omit<ModelRequest, 'model'> = {
      system,
      messages: [...history.messages, ...fitTurn(messages, room - past)],
      tools: withTools ? tools : [],
      maxOutputTokens: size.maxOutputTokens,
      reasoningEffort: settings.reasoningEffort,
      cacheKey: turn.session,
    };
    return parts.meter.call({
      scope: turn.scope,
      session: turn.session,
      // Workers spend what their tree may spend.
      turn: turn.worker?.root ?? turn.id,
      cause: turn.worker ? 'worker' : 'turn',
      chain,
      request,
      signal,
      onText: (event) => input.emit(event),
      onRetry: (notice) => input.emit({ type: 'retry', reason: notice.code }),
    });
  }

  /** Makes room: older history becomes a summary, and what is left gets half of what the estimate allowed. */
  async function relieve(): Promise<void> {
    relieved = true;
    input.emit({ type: 'retry', reason: 'model_context_overflow' });
    await compressHistory({
      db: parts.db,
      scope: turn.scope,
      session: turn.session,
      log: parts.log,
      maxChars: size.room,
      ask: (request) =>
        parts.meter.call({
          scope: turn.scope,
          session: turn.session,
          turn: turn.id,
          cause: 'compress',
          chain,
          request: { ...request, cacheKey: `${turn.session}.compress` },
          signal,
        }),
    });
    room = Math.floor(size.room / 2);
    history = await load(Math.floor(room * (1 - TURN_SHARE)));
  }

  return {
    present,
    origins: history.origins,
    past: () => history.messages,
    async ask(messages, withTools) {
      try {
        return await call(messages, withTools);
      } catch (error) {
        if (relieved || !(error instanceof AppError) || error.code !== 'model_context_overflow') throw error;
        await relieve();
        return call(messages, withTools);
      }
    },
  };
}

async function systemOf({ parts, settings, turn }: ConversationInput): Promise<ModelRequest['system']> {
  const personality = findPersonality(settings.personalities, turn.personality ?? settings.personality);
  return makeSystem({
    identity: await readIdentity(settings.home, parts.log),
    hint: turn.promptHint,
    chat: turn.chatPrompt ?? '',
    personality: personality?.text,
    group: turn.address.kind === 'group',
    now: parts.clock.now(),
    timezone: settings.timezone,
    memory: '',
  });
}

/** The room for messages in the smallest window of the chain, so that a fallback can take over at any time. */
function sizes(
  settings: AgentSettings,
  chain: readonly ChainLink[],
  fixedTokens: number,
): { room: number; maxOutputTokens: number } {
  const windows = chain.map((link) => limitsOf(settings, link).contextTokens ?? contextTokensOf(link.model));
  const outputs = chain.map((link) => limitsOf(settings, link).maxOutputTokens ?? settings.maxOutputTokens);
  const window = Math.min(...windows);
  const maxOutputTokens = Math.max(1, Math.min(settings.maxOutputTokens, ...outputs, Math.floor(window / 4)));
  return { maxOutputTokens, room: Math.max(500, Math.floor(window * (1 - SAFETY)) - maxOutputTokens - fixedTokens) };
}
