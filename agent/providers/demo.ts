// The built-in model for a first try: offline, deterministic, rule-based, and saying so in every answer. It goes through the
// same interface and the same tool calls as a real one, so that the whole path can be seen and tested without a key.
import type { Clock } from '../../shared/clock.ts';
import { nextErrandStep } from './demo-errand.ts';
import { abortError } from './errors.ts';
import type {
  JsonValue,
  ModelEvent,
  ModelMessage,
  ModelReply,
  ModelRequest,
  Provider,
  TokenUsage,
  ToolCall,
  ToolSchema,
} from './types.ts';

export const DEMO_PROVIDER = 'demo';
export const DEMO_MODEL = 'demo';

/** Ends every answer of the demo model. */
export const DEMO_FOOTER = '(demo model: offline and rule-based; set a real one with `herald setup`)';

export interface DemoOptions {
  /** Pause before each word, in milliseconds; 0 (the default) streams without pauses. */
  delayMs?: number;
  /** Needed for pauses only. */
  clock?: Clock;
}

export function makeDemoProvider(options: DemoOptions = {}): Provider {
  return {
    id: DEMO_PROVIDER,
    async *stream(request, signal) {
      const reply = decideReply(request);
      for (const delta of splitWords(reply.text)) {
        await pauseOrStop(options, signal);
        yield { type: 'text', delta };
      }
      await pauseOrStop(options, signal);
      const done: ModelEvent = { type: 'done', reply };
      yield done;
    },
    async listModels(signal) {
      if (signal.aborted) throw abortError(signal);
      return [DEMO_MODEL];
    },
  };
}

async function pauseOrStop({ delayMs = 0, clock }: DemoOptions, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw abortError(signal);
  if (delayMs === 0 || clock === undefined) return;
  try {
    await clock.sleep(delayMs, signal);
  } catch {
    throw abortError(signal);
  }
}

/** Words with the white space after them: joined again they are the text. */
function splitWords(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? [];
}

/** Pure: the same request gives the same reply. */
function decideReply(request: ModelRequest): ModelReply {
  const errand = nextErrandStep(request);
  if (errand) return 'text' in errand ? answer(request, errand.text) : callTool(request, errand.tool, errand.args);
  const results = trailingResults(request.messages);
  if (results.length > 0) return answer(request, results.map(describeResult).join('\n\n'));
  const text = lastUserText(request.messages);
  const images = lastUserImages(request.messages);
  const intent = INTENTS.find((entry) => entry.pattern.test(text));
  const match = intent?.pattern.exec(text);
  if (intent === undefined || !match) return answer(request, fallbackAnswer(text, images));
  const rest = (match.groups?.['rest'] ?? '').trim().replace(/[?!.]+$/, '');
  const step = intent.act(rest, request, (match.groups?.['when'] ?? '').trim());
  if ('text' in step) return answer(request, step.text);
  const has = (name: string) => request.tools.some((tool) => tool.name === name);
  if (!has(step.tool) && step.isRare && has('use_tool'))
    return callTool(request, 'use_tool', { name: step.tool, arguments: step.args });
  if (!has(step.tool)) {
    return answer(request, `I would use the tool \`${step.tool}\` for that, but it is switched off here.`);
  }
  return callTool(request, step.tool, step.args);
}

/** `isRare`: a tool that may be called without standing in the prompt. */
type DemoStep = { text: string } | { tool: string; args: { [key: string]: JsonValue }; isRare?: boolean };

interface Intent {
  pattern: RegExp;
  act(rest: string, request: ModelRequest, when: string): DemoStep;
}

const ONCE = String.raw`(?:in \d+ \w+|today|tonight|tomorrow|next \w+|on \w+|at \d)[^,]*?`;
const CLOCK = String.raw`at \d{1,2}(?:[:.]\d\d)?(?: ?[ap]m)?`;
const AGAIN = String.raw`(?:every [^,]*? ${CLOCK}|every \d+ \w+|every (?:hour|day|morning|evening|week))`;

function plan(kind: 'prompt' | 'reminder', when: string, what: string): DemoStep {
  return { tool: 'schedule', isRare: true, args: { action: 'create', kind, when: when.toLowerCase(), what } };
}

// Order matters: the first that fits wins.
const INTENTS: readonly Intent[] = [
  {
    pattern: new RegExp(
      String.raw`^(?:please )?remind me (?<when>${AGAIN}|${ONCE}),? (?:to|that|about) (?<rest>[\s\S]+)`,
      'i',
    ),
    act: (rest, _, when) => plan('reminder', when, rest),
  },
  {
    pattern: new RegExp(
      String.raw`^(?:please )?remind me (?:to|that|about) (?<rest>[\s\S]+?),? (?<when>${AGAIN}|${ONCE})[.!]?$`,
      'i',
    ),
    act: (rest, _, when) => plan('reminder', when, rest),
  },
  {
    pattern: new RegExp(String.raw`^(?<when>${AGAIN}),?:? (?<rest>[\s\S]{3,})`, 'i'),
    act: (rest, _, when) => plan('prompt', when, rest),
  },
  {
    pattern: /^(?:\/?help|what can you do|how do(?:es)? (?:you|this) work)\b/i,
    act: (_, request) => ({ text: helpText(request.tools) }),
  },
  {
    pattern: /^(?:please\s+)?(?:remember|note|note down|keep in mind)\b(?:\s+that)?[\s:,]+(?<rest>[\s\S]+)/i,
    act: (rest) => ({ tool: 'memory', args: { action: 'add', content: rest } }),
  },
  {
    pattern: /^(?:please\s+)?(?:remember|note)[\s:?!.]*$/i,
    act: () => ({ text: 'What should I note? For example: "remember the train leaves at 9".' }),
  },
  {
    pattern:
      /^(?:search|find|what did (?:we|i|you) (?:say|talk|write) about|when did we (?:say|talk) about)\b(?:\s+for)?[\s:]*(?<rest>[\s\S]*)/i,
    act: (rest) => ({ tool: 'session_search', args: rest === '' ? {} : { query: rest } }),
  },
  {
    pattern:
      /^(?:recall|what did i (?:note|ask you to remember)|what do you (?:remember|know)|what have i noted|show (?:me )?my notes|(?:my )?notes)\b(?:\s+(?:about|of|on))?[\s:]*(?<rest>[\s\S]*)/i,
    act: (rest) => ({ tool: 'recall', args: rest === '' ? {} : { query: rest } }),
  },
  {
    pattern: /\bwhat(?:'s| is)? (?:the )?(?:time|date|day)\b|\bwhat time is it\b|^(?:the )?(?:time|date|clock)\b/i,
    act: () => ({ tool: 'clock', args: {} }),
  },
  {
    pattern: /^(?:hi|hello|hey|hallo|good (?:morning|evening|afternoon|day)|servus|hola|bonjour)\b/i,
    act: () => ({ text: 'Hello! I am the demo model of Herald. Say "help" to see what I understand.' }),
  },
];

const TOOL_HELP: readonly { tool: string; line: string }[] = [
  { tool: 'clock', line: '- "what time is it": the time and date' },
  { tool: 'memory', line: '- "remember …": keeps it in memory' },
  { tool: 'recall', line: '- "what did I note" or "recall …": finds what I remember' },
  { tool: 'use_tool', line: '- "remind me in 20 minutes to …", "every day at 9 …": plans it' },
  {
    tool: 'write_file',
    line: '- "make a packing list for Rome": writes a small file, and learns how when it is asked for again',
  },
  { tool: 'session_search', line: '- "search …" or "what did we say about …": looks through past messages' },
];

function helpText(tools: readonly ToolSchema[]): string {
  const lines = TOOL_HELP.filter((entry) => tools.some((tool) => tool.name === entry.tool)).map((entry) => entry.line);
  const list = lines.length > 0 ? lines.join('\n') : '- a greeting (no tools are switched on here)';
  return `I understand a handful of things:\n\n${list}\n\nSlash commands such as /help, /new and /status always work.`;
}

function fallbackAnswer(text: string, images: number): string {
  if (text === '' && images === 0) return 'That message had no text. Say "help" to see what I understand.';
  const seen = images > 0 ? ` I cannot see the ${images === 1 ? 'image' : `${images} images`}.` : '';
  const quote = text === '' ? '' : ` You said: "${shorten(text)}".`;
  return `I do not really understand language, so I can only repeat it.${quote}${seen} Say "help" to see what I can do.`;
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  const points = [...line];
  return points.length <= 200 ? line : `${points.slice(0, 200).join('')}…`;
}

function describeResult(result: ToolMessage): string {
  const text = result.text.replace(/<\/?untrusted[^>]*>/g, '').trim();
  if (result.isError) return `The tool \`${result.name}\` did not work: ${text || 'it gave no reason'}.`;
  const made = text.startsWith('Made as job');
  if (made)
    return text.includes('has not begun')
      ? 'Planned, as you see above. It begins when you confirm it.'
      : 'Planned, as you see above.';
  switch (result.name) {
    case 'clock':
      return `It is ${text}.`;
    case 'memory':
      return text === '' ? 'Noted.' : text;
    case 'recall':
      return `What I remember:\n\n${text}`;
    case 'session_search':
      return `This is what I found:\n\n${text}`;
    default:
      return text;
  }
}

type ToolMessage = Extract<ModelMessage, { role: 'tool' }>;

/** Results at the end of the conversation, which nothing has answered yet. */
function trailingResults(messages: readonly ModelMessage[]): ToolMessage[] {
  const said = messages.filter((message) => !isState(message));
  const from = said.findLastIndex((message) => message.role !== 'tool') + 1;
  return said.slice(from).filter((message) => message.role === 'tool');
}

function lastUserText(messages: readonly ModelMessage[]): string {
  const parts = lastUser(messages)?.content ?? [];
  const text = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join(' ');
  // In groups a message begins with [name of its author].
  return text.replace(/^\s*\[[^\]\n]{1,80}\]\s*/, '').trim();
}

function lastUserImages(messages: readonly ModelMessage[]): number {
  return (lastUser(messages)?.content ?? []).filter((part) => part.type === 'image').length;
}

function isState(message: ModelMessage): boolean {
  return message.role === 'user' && message.isState === true;
}

function lastUser(messages: readonly ModelMessage[]) {
  return messages.filter((message) => !isState(message)).findLast((message) => message.role === 'user');
}

function answer(request: ModelRequest, body: string): ModelReply {
  return makeReply(request, `${body}\n\n${DEMO_FOOTER}`, []);
}

function callTool(request: ModelRequest, name: string, args: { [key: string]: JsonValue }): ModelReply {
  // Unique within the conversation, and the same when a call is made again.
  const call: ToolCall = {
    id: `demo_${request.messages.length}`,
    name,
    arguments: args,
    rawArguments: JSON.stringify(args),
  };
  return makeReply(request, '', [call]);
}

function makeReply(request: ModelRequest, text: string, toolCalls: readonly ToolCall[]): ModelReply {
  return {
    text,
    toolCalls,
    thinking: '',
    reasoning: [],
    stop: toolCalls.length > 0 ? 'tool_calls' : 'end',
    usage: estimateUsage(request, text.length + toolCalls.reduce((sum, call) => sum + call.rawArguments.length, 0)),
    model: DEMO_MODEL,
  };
}

/** Four characters a token, as a stand-in for what a real provider would report. */
function estimateUsage(request: ModelRequest, outputChars: number): TokenUsage {
  const chars = JSON.stringify([request.system, request.messages, request.tools]).length;
  return { input: Math.ceil(chars / 4), output: Math.ceil(outputChars / 4), cacheRead: 0, cacheWrite: 0, reasoning: 0 };
}
