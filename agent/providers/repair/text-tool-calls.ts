// Tool calls that weak models write into their text. Only at the end of a reply, only at the start of a line, only names
// that were offered, and never a passage that stands word for word in what the model was given: quoting is not calling.
import { parseArguments, parseJson } from './json-arguments.ts';
import type { JsonValue, ToolSchema } from '../types.ts';

export interface FoundCall {
  name: string;
  arguments: { [key: string]: JsonValue } | undefined;
  rawArguments: string;
}

export interface FoundCalls {
  /** The text before the first call. */
  text: string;
  calls: readonly FoundCall[];
}

/** Forms that open with a tag; a tag counts at the start of a line, outside code fences. */
const OPENING = /(?:^|\n)[ \t]*(?=<tool_call>|<tool_calls>|<function_calls>|<function=|<invoke\s+name=)/g;

/**
 * The calls that `text` ends with, or undefined when it ends with none. `given` makes the texts of users and tools: a
 * call quoted from there is left alone.
 */
export function findTextToolCalls(
  text: string,
  tools: readonly ToolSchema[],
  given: () => readonly string[],
): FoundCalls | undefined {
  if (tools.length === 0 || !/[<{]/.test(text)) return undefined;
  const found = findTagged(text, tools) ?? findJson(text, tools);
  if (found === undefined) return undefined;
  const passage = text.slice(found.text.length).trim();
  return given().some((source) => source.includes(passage)) ? undefined : found;
}

function findTagged(text: string, tools: readonly ToolSchema[]): FoundCalls | undefined {
  for (const match of text.matchAll(OPENING)) {
    const start = match.index + match[0].length;
    if (isInsideFence(text, start)) continue;
    const calls = parseTagged(text.slice(start), tools);
    if (calls !== undefined) return { text: text.slice(0, match.index).trimEnd(), calls };
  }
  return undefined;
}

/** An odd number of fence lines before `at` means that a fence is open there. */
function isInsideFence(text: string, at: number): boolean {
  return (text.slice(0, at).match(/^[ \t]*(?:```|~~~)/gm)?.length ?? 0) % 2 === 1;
}

/** `tail` as a sequence of tagged calls and nothing else; undefined when any piece is something else. */
function parseTagged(tail: string, tools: readonly ToolSchema[]): FoundCall[] | undefined {
  const calls: FoundCall[] = [];
  let rest = tail.trim();
  for (let guard = 0; guard < MAX_CALLS && rest !== ''; guard++) {
    const wrapper = /^<\/?(?:tool_calls|function_calls)>\s*/.exec(rest);
    if (wrapper) {
      rest = rest.slice(wrapper[0].length);
      continue;
    }
    const piece = PIECES.map((pattern) => pattern.exec(rest)).find((match) => match !== null);
    if (!piece) return undefined;
    const call = readPiece(piece, tools);
    if (call === undefined) return undefined;
    calls.push(call);
    rest = rest.slice(piece[0].length).trimStart();
  }
  return rest === '' && calls.length > 0 ? calls : undefined;
}

/** More calls in one reply are a runaway model. */
const MAX_CALLS = 64;

// A missing closing tag is accepted at the very end only: weak models stop one token early.
const PIECES: readonly RegExp[] = [
  /^<tool_call>(?<hermes>[\s\S]*?)(?:<\/tool_call>|$)/,
  /^<function=(?<fn>[\w.-]+)>(?<fnBody>[\s\S]*?)(?:<\/function>|$)/,
  /^<invoke\s+name="(?<invoke>[\w.-]+)"\s*>(?<invokeBody>[\s\S]*?)(?:<\/invoke>|$)/,
];

function readPiece(match: RegExpExecArray, tools: readonly ToolSchema[]): FoundCall | undefined {
  const groups = match.groups ?? {};
  if (groups['fn'] !== undefined) return readParameters(groups['fn'], groups['fnBody'] ?? '', tools);
  if (groups['invoke'] !== undefined) return readParameters(groups['invoke'], groups['invokeBody'] ?? '', tools);
  const body = (groups['hermes'] ?? '').trim();
  // Qwen3-Coder wraps the function form into the hermes tag.
  const nested = PIECES[1]?.exec(body)?.groups;
  if (nested?.['fn'] !== undefined) return readParameters(nested['fn'], nested['fnBody'] ?? '', tools);
  return readCallObject(parseArguments(body, 'lenient'), tools);
}

const PARAMETER = /<parameter(?:=([\w.-]+)|\s+name="([\w.-]+)"[^>]*)>([\s\S]*?)(?:<\/parameter>|(?=<parameter)|$)/g;

function readParameters(name: string, body: string, tools: readonly ToolSchema[]): FoundCall | undefined {
  const tool = tools.find((entry) => entry.name === name);
  if (tool === undefined) return undefined;
  const values: { [key: string]: JsonValue } = {};
  for (const [, plain, quoted, value] of body.matchAll(PARAMETER)) {
    const key = plain ?? quoted;
    if (key !== undefined) values[key] = readValue((value ?? '').replace(/^\n|\n$/g, ''), typeOf(tool, key));
  }
  // Some models put a JSON object between the tags instead of parameters.
  const given = Object.keys(values).length === 0 && body.trim() !== '' ? parseArguments(body, 'lenient') : values;
  return { name, arguments: given, rawArguments: given === undefined ? body.trim() : JSON.stringify(given) };
}

function typeOf(tool: ToolSchema, key: string): JsonValue | undefined {
  const properties = tool.parameters['properties'];
  const property = isObject(properties) ? properties[key] : undefined;
  return isObject(property) ? property['type'] : undefined;
}

/** Parameters come as text; the schema says what they are. */
function readValue(text: string, type: JsonValue | undefined): JsonValue {
  return type === 'string' ? text : (parseJson(text) ?? text);
}

/** The whole text is JSON, or it ends with a fenced block that is: a call, or a list of calls. */
function findJson(text: string, tools: readonly ToolSchema[]): FoundCalls | undefined {
  const trimmed = text.trim();
  const fenced = /(?:^|\n)```(?:json|tool_call|tool_code)?[ \t]*\n([\s\S]*?)\n?```$/.exec(trimmed);
  const body = fenced?.[1]?.trim() ?? trimmed;
  if (!/^[[{]/.test(body) || !/[\]}]$/.test(body)) return undefined;
  const before = fenced ? trimmed.slice(0, fenced.index).trimEnd() : '';
  const items = readItems(body);
  const calls = items?.map((item) => readCallObject(item, tools));
  if (calls === undefined || calls.length === 0 || calls.length > MAX_CALLS) return undefined;
  const whole = calls.filter((call) => call !== undefined);
  return whole.length === calls.length ? { text: before, calls: whole } : undefined;
}

function readItems(body: string): ({ [key: string]: JsonValue } | undefined)[] | undefined {
  if (body.startsWith('{')) return [parseArguments(body, 'lenient')];
  const list = parseJson(body);
  return Array.isArray(list) ? list.map((item) => (isObject(item) ? item : undefined)) : undefined;
}

/** `{"name": …, "arguments": {…}}`, also nested in `function`, with the names that models use for the arguments. */
function readCallObject(
  value: { [key: string]: JsonValue } | undefined,
  tools: readonly ToolSchema[],
): FoundCall | undefined {
  const call = isObject(value?.['function']) ? value['function'] : value;
  const name = call?.['name'];
  if (call === undefined || typeof name !== 'string' || !tools.some((tool) => tool.name === name)) return undefined;
  const key = ['arguments', 'parameters', 'args', 'input'].find((entry) => call[entry] !== undefined);
  // {"name": "clock"} alone is a call; {"name": "clock", "price": 3} is data.
  if (key === undefined)
    return Object.keys(call).length === 1 ? { name, arguments: {}, rawArguments: '{}' } : undefined;
  const given = call[key];
  if (typeof given === 'string') return { name, arguments: parseArguments(given, 'lenient'), rawArguments: given };
  if (!isObject(given)) return undefined;
  return { name, arguments: given, rawArguments: JSON.stringify(given) };
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
