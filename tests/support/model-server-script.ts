// What the scripted model server is told to answer, and how it finds the answer to a request.

export type ModelApi = 'chat' | 'responses' | 'anthropic';

export interface ScriptedToolCall {
  name: string;
  arguments: Record<string, unknown> | string;
  id?: string;
}

/**
 * - `half-line`: the stream ends in the middle of a line before its final event · `reset-before-end`: the connection is reset
 *   there · `stall`: silence there, until the client goes · `no-response`: silence from the start
 * - `split-utf8`: bytes come one by one, so that characters are cut · `error-body-200`: status 200 with an error as JSON ·
 *   `error-event`: an error event in the middle · `broken-json-args`: arguments in single quotes without the last bracket
 * - `empty`: neither text nor calls
 */
export type Fault =
  | 'half-line'
  | 'reset-before-end'
  | 'stall'
  | 'no-response'
  | 'split-utf8'
  | 'error-body-200'
  | 'error-event'
  | 'broken-json-args'
  | 'empty';

export interface ScriptedReply {
  /** `{{user}}`, `{{tool}}` and `{{n}}` stand for the last user text, the last tool result and the number of the call. */
  text?: string;
  thinking?: string;
  toolCalls?: readonly ScriptedToolCall[];
  /** Pause between the events of a stream, and before an answer that is no stream. Default 0. */
  delayMs?: number;
  /** Characters per text event. Default 6. */
  chunkChars?: number;
  /** Anything but 200 answers with an error. */
  status?: number;
  headers?: Record<string, string>;
  error?: { type?: string; code?: string | null; message?: string };
  fault?: Fault;
  usage?: Partial<ScriptedUsage>;
  stop?: 'max_tokens' | 'refusal';
}

export interface ScriptedUsage {
  /** Whole prompt, cached parts included. */
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  reasoning: number;
}

export interface ToolResultSeen {
  id: string;
  text: string;
}

/** A request as all three APIs tell it. */
export interface CallSeen {
  index: number;
  api: ModelApi;
  path: string;
  /** From the Authorization or x-api-key header. */
  key: string;
  headers: Record<string, string>;
  model: string;
  stream: boolean;
  /** System prompt, joined. */
  system: string;
  /** Text of the last user message that has text, without the state of the conversation. */
  user: string;
  /** Results after the last assistant message. */
  toolResults: readonly ToolResultSeen[];
  /** Names of the tools on offer. */
  tools: readonly string[];
  /** As parsed from JSON. */
  body: Record<string, unknown>;
}

/** A rule of a script file: the first one that fits and is not used up answers. */
export interface ScriptRule {
  when?: {
    /** Regular expression on the last user text, case-insensitive. */
    user?: string;
    /** Regular expression on any result after the last assistant message. */
    toolResult?: string;
    hasToolResult?: boolean;
    api?: ModelApi;
  };
  /** How often it may answer. Default: without end. */
  times?: number;
  reply: ScriptedReply;
}

export type Script = readonly ScriptRule[] | ((call: CallSeen) => ScriptedReply | undefined);

/** Replies in the order of the calls; after the last one every call is an error. */
export function inOrder(...replies: ScriptedReply[]): Script {
  return replies.map((reply) => ({ times: 1, reply }));
}

/** Answers by `script`; keeps count of the rules that are limited. */
export function makeScriptReader(script: Script): (call: CallSeen) => ScriptedReply | undefined {
  if (typeof script === 'function') return script;
  const left = script.map((rule) => rule.times ?? Number.POSITIVE_INFINITY);
  return (call) => {
    const index = script.findIndex((rule, at) => (left[at] ?? 0) > 0 && fits(rule.when ?? {}, call));
    const rule = script[index];
    if (rule === undefined) return undefined;
    left[index] = (left[index] ?? 0) - 1;
    return rule.reply;
  };
}

function fits(when: NonNullable<ScriptRule['when']>, call: CallSeen): boolean {
  if (when.api !== undefined && when.api !== call.api) return false;
  if (when.user !== undefined && !new RegExp(when.user, 'i').test(call.user)) return false;
  if (when.hasToolResult !== undefined && when.hasToolResult !== call.toolResults.length > 0) return false;
  const pattern = when.toolResult;
  return pattern === undefined || call.toolResults.some((result) => new RegExp(pattern, 'i').test(result.text));
}

/** `reply` with its placeholders filled in. */
export function fillReply(reply: ScriptedReply, call: CallSeen): ScriptedReply {
  const fill = (text: string) =>
    text
      .replaceAll('{{user}}', () => call.user)
      .replaceAll('{{tool}}', () => call.toolResults.at(-1)?.text ?? '')
      .replaceAll('{{n}}', () => String(call.index));
  if (reply.fault === 'empty') return { ...reply, text: '', toolCalls: [] };
  return { ...reply, ...(reply.text === undefined ? {} : { text: fill(reply.text) }) };
}

export function usageOf(reply: ScriptedReply): ScriptedUsage {
  return { input: 20, output: 10, cacheRead: 0, cacheWrite: 0, reasoning: 0, ...reply.usage };
}

export function argumentsOf(call: ScriptedToolCall, fault: Fault | undefined): string {
  const text = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
  return fault === 'broken-json-args' ? text.replaceAll('"', "'").replace(/\}$/, '') : text;
}

/** Herald's note on the state of the conversation at the end of a request: nobody has said it. */
export function isStateText(text: string): boolean {
  return text.startsWith('[State of this conversation, kept by Herald.');
}

/** Pieces of at most `size` code points: JSON of one event must be whole characters, cutting bytes is the wire's business. */
export function cutText(text: string, size = 6): string[] {
  const points = [...text];
  const pieces: string[] = [];
  for (let at = 0; at < points.length; at += size) pieces.push(points.slice(at, at + size).join(''));
  return pieces;
}

/** An answer ready for the wire. */
export interface BuiltAnswer {
  /** SSE frames. */
  frames: readonly string[];
  /** Index of the first frame that ends the reply: faults strike before it. */
  finalFrom: number;
  /** The events inside the frames. */
  events: readonly unknown[];
  /** The answer when no stream was asked for. */
  body: unknown;
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
