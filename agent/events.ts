// What a running turn tells the outside. For display only: what counts is in the journal.
import type { TokenUsage } from './providers/types.ts';

export type AgentEvent =
  | { type: 'text'; delta: string }
  | { type: 'thinking'; delta: string }
  /** The model was called again (a retry or a repair): text shown since the last `step` is void. */
  | { type: 'retry'; reason: string }
  /** A model reply is complete and journaled; its text stays, the next text starts a new paragraph. */
  | { type: 'step'; text: string; usage: TokenUsage | undefined }
  | { type: 'tool_start'; callId: string; name: string; summary: string }
  | { type: 'tool_end'; callId: string; name: string; ok: boolean }
  /** Messages that arrived during the turn and were given to the model. */
  | { type: 'steered'; count: number };
