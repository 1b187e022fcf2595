// Runs one call of a tool as the dispatcher does, without a turn around it.
import path from 'node:path';
import type { AssessAt, Assessment, Tool, ToolContext, ToolResult } from '../../../agent/tools/tool.ts';
import { systemClock } from '../../../shared/clock.ts';
import { asAppError } from '../../../shared/errors.ts';
import { DM, type Home } from '../../agent/fixture.ts';

export interface ToolRun extends ToolResult {
  /** Code of the AppError that it rejected with. */
  code?: string;
}

const at = (home: Home): AssessAt => ({ role: 'owner', address: DM, workspace: path.join(home.dir, 'workspace') });

/** The result; what it rejects with becomes an error result, as the model would get it. */
export async function runTool(
  home: Home,
  tools: readonly Tool[],
  [name, args]: readonly [name: string, args: unknown],
  extra: { signal?: AbortSignal; scope?: Home['scope'] } = {},
): Promise<ToolRun> {
  const prepared = find(tools, name).prepare(args);
  if (!prepared.ok) return { text: prepared.problem, isError: true, code: 'arguments' };
  // What these tools use of it.
  const context: Pick<ToolContext, 'clock' | 'scope' | 'signal' | 'workspace'> = {
    clock: systemClock,
    scope: extra.scope ?? home.scope,
    signal: extra.signal ?? new AbortController().signal,
    workspace: at(home).workspace,
  };
  try {
    return await prepared.call.execute(context as ToolContext);
  } catch (error) {
    const known = asAppError(error);
    return { text: known.publicMessage, isError: true, code: known.code };
  }
}

/** What the tool says of a call before it runs. */
export function assess(home: Home, tools: readonly Tool[], name: string, args: unknown): Assessment {
  const prepared = find(tools, name).prepare(args);
  if (!prepared.ok) throw new Error(prepared.problem);
  return prepared.call.assess(at(home));
}

function find(tools: readonly Tool[], name: string): Tool {
  const tool = tools.find((candidate) => candidate.name === name);
  if (!tool) throw new Error(`no tool ${name}`);
  return tool;
}
