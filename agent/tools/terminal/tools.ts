// The tools of terminals, made for the terminals of this process.
import type { Tool } from '../tool.ts';
import { makeProcessTool } from './process.ts';
import type { TerminalToolOptions } from './reach.ts';
import { makeTerminalTool } from './terminal.ts';

export function makeTerminalTools(options: TerminalToolOptions): readonly Tool[] {
  return [makeTerminalTool(options), makeProcessTool(options)];
}
