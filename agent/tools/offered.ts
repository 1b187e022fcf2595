// Which tools a turn gets, and why it does not get the others.
import type { Address, Role } from '../../shared/messages.ts';
import { preview } from '../../shared/text.ts';
import type { ToolState } from '../port.ts';
import type { AgentSettings } from '../settings.ts';
import type { Tool } from './tool.ts';

interface At {
  role: Role;
  address: Address;
}

/** Names and toolsets that the configuration switches off there, and the chat itself. */
export function switchedOff(
  { disabled, byPlatform = {}, byRole = {} }: AgentSettings['tools'],
  at: At,
  here: readonly string[] = [],
): readonly string[] {
  return [...disabled, ...(byPlatform[at.address.platform] ?? []), ...(byRole[at.role] ?? []), ...here];
}

/**
 * `tools` without those that are switched `off`, by name or by toolset, that are not among `only`, or that do not serve here; in the same
 * order.
 */
export function offeredTools(
  tools: readonly Tool[],
  { off, only }: { off: readonly string[]; only?: readonly string[] | undefined },
  at: At,
): readonly Tool[] {
  return tools.filter(
    (tool) =>
      !namesOf(tool).some((name) => off.includes(name)) &&
      (only === undefined || namesOf(tool).some((name) => only.includes(name))) &&
      tool.available(at),
  );
}

/** All tools with what becomes of them in a turn there; `here` are those that the chat has switched off. */
export function describeTools(
  tools: readonly Tool[],
  settings: AgentSettings['tools'],
  at: At & { disabledTools?: readonly string[] | undefined },
): readonly ToolState[] {
  return tools.map((tool) => {
    const { name, toolset } = tool;
    const [description = ''] = tool.schema.description.split(/(?<=[.:;])\s/);
    return { name, toolset, description: preview(description, 120), ...stateOf(tool, settings, at) };
  });
}

function stateOf(
  tool: Tool,
  { disabled, byPlatform = {}, byRole = {} }: AgentSettings['tools'],
  at: At & { disabledTools?: readonly string[] | undefined },
): Pick<ToolState, 'state' | 'why'> {
  const isIn = (off: readonly string[] | undefined) => namesOf(tool).some((name) => off?.includes(name));
  if (isIn(disabled)) return { state: 'off', why: 'by the configuration (agent.tools.disabled)' };
  if (isIn(byPlatform[at.address.platform]))
    return { state: 'off', why: 'on this platform, by the configuration (agent.tools.by_platform)' };
  if (isIn(byRole[at.role]))
    return { state: 'off', why: `for a ${at.role}, by the configuration (agent.tools.by_role)` };
  if (isIn(at.disabledTools)) return { state: 'off', why: 'in this chat' };
  if (!tool.available(at)) {
    const isForOwner = at.role !== 'owner' && tool.available({ ...at, role: 'owner' });
    return { state: 'unavailable', why: isForOwner ? `not for a ${at.role}` : 'not set up on this Herald' };
  }
  return { state: tool.isRare ? 'searched' : 'prompt' };
}

/** Names and toolsets. */
export function namesOfTools(tools: readonly Tool[]): readonly string[] {
  return [...new Set(tools.flatMap(namesOf))];
}

function namesOf(tool: Tool): readonly string[] {
  return [tool.name, tool.toolset];
}
