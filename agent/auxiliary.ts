// Model calls that are not said to a person: summaries, titles, rules, judgements. They go to the models meant for it.
import type { Scope } from '../data/scope.ts';
import type { SessionId, TurnId } from '../shared/ids.ts';
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
