// Which tools a turn gets.
import type { Address, Role } from '../../shared/messages.ts';
import type { Tool } from './tool.ts';

/** `tools` without those that are switched off, by name or by toolset, or that do not serve here; in the same order. */
export function offeredTools(
  tools: readonly Tool[],
  disabled: readonly string[],
  at: { role: Role; address: Address },
): readonly Tool[] {
  const off = new Set(disabled);
  return tools.filter((tool) => !off.has(tool.name) && !off.has(tool.toolset) && tool.available(at));
}
