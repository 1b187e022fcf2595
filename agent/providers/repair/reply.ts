// Mends replies of weak models and badly set up servers: pure, applied once to the finished reply.
import { parseArguments } from './json-arguments.ts';
import { findTextToolCalls } from './text-tool-calls.ts';
import type { StopReason, ToolCall, ToolSchema } from '../types.ts';

export interface RawReply {
  text: string;
  thinking: string;
  toolCalls: readonly { id: string; name: string; arguments: string }[];
  stop: StopReason;
}

export interface RepairContext {
  tools: readonly ToolSchema[];
  /** Texts of users and tools, from which a quoted call is no call. Read only when a call is found in the text. */
  given: () => readonly string[];
  /** False for services whose replies need no mending of text; arguments are mended for all. */
  repairText: boolean;
  /** Makes the id of the n-th call found in text. */
  makeId: (index: number) => string;
}

export interface RepairedReply {
  text: string;
  thinking: string;
  toolCalls: ToolCall[];
  stop: StopReason;
}

/** `raw` with arguments parsed, reasoning told apart from text, leaked template tokens removed and text calls made calls. */
export function repairReply(raw: RawReply, context: RepairContext): RepairedReply {
  const complete = raw.stop !== 'max_tokens';
  const toolCalls = raw.toolCalls.map((call) => ({
    id: call.id,
    name: call.name.trim(),
    arguments: parseArguments(call.arguments, complete ? 'lenient' : 'strict'),
    rawArguments: call.arguments,
  }));
  if (!context.repairText) return { text: raw.text, thinking: raw.thinking, toolCalls, stop: raw.stop };
  const split = splitThinking(raw.text);
  const thinking = joinParagraphs(raw.thinking, split.thinking);
  const text = stripTemplateTokens(split.text);
  if (toolCalls.length > 0) return { text, thinking, toolCalls, stop: raw.stop };
  return addTextCalls({ text, thinking, toolCalls, stop: raw.stop }, context);
}

function addTextCalls(reply: RepairedReply, context: RepairContext): RepairedReply {
  if (reply.stop === 'max_tokens' || reply.stop === 'refusal') return reply;
  // Some servers file the whole answer, calls included, under reasoning.
  const source = reply.text === '' ? reply.thinking : reply.text;
  const found = context.tools.length === 0 ? undefined : findTextToolCalls(source, context.tools, context.given);
  if (found !== undefined) {
    const toolCalls = found.calls.map((call, index) => ({ id: context.makeId(index), ...call }));
    const rest =
      reply.text === '' ? { text: '', thinking: found.text } : { text: found.text, thinking: reply.thinking };
    return { ...rest, toolCalls, stop: 'tool_calls' };
  }
  if (reply.text === '' && reply.thinking !== '')
    return { ...reply, text: stripTemplateTokens(reply.thinking), thinking: '' };
  return reply;
}

/**
 * Takes `<think>…</think>` out of `text`: leading blocks, blocks that start a line outside code, and everything before a
 * closing tag whose opening tag the chat template swallowed. An opening tag that is never closed makes the rest thinking.
 */
export function splitThinking(text: string): { text: string; thinking: string } {
  const harmony = splitHarmony(text);
  if (harmony) return harmony;
  if (!text.includes('think')) return { text, thinking: '' };
  const thoughts: string[] = [];
  let rest = text;
  const orphan = /^([\s\S]*?)<\/(?:think|thinking)>\s*/.exec(rest);
  if (orphan && !/<think(?:ing)?>/.test(orphan[1] ?? '') && !(orphan[1] ?? '').includes('`')) {
    thoughts.push((orphan[1] ?? '').trim());
    rest = rest.slice(orphan[0].length);
  }
  const pieces = rest.split(/(^[ \t]*```[\s\S]*?(?:^[ \t]*```[ \t]*$|$(?![\s\S])))/m);
  const kept = pieces.map((piece) => {
    if (/^[ \t]*```/.test(piece)) return piece;
    return piece.replace(THINK_BLOCKS, (blocks: string, start: string) => {
      for (const [, , thought] of blocks.matchAll(THINK_BLOCK)) thoughts.push((thought ?? '').trim());
      return start;
    });
  });
  if (thoughts.length === 0) return { text, thinking: '' };
  return { text: kept.join('').trim(), thinking: joinParagraphs(...thoughts) };
}

const THINK_BLOCK = /<(think|thinking)>([\s\S]*?)(?:<\/\1>\s*|$)/g;
/** Blocks in a row that start a line. */
const THINK_BLOCKS = /(^|\n)[ \t]*(?:<(think|thinking)>[\s\S]*?(?:<\/\2>\s*|$))+/g;

/** The harmony format of gpt-oss, when a server passes its channels through. */
function splitHarmony(text: string): { text: string; thinking: string } | undefined {
  if (!text.includes('<|channel|>')) return undefined;
  const thoughts: string[] = [];
  const answers: string[] = [];
  const CHANNEL = /<\|channel\|>\s*(\w+)[^<]*<\|message\|>([\s\S]*?)(?=<\|(?:end|return|call|start|channel)\|>|$)/g;
  for (const [, channel, body] of text.matchAll(CHANNEL)) {
    (channel === 'final' ? answers : thoughts).push((body ?? '').trim());
  }
  if (thoughts.length + answers.length === 0) return undefined;
  return { text: joinParagraphs(...answers), thinking: joinParagraphs(...thoughts) };
}

// Control tokens of chat templates: ChatML, Llama 3, Gemma, DeepSeek, Mistral, harmony.
const ROLE_HEADER =
  /<\|im_start\|>(?:assistant|system|user|tool)?\n?|<\|start_header_id\|>\w*<\|end_header_id\|>\n*|<start_of_turn>(?:model|user)?\n?/g;
const CONTROL_TOKEN =
  /<\|(?:im_end|endoftext|eot_id|eom_id|begin_of_text|end_of_text|end|return|start|channel|message|python_tag|fim_\w+)\|>|<end_of_turn>|<｜[^<>｜]{1,40}｜>|\[\/?INST\]/g;

/** Removes leaked control tokens, but not inside code: there they are what the answer is about. */
export function stripTemplateTokens(text: string): string {
  if (!/<\||<｜|_of_turn>|\[\/?INST\]|<\/?s>/.test(text)) return text;
  const pieces = text.split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/);
  const cleaned = pieces.map((piece) =>
    piece.startsWith('`') ? piece : piece.replace(ROLE_HEADER, '').replace(CONTROL_TOKEN, ''),
  );
  return cleaned
    .join('')
    .replace(/^\s*<s>\s*|\s*<\/s>\s*$/g, '')
    .trim();
}

function joinParagraphs(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}
