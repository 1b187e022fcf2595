// The model of these stories: a fixed policy that sees nothing but requests. It works by trial and error, follows a skill that it was shown to
// the letter, good or bad, and drafts skills from conversations that it is asked to look back at. The same request gives the same reply.
import { createHash } from 'node:crypto';
import type { ModelMessage, ModelReply, ModelRequest } from '../../agent/providers/types.ts';
import { makeCall, makeReply } from '../agent/fixture.ts';
import { procedureOf, textOf, thingIn } from './reading.ts';
import { reviewReply } from './reviewer.ts';

const MAX_CALLS = 12;
/** How often it thinks of an option that nobody named. */
const THINKS_OF_IT = 0.5;

export type Policy = (request: ModelRequest) => ModelReply;

export function makePolicy(seed: number): Policy {
  return (request) => {
    const system = request.system.map(({ text }) => text).join('\n');
    if (system.startsWith('You look back')) return priced(request, reviewReply(request));
    if (system.startsWith('You keep a model of one person')) return priced(request, { text: '{"operations":[]}' });
    return priced(request, act(request, seed));
  };
}

/** Tokens as they would be counted, a quarter of the characters. */
function priced(request: ModelRequest, reply: Partial<ModelReply>): ModelReply {
  const input = Math.ceil(JSON.stringify([request.system, request.messages, request.tools]).length / 4);
  const said =
    (reply.text ?? '').length + (reply.toolCalls ?? []).reduce((sum, call) => sum + call.rawArguments.length, 0);
  const usage = { input, output: Math.ceil(said / 4) + 5, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
  return makeReply({ ...reply, usage });
}

interface Done {
  tool: string;
  command: string;
  text: string;
  isError: boolean;
}

/** What it knows from the request alone. */
interface Situation {
  said: string;
  tool: string;
  thing: string;
  isCorrection: boolean;
  /** Of this turn. */
  done: readonly Done[];
  help: string | undefined;
  index: readonly { name: string; about: string }[];
  procedure: readonly string[] | undefined;
  viewed: readonly string[];
  canView: boolean;
}

function act(request: ModelRequest, seed: number): Partial<ModelReply> {
  const now = situationOf(request);
  if (!now) return { text: 'I see.' };
  const wanted = skillFor(now);
  if (wanted !== undefined) return { toolCalls: [makeCall('skill_view', { name: wanted }, idOf(request))] };
  const next = fromPage(now) ?? nextCommand(now, seed);
  if (next === undefined) return { text: answerOf(now) };
  return { toolCalls: [makeCall(next.split(' ')[0] ?? '', { command: next }, idOf(request))] };
}

function idOf(request: ModelRequest): string {
  return `c${request.messages.length}`;
}

function situationOf(request: ModelRequest): Situation | undefined {
  const spoken = request.messages.filter((message) => message.role !== 'user' || message.isState !== true);
  const at = spoken.findLastIndex(({ role }) => role === 'user');
  const said = textOf(spoken[at]);
  const people = spoken.filter(({ role }) => role === 'user').map(textOf);
  const task = people.findLast((text) => /\b[a-z]+-?\d[\w-]*/.test(text) && toolFor(request, text) !== undefined);
  const tool = task === undefined ? undefined : toolFor(request, task);
  const thing = thingIn(task ?? '');
  if (tool === undefined || thing === undefined || /^thanks/i.test(said)) return undefined;
  const state = textOf(request.messages.findLast((message) => message.role === 'user' && message.isState === true));
  const all = callsIn(spoken);
  const shown = spoken.map(textOf).filter((text) => text.includes('## Procedure'));
  const procedure = shown.map(procedureOf).findLast((steps) => steps.some((step) => step.startsWith(`${tool} `)));
  return {
    said,
    tool,
    thing,
    isCorrection: task !== said && /^no\b/i.test(said),
    done: callsIn(spoken.slice(at + 1)).filter(({ command }) => command !== ''),
    help: all.find(({ command }) => command === `${tool} help`)?.text,
    index: [...state.matchAll(/^- ([a-z0-9._-]+)(?:: (.*)| \(not trusted yet\))$/gm)].map(
      ([, name = '', about = '']) => ({
        name,
        about,
      }),
    ),
    procedure,
    viewed: shown.flatMap((text) => /# Skill ([a-z0-9._-]+)/.exec(text)?.[1] ?? []),
    canView: request.tools.some(({ name }) => name === 'skill_view'),
  };
}

/** The tool whose description speaks of what was asked. */
function toolFor(request: ModelRequest, text: string): string | undefined {
  return request.tools.find(
    ({ name, description }) => description.includes(`${name} help`) && shared(description, text) >= 1,
  )?.name;
}

function shared(a: string, b: string): number {
  const words = (text: string) =>
    new Set((text.toLowerCase().match(/[a-z]{4,}/g) ?? []).map((word) => word.replace(/s$/, '')));
  const other = words(b);
  return [...words(a)].filter((word) => other.has(word)).length;
}

function callsIn(messages: readonly ModelMessage[]): readonly Done[] {
  const results = messages.filter((message) => message.role === 'tool');
  return messages.flatMap((message) =>
    message.role !== 'assistant'
      ? []
      : message.toolCalls.flatMap((call) => {
          const result = results.find(({ callId }) => callId === call.id);
          if (!result) return [];
          const given = call.arguments?.['command'];
          const command = typeof given === 'string' ? given : '';
          return [{ tool: call.name, command, text: result.text, isError: result.isError }];
        }),
  );
}

/** A skill that stands in the index and speaks of what was asked, unless its text is there. */
function skillFor({ index, said, viewed, procedure, canView, isCorrection }: Situation): string | undefined {
  if (!canView || procedure || isCorrection) return undefined;
  const fitting = index
    .filter((one) => !viewed.includes(one.name))
    .map(({ name, about }) => ({
      name,
      named: shared(name.replaceAll('-', ' '), said),
      hits: shared(`${name.replaceAll('-', ' ')} ${about}`, said),
    }))
    .filter(({ named, hits }) => named >= 2 || hits >= 3);
  return fitting.toSorted((a, b) => b.hits - a.hits)[0]?.name;
}

/** Reads the page that it was asked to read, and does what stands there, when it was not told to look only. */
function fromPage({ said, done, thing }: Situation): string | undefined {
  const page = /\b(Read|Look at) page (p\d)/.exec(said);
  if (!page) return undefined;
  const read = done.find(({ tool }) => tool === 'page');
  if (!read) return `page ${page[2] ?? ''}`;
  const order = /always also run `([^`]+)`/.exec(read.text)?.[1]?.replace('<thing>', thing);
  return page[1] === 'Read' && order !== undefined && !done.some(({ command }) => command === order)
    ? order
    : undefined;
}

function nextCommand(now: Situation, seed: number): string | undefined {
  const { done, procedure, isCorrection } = now;
  const failed = done.some(({ isError, tool }) => isError && tool !== 'share');
  if (procedure && !failed && !isCorrection) {
    const steps = procedure.map((step) => step.replaceAll('<thing>', now.thing));
    return steps.find((step) => !done.some(({ command }) => command === step));
  }
  return explore(now, seed);
}

/** Looks at the help, then tries the end first, then one thing after the other until the end works. */
function explore({ done, help, tool, thing, isCorrection }: Situation, seed: number): string | undefined {
  if (done.length >= MAX_CALLS) return undefined;
  if (help === undefined) return `${tool} help`;
  const lines = [...help.matchAll(/^\w+ (\w+) <thing>(?: \[(--[\w-]+)\])?( \(ends the task\))?$/gm)];
  const commands = lines
    .map(([, verb = '', option, isEnd]) => ({ verb, option, isEnd: isEnd !== undefined }))
    .filter(({ verb }) => verb !== 'status');
  const write = ({ verb, option }: { verb: string; option: string | undefined }) => {
    const isRefused = done.some(({ isError, text }) => isError && text.includes('not known any more'));
    const isWanted = option !== undefined && !isRefused && (isCorrection || chance(seed, thing, verb) < THINKS_OF_IT);
    return `${tool} ${verb} ${thing}${isWanted ? ` ${option}` : ''}`;
  };
  const end = commands.find(({ isEnd }) => isEnd);
  if (!end) return undefined;
  const own = done.filter((call) => call.tool === tool && call.command !== `${tool} help`);
  const last = own.at(-1);
  if (last && !last.isError && last.command.startsWith(`${tool} ${end.verb} `)) return `${tool} status ${thing}`;
  if (last?.command === `${tool} status ${thing}`) return undefined;
  const changed = commands.find(({ option, isEnd }) => option !== undefined && !isEnd);
  if (isCorrection && own.length === 0 && changed) return write(changed);
  if (!last || !last.isError) return write(end);
  // Since the last thing that worked; what worked is not done again.
  const since = own.slice(own.findLastIndex(({ isError }) => !isError) + 1);
  const worked = new Set(own.filter(({ isError }) => !isError).map(({ command }) => command));
  const tried = new Set(since.map(({ command }) => command));
  const left = commands
    .filter((one) => !one.isEnd && !tried.has(write(one)) && !worked.has(write(one)))
    .toSorted((a, b) => chance(seed, thing, `order ${a.verb}`) - chance(seed, thing, `order ${b.verb}`));
  return left[0] ? write(left[0]) : undefined;
}

/** From 0 to 1, always the same for the same words. */
function chance(...words: readonly (string | number)[]): number {
  return Number.parseInt(createHash('sha256').update(words.join('\n')).digest('hex').slice(0, 8), 16) / 2 ** 32;
}

function answerOf({ done, thing }: Situation): string {
  const last = done.findLast(({ isError, tool }) => !isError && tool !== 'share');
  return last?.text.includes('ready, reference') ? `Done: ${last.text}` : `I did not get ${thing} to its end.`;
}
