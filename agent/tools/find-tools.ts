// Tools that are not in each prompt: found by tool_search, called by use_tool. The list of tools that the model is given stays the same,
// so cached prefixes hold.
import { z } from 'zod';
import type { ToolCall } from '../providers/types.ts';
import { defineTool, type Tool } from './tool.ts';

const MAX_FOUND = 8;

export const toolSearch = defineTool({
  name: 'tool_search',
  description: 'Find more tools, such as for reminders and scheduled jobs; use_tool calls them.',
  parameters: z.strictObject({ query: z.string().trim().min(1).max(200) }),
  effect: 'pure',
  origin: 'agent',
  toolset: 'core',
  summarize: ({ query }) => `looking for a tool: ${query}`,
  async execute({ query }, { rareTools }) {
    const found = rank(rareTools, query).slice(0, MAX_FOUND);
    if (found.length === 0) return { text: `No tool fits "${query}". Groups: ${groups(rareTools)}.` };
    return { text: found.map((tool) => JSON.stringify(tool.schema)).join('\n') };
  },
});

const jsonObject = z.record(z.string(), z.json());

const innerSchema = z.strictObject({
  name: z.string().min(1).max(64),
  arguments: z.looseObject({}).optional(),
});

export const useTool = defineTool({
  name: 'use_tool',
  description: 'Call a tool that tool_search found.',
  parameters: innerSchema,
  effect: 'once',
  origin: 'agent',
  toolset: 'core',
  summarize: ({ name }) => `calling ${name}`,
  // The dispatcher puts the tool that is named in its place; only an unknown name comes here.
  execute: async ({ name }) => ({
    text: `There is no tool "${name}". tool_search finds the ones there are.`,
    isError: true,
  }),
});

/** What stands in the prompt: all but the rare ones, and what finds those. */
export function promptTools(tools: readonly Tool[], direct: readonly string[] = []): readonly Tool[] {
  const shown = tools.filter((tool) => !tool.isRare || direct.includes(tool.name));
  return shown.length === tools.length ? shown : [...shown, toolSearch, useTool];
}

/** The call that a use_tool stands for, when it names one of `tools`; else the call itself. */
export function unwrapCall(call: ToolCall, tools: ReadonlyMap<string, Tool>): ToolCall {
  if (call.name !== useTool.name) return call;
  const inner = innerSchema.safeParse(call.arguments);
  if (!inner.success || !tools.has(inner.data.name) || inner.data.name === useTool.name) return call;
  const args = jsonObject.parse(inner.data.arguments ?? {});
  return { id: call.id, name: inner.data.name, arguments: args, rawArguments: JSON.stringify(args) };
}

/** Those that share words with the query, most first; a tool's own name or group counts more. */
function rank(tools: readonly Tool[], query: string): readonly Tool[] {
  const words = query
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1);
  const scored = tools.map((tool) => {
    const name = `${tool.name} ${tool.toolset}`.toLowerCase();
    const text = `${tool.schema.description} ${JSON.stringify(tool.schema.parameters)}`.toLowerCase();
    const score = words.reduce((sum, word) => sum + (name.includes(word) ? 3 : 0) + (text.includes(word) ? 1 : 0), 0);
    return { tool, score };
  });
  return scored
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score)
    .map(({ tool }) => tool);
}

function groups(tools: readonly Tool[]): string {
  return [...new Set(tools.map((tool) => tool.toolset))].join(', ') || 'none';
}
