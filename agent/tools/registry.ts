// The one list of tools. Order is the order in prompts, so it must stay the same for cached prefixes to hold.
import { clockTool } from './clock.ts';
import { noteTool, recallTool } from './notes.ts';
import { sendMessageTool } from './send-message.ts';
import { sessionSearchTool } from './session-search.ts';
import type { Tool } from './tool.ts';

export const TOOLS: readonly Tool[] = [clockTool, noteTool, recallTool, sessionSearchTool, sendMessageTool];
