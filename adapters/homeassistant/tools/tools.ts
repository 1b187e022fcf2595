// The tools that Home Assistant offers to the agent.
import type { PlatformTool } from '../../contract.ts';
import { makeCallService } from './call-service.ts';
import { makeGetState, makeListEntities, makeListServices } from './look.ts';
import type { ToolDeps } from './tool.ts';

export function makeTools(deps: ToolDeps): readonly PlatformTool[] {
  return [makeListEntities(deps), makeGetState(deps), makeListServices(deps), makeCallService(deps)];
}
