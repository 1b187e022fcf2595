// The one list of tools. Order is the order in prompts, so it must stay the same for cached prefixes to hold.
import { AppError } from '../../shared/errors.ts';
import type { Memory } from '../memory/memory.ts';
import type { AgentSettings } from '../settings.ts';
import type { TaskRunner } from '../subagents/runner.ts';
import { BUILT_IN_PRESETS } from '../subagents/spec.ts';
import { boardTool } from './agents/board.ts';
import { makeDelegateTools } from './agents/delegate.ts';
import { clockTool } from './clock.ts';
import { makeMemoryTools } from './memory.ts';
import { sendMessageTool } from './send-message.ts';
import { sessionSearchTool } from './session-search.ts';
import type { Tool } from './tool.ts';

export const TOOLS: readonly Tool[] = [clockTool, sessionSearchTool, sendMessageTool];

/** Tools that are made of the agent itself. `runner` and `memory` undefined: to be looked at, not to be called. */
export function makeOwnTools(deps: {
  runner: TaskRunner | undefined;
  memory: Memory | undefined;
  settings(): AgentSettings;
}): readonly Tool[] {
  const delegation = makeDelegateTools({
    runner() {
      if (!deps.runner) throw new AppError('tool_unavailable', 'No workers run here.');
      return deps.runner;
    },
    presets: () => ({ ...BUILT_IN_PRESETS, ...deps.settings().workers.presets }),
    maxDepth: () => deps.settings().workers.maxDepth,
  });
  return [...makeMemoryTools({ memory: deps.memory }), ...delegation, boardTool];
}
