// The one piece of real work that the demo model does: a packing list as a file. It looks for lists that may be there, writes one and reads it
// back; with a skill that speaks of packing lists it takes the steps that the skill names, and no others.
import type { JsonValue, ModelMessage, ModelRequest } from './types.ts';

export type ErrandStep = { text: string } | { tool: string; args: { [key: string]: JsonValue } };

const ASKED = /^(?:please\s+)?(?:make|write)\b.{0,40}\bpacking list for (?<place>[\p{L}][\p{L} '-]{0,40})/iu;
const SKILL = /^- ([a-z0-9._-]+): .*\bpacking list\b/im;
const NEEDED = ['read_file', 'write_file'];

/** The next step of what was asked last; undefined when that was something else, or the tools for it are not there. */
export function nextErrandStep(request: ModelRequest): ErrandStep | undefined {
  const said = request.messages.filter((message) => message.role !== 'user' || message.isState !== true);
  const from = said.findLastIndex(({ role }) => role === 'user');
  const place = ASKED.exec(textOf(said[from]))?.groups?.['place']?.trim();
  if (place === undefined || !NEEDED.every((name) => request.tools.some((tool) => tool.name === name)))
    return undefined;
  const results = said.slice(from + 1).filter((message) => message.role === 'tool');
  const skill = results.find(({ name, isError }) => name === 'skill_view' && !isError);
  const name = skillIn(request);
  if (results.length === 0 && name !== undefined) return { tool: 'skill_view', args: { name } };
  const done = results.filter((result) => result.name !== 'skill_view');
  const steps = stepsFor(place, skill?.text);
  const next = steps[done.length];
  if (next) return next;
  const last = done.at(-1);
  if (!last || last.isError) return { text: `I could not write the packing list for ${place}: ${last?.text ?? ''}` };
  const how =
    skill && name !== undefined
      ? `I followed the skill \`${name}\`: ${steps.length} steps.`
      : `I had to look around first: ${steps.length} steps.`;
  return { text: `The packing list for ${place} is in \`${fileOf(place)}\`. ${how}` };
}

/** A skill about packing lists in the index of the request. */
function skillIn(request: ModelRequest): string | undefined {
  if (!request.tools.some(({ name }) => name === 'skill_view')) return undefined;
  const state = request.messages.findLast((message) => message.role === 'user' && message.isState === true);
  return SKILL.exec(textOf(state))?.[1];
}

function stepsFor(place: string, skill: string | undefined): readonly Exclude<ErrandStep, { text: string }>[] {
  const path = fileOf(place);
  const read = { tool: 'read_file', args: { path } };
  const write = {
    tool: 'write_file',
    args: { path, content: `Packing list for ${place}: passport, charger, raincoat\n` },
  };
  const named = skill?.match(/^\d+\. Call (?:read_file|write_file)\b/gm) ?? [];
  if (named.length > 0) return named.map((line) => (line.endsWith('write_file') ? write : read));
  return [{ tool: 'read_file', args: { path: 'packing-template.md' } }, read, write, read];
}

function fileOf(place: string): string {
  return `packing-${place.toLowerCase().replace(/[^\p{L}]+/gu, '-')}.md`;
}

function textOf(message: ModelMessage | undefined): string {
  if (!message) return '';
  if (message.role !== 'user') return message.text;
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join(' ');
}
