// Tools that platforms offer, as the agent's dispatcher knows tools: it alone decides, records and limits.
import type { PlatformTool } from '../../../adapters/contract.ts';
import { defineTool, type Tool } from '../../../agent/tools/tool.ts';
import { hasRole } from '../../../pairing/policy.ts';

/** The agent's form of each platform tool, made once: its schema costs time. Only owners and admins get them. */
export function makePlatformTools(): (tools: readonly PlatformTool[]) => readonly Tool[] {
  const made = new WeakMap<PlatformTool, Tool>();
  return (tools) =>
    tools.map((tool) => {
      const known = made.get(tool) ?? toolOf(tool);
      made.set(tool, known);
      return known;
    });
}

function toolOf(tool: PlatformTool): Tool {
  const { name, description, parameters, effect } = tool;
  return defineTool<unknown>({
    name,
    description,
    parameters,
    effect,
    origin: 'foreign',
    toolset: 'platforms',
    available: ({ role }) => hasRole(role, 'admin'),
    summarize: (args) => tool.summarize(args),
    execute: async (args, context) => ({ text: await tool.run(args, context.signal) }),
  });
}
