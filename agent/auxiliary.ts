// Model calls that are not said to a person: summaries, titles, rules, judgements. They go to the models meant for it.
import type { Scope } from '../data/scope.ts';
import { getSession } from '../data/sessions.ts';
import type { SessionId, TurnId } from '../shared/ids.ts';
import type { SamplingReply, SamplingRequest } from './mcp/ports.ts';
import type { AgentParts } from './parts.ts';
import type { ModelReply, ModelRequest } from './providers/types.ts';
import { auxiliaryChain } from './routing.ts';

export interface AuxiliaryCall {
  scope: Scope;
  session: SessionId;
  /** Whose budget it counts for; undefined: none beside the day's. */
  turn: TurnId | undefined;
  /** In usage rows: 'compress', 'rule' … */
  cause: string;
}

export type AuxiliaryRequest = Pick<ModelRequest, 'system' | 'messages' | 'tools' | 'maxOutputTokens'>;

/** One metered call. Rejects with AppError. */
export function askAuxiliary(
  { meter, settings }: Pick<AgentParts, 'meter' | 'settings'>,
  call: AuxiliaryCall,
  request: AuxiliaryRequest,
  signal: AbortSignal,
): Promise<ModelReply> {
  return meter.call({
    ...call,
    chain: auxiliaryChain(settings()),
    request: { ...request, cacheKey: `${call.session}.${call.cause}` },
    signal,
  });
}

/**
 * One metered call of the session's model, or of the one that the request names, for an MCP server whose tool runs; within the caps of
 * whoever called it. Rejects with AppError.
 */
export async function sampleText(
  { db, meter, settings }: Pick<AgentParts, 'db' | 'meter' | 'settings'>,
  { caller, model, system, messages, tools, maxOutputTokens }: SamplingRequest,
  signal: AbortSignal,
): Promise<SamplingReply> {
  const { scope, session, turn } = caller;
  const { chooseModel, models } = settings();
  const chosen = model ?? (await getSession(db, scope, session))?.model;
  const reply = await meter.call({
    scope,
    session,
    turn,
    cause: 'mcp',
    chain: chosen === undefined ? models.chain : chooseModel(chosen),
    request: { system: [{ text: system, cache: false }], messages, tools, maxOutputTokens, cacheKey: `${session}.mcp` },
    signal,
  });
  return { text: reply.text, toolCalls: reply.toolCalls, stop: reply.stop, model: reply.model };
}
