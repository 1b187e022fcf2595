// One turn's requests: system prompt, history and tools around the messages of the turn, within the model's window. A history that has
// grown long is compressed before the call, and once more when a model says that it is too much after all.
import { listHistory } from '../data/messages.ts';
import type { Origin } from '../shared/messages.ts';
import { AppError } from '../shared/errors.ts';
import { compactHistory } from './context/compaction.ts';
import { presentHistory, type History } from './context/history.ts';
import type { PresentOptions } from './context/present.ts';
import { readState } from './context/state.ts';
import { estimateMessages, estimateRequest } from './context/tokens.ts';
import { fitTurn } from './context/window.ts';
import { askAuxiliary } from './auxiliary.ts';
import type { AgentParts } from './parts.ts';
import type { AgentTurn } from './port.ts';
import { COMPRESS_SHARE, frameOf, HISTORY_SHARE, windowOf } from './prompt/frame.ts';
import type { ChainLink } from './providers/fallback.ts';
import type { ModelMessage, ModelReply, ModelRequest, ToolSchema } from './providers/types.ts';
import { auxiliaryChain, hasImage, openingChain, routeMessages } from './routing.ts';
import type { AgentSettings } from './settings.ts';

/** A history smaller than this share of the room is not what makes a turn too long. */
const SMALL_SHARE = 0.2;

export interface Conversation {
  /** How people's words are shown in this turn. */
  present: PresentOptions;
  /** Whose words the history and what is known hold; grows with what becomes known. */
  origins: Set<Origin>;
  /** Tokens that fit the smallest model of the chain. */
  windowTokens: number;
  /** The person said more. */
  note(text: string): void;
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
  /** Names and toolsets of all that the turn may call. */
  toolNames: readonly string[];
  emit: AgentTurn['emit'];
  signal: AbortSignal;
}

export async function openConversation(input: ConversationInput): Promise<Conversation> {
  const { parts, settings, turn, chain, tools, signal } = input;
  const frame = await frameOf(parts, { ...turn, settings, chain, tools });
  const { present, system } = frame;
  const known = parts.knowledge.open({
    ...turn,
    turn: turn.id,
    isWorker: turn.worker !== undefined && turn.worker.knowsPerson !== true,
    text: turn.inputs.map(({ text }) => text).join('\n'),
    tools: input.toolNames,
  });
  let { room } = frame;
  let relieved = false;
  const load = async (): Promise<History> =>
    presentHistory(await listHistory(parts.db, turn.scope, turn.session), {
      ...present,
      budgetTokens: Math.floor(room * HISTORY_SHARE),
    });
  let history = await load();
  const origins = new Set<Origin>([...history.origins, ...frame.origins]);
  const opening = openingChain(settings, chain, {
    chars: turn.inputs.reduce((sum, { text }) => sum + text.length, 0),
    files: turn.inputs.reduce((sum, { files }) => sum + files.length, 0),
    historyTokens: history.totalTokens,
    isFixed: turn.model !== undefined || turn.worker !== undefined,
  });

  /** Older history becomes shorter; `isOverflow`: whatever the estimate says, and what is left gets half of the room. */
  async function shorten(isOverflow: boolean): Promise<void> {
    if (isOverflow) room = Math.floor(room / 2);
    const { db, log, guard } = parts;
    const { scope, session } = turn;
    const paidBy = turn.worker?.root ?? turn.id;
    await parts.knowledge.compressing(turn);
    await compactHistory({
      db,
      log,
      guard,
      scope,
      session,
      present,
      isForced: isOverflow,
      windowTokens: frame.windowTokens,
      readableTokens: windowOf(settings, auxiliaryChain(settings)),
      budgetTokens: Math.floor(room * HISTORY_SHARE),
      // The demo would echo what it is to condense.
      ask: settings.models.demo
        ? undefined
        : (request) => askAuxiliary(parts, { scope, session, turn: paidBy, cause: 'compress' }, request, signal),
    });
    await parts.knowledge.compressed(turn);
    history = await load();
  }

  async function call(messages: readonly ModelMessage[], withTools: boolean): Promise<ModelReply> {
    const sections = await known.sections();
    if (sections.some(({ isForeign }) => isForeign)) origins.add('foreign');
    const state = await readState(parts.db, turn, sections);
    const last = state ? [state] : [];
    const lastTokens = estimateMessages(last);
    const past = history.tokens + lastTokens;
    if (!relieved && past > room * SMALL_SHARE && past + estimateMessages(messages) > room) {
      relieved = true;
      await shorten(false);
    }
    const left = room - history.tokens - lastTokens;
    const isOpening = !messages.some(({ role }) => role === 'tool');
    const models = isOpening ? opening : chain;
    const fitting = fitTurn(messages, left);
    const routed = routeMessages(settings, models, [...history.messages, ...fitting, ...last]);
    const offered = withTools ? tools : [];
    // Of the history it is known; else all of it would be looked at for each call.
    const inputTokens = estimateRequest({ system, messages: [...fitting, ...last], tools: offered }) + history.tokens;
    const request: Omit<ModelRequest, 'model'> = {
      system,
      messages: routed.messages,
      tools: offered,
      maxOutputTokens: frame.maxOutputTokens,
      reasoningEffort: settings.reasoningEffort,
      cacheKey: turn.session,
    };
    const reply = await parts.meter.call({
      scope: turn.scope,
      session: turn.session,
      // Workers spend what their tree may spend.
      turn: turn.worker?.root ?? turn.id,
      cause: turn.worker?.isJob ? 'job' : turn.worker ? 'worker' : 'turn',
      chain: routed.chain,
      request,
      inputTokens,
      signal,
      onText: (event) => input.emit(event),
      onRetry: (notice) => input.emit({ type: 'retry', reason: notice.code }),
    });
    const hasImages = history.images > 0 || messages.some(hasImage);
    // Images are counted in too many ways.
    if (reply.usage && reply.answeredBy && !hasImages)
      parts.calibration.note(reply.answeredBy, inputTokens, reply.usage);
    return reply;
  }

  /** A model found it too long although the estimate did not. */
  async function relieve(): Promise<void> {
    relieved = true;
    input.emit({ type: 'retry', reason: 'model_context_overflow' });
    await shorten(true);
  }

  const has = history.totalTokens;
  const isLong = has > room * HISTORY_SHARE * COMPRESS_SHARE;
  if (isLong && parts.guard.mayCompact(turn.session, has)) await shorten(false);

  return {
    present,
    origins,
    note: (text) => known.note(text),
    windowTokens: frame.windowTokens,
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
