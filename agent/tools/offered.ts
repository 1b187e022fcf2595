// Which tools a turn gets.
import type { Address, Role } from '../../shared/messages.ts';
import type { Tool } from './tool.ts';

/**
 * `tools` without those that are switched `off`, by name or by toolset, that are not among `only`, or that do not serve here; in the same
 * order.
 */
export function offeredTools(
  tools: readonly Tool[],
  { off, only }: { off: readonly string[]; only?: readonly string[] | undefined },
  at: { role: Role; address: Address },
): readonly Tool[] {
  const names = (tool: Tool) => [tool.name, tool.toolset];
  return tools.filter(
    (tool) =>
      !names(tool).some((name) => off.includes(name)) &&
      (only === undefined || names(tool).some((name) => only.includes(name))) &&
      tool.available(at),
  );
}
