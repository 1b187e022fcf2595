// The provider interface: one model call in, one stream of events out. Every provider passes tests/contracts/provider-contract.ts.

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** Content of a user message. Images travel as bytes, base64. */
export type ContentPart = { type: 'text'; text: string } | { type: 'image'; mime: string; base64: string };

export interface ToolCall {
  /** The provider's id of the call; unique within one reply. */
  id: string;
  name: string;
  /** Parsed arguments; undefined when they were no JSON object even after repair (`rawArguments` says what came). */
  arguments: { [key: string]: JsonValue } | undefined;
  rawArguments: string;
}

/** Reasoning that must be sent back as it came (Anthropic signatures, OpenAI encrypted items). Opaque outside its provider. */
export interface ReasoningItem {
  provider: string;
  data: JsonValue;
}

export type ModelMessage =
  | {
      role: 'user';
      content: readonly ContentPart[];
      /** True for the last message when it is different in each request: caches should end before it. */
      isState?: boolean | undefined;
    }
  | {
      role: 'assistant';
      text: string;
      toolCalls: readonly ToolCall[];
      reasoning?: readonly ReasoningItem[] | undefined;
    }
  | { role: 'tool'; callId: string; name: string; text: string; isError: boolean };

export interface ToolSchema {
  name: string;
  description: string;
  /** JSON Schema of an object. */
  parameters: { [key: string]: JsonValue };
}

export interface ModelRequest {
  model: string;
  /** Parts of the system prompt, most stable first; providers with explicit caching put a breakpoint after those marked `cache`. */
  system: readonly { text: string; cache: boolean }[];
  messages: readonly ModelMessage[];
  tools: readonly ToolSchema[];
  maxOutputTokens: number;
  reasoningEffort?: 'none' | 'low' | 'medium' | 'high' | undefined;
  /** Stable per session, so that providers route to a warm cache. */
  cacheKey: string;
}

export interface TokenUsage {
  /** Prompt tokens neither read from nor written to a cache; with those two it adds up to the whole prompt. */
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  /** Part of `output`. */
  reasoning: number;
}

export type StopReason = 'end' | 'tool_calls' | 'max_tokens' | 'refusal';

export interface ModelReply {
  text: string;
  toolCalls: readonly ToolCall[];
  /** Human-readable reasoning, for display only. */
  thinking: string;
  reasoning: readonly ReasoningItem[];
  stop: StopReason;
  /** Undefined when the provider reported none; the meter then estimates. */
  usage: TokenUsage | undefined;
  /** Model id as the provider answered it. */
  model: string;
  /** Set by `callModel`: which link of the chain answered, by the ids that prices and usage rows go by. */
  answeredBy?: { provider: string; model: string } | undefined;
}

/** `done` is the last event of every successful call; deltas before it are for display only. */
export type ModelEvent =
  | { type: 'text'; delta: string }
  | { type: 'thinking'; delta: string }
  | { type: 'done'; reply: ModelReply };

export interface Provider {
  /** Id of the preset or configuration entry, for usage rows and errors. */
  readonly id: string;
  /**
   * One call. Throws AppError with a `model_*`, `cancelled` or `timeout` code, never anything else. Does not retry: the
   * metered client does. A stream that ends before `done` is an error, and partial tool calls are never yielded.
   */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
  /** Model ids on offer; empty when the provider has no list. Throws like `stream`. */
  listModels(signal: AbortSignal): Promise<readonly string[]>;
}
