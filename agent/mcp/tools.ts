// Tools of MCP servers as tools of Herald. What a server says about its own tools is the word of a stranger: unless the owner trusts it,
// every call counts as one that cannot be undone and may reach anybody. Results are foreign always.
import { z } from 'zod';
import type { Effect } from '../../data/schema.ts';
import { AppError } from '../../shared/errors.ts';
import { preview } from '../../shared/text.ts';
import type { JsonValue } from '../providers/types.ts';
import {
  canonicalJson,
  type Assessment,
  type Tool,
  type ToolContext,
  type ToolResult,
  type Touch,
} from '../tools/tool.ts';
import type { RemoteTool, ReviewedTool } from './catalog.ts';
import { callResultSchema, toolResultOf } from './content.ts';
import { questionOf } from './connection/elicitation.ts';
import { appErrorOf, foreignText, readFailure, URL_ELICITATION_REQUIRED } from './errors.ts';
import { NO_TIMEOUT_MS } from './listing.ts';
import type { McpCaller, McpPorts } from './ports.ts';
import { makeCheck, tameSchema, type Check, type Compile } from './schema.ts';
import { visibleText } from './scan.ts';
import type { McpServer } from './server.ts';

const MAX_DESCRIPTION = 4_000;
const argumentsSchema = z.record(z.string(), z.json());

export interface MadeTool {
  server: McpServer;
  /** The server's own name of it, or of the wrapper. */
  remote: string;
  /** The tool under the name that the model sees. */
  as(name: string, isRare: boolean): Tool;
}

export interface MakeInput {
  server: McpServer;
  ports: McpPorts;
  compile: Compile;
}

/** Undefined when its schema is none that can be shown to a model. */
export function makeTool(input: MakeInput, { tool, digest }: ReviewedTool): MadeTool | undefined {
  const parameters = tameSchema(tool.inputSchema);
  if (parameters === undefined) return undefined;
  const { server } = input;
  const title = foreignText(tool.name, 80);
  let check: Check | undefined;
  return shape(input, {
    remote: tool.name,
    description: describe(tool),
    parameters,
    assess: () => ({
      ...effectOf(tool, server.config.trust),
      risk:
        tool.annotations?.destructiveHint === true
          ? 'The server says that this removes or overwrites things.'
          : undefined,
      grant: {
        title: `${title} of the MCP server ${server.name}, whatever it is given`,
        // A changed tool is another tool.
        key: `any ${digest.slice(0, 16)}`,
        wide: true,
      },
    }),
    problemOf: (args) => (check ??= makeCheck(parameters, input.compile))(args),
    execute: (args, context) => callTool(input, { tool, digest }, args, context),
  });
}

export interface Shape {
  remote: string;
  description: string;
  parameters: { [key: string]: JsonValue };
  assess(): Assessment;
  problemOf(args: { [key: string]: JsonValue }): string | undefined;
  execute(args: { [key: string]: JsonValue }, context: ToolContext): Promise<ToolResult>;
}

/** What all tools of MCP servers have in common. */
export function shape({ server }: MakeInput, own: Shape): MadeTool {
  const { roles, timeout } = server.config;
  return {
    server,
    remote: own.remote,
    as: (name, isRare) => ({
      name,
      effect: own.assess().effect,
      origin: 'foreign',
      toolset: `mcp-${server.name}`,
      isRare,
      isResumable: false,
      readsWorkspace: false,
      schema: { name, description: own.description, parameters: own.parameters },
      available: ({ role }) => roles.some((allowed) => allowed === role),
      prepare(raw) {
        const parsed = argumentsSchema.safeParse(raw);
        if (!parsed.success) return { ok: false, problem: 'arguments: write a JSON object' };
        const args = parsed.data;
        const problem = own.problemOf(args);
        if (problem !== undefined) return { ok: false, problem: foreignText(problem, 1_000) };
        return {
          ok: true,
          call: {
            summary: preview(`using ${server.name}: ${visibleText(own.remote)}`, 120),
            canonical: canonicalJson(args),
            timeoutMs: timeout * 1000,
            assess: own.assess,
            execute: (context) => own.execute(args, context),
          },
        };
      },
    }),
  };
}

/** Who trusts a server believes its hints; otherwise a reader may at most be repeated, and still tells others what it is given. */
export function effectOf(tool: RemoteTool, isTrusted: boolean): { effect: Effect; touches: readonly Touch[] } {
  const { readOnlyHint, idempotentHint, openWorldHint } = tool.annotations ?? {};
  if (readOnlyHint === true) {
    if (!isTrusted || openWorldHint !== false) return { effect: 'idempotent', touches: ['network'] };
    return { effect: 'pure', touches: [] };
  }
  const effect = isTrusted && idempotentHint === true ? 'idempotent' : 'once';
  return { effect, touches: ['people', 'network'] };
}

function describe({ title, annotations, description, name }: RemoteTool): string {
  const head = visibleText(title ?? annotations?.title ?? name);
  return `${preview(head, 200)}: ${visibleText(description ?? '')}`.slice(0, MAX_DESCRIPTION);
}

async function callTool(
  { server, ports }: MakeInput,
  { tool, digest }: { tool: RemoteTool; digest: string },
  args: { [key: string]: JsonValue },
  context: ToolContext,
): Promise<ToolResult> {
  const caller = callerOf(context);
  try {
    return await server.use(caller, context.signal, async (client, signal) => {
      // The connection may be new, and the tool not what it was when the model chose it.
      const now = server.tools().find((entry) => entry.tool.name === tool.name);
      if (now?.state !== 'offered' || now.digest !== digest)
        throw new AppError(
          'not_allowed',
          'The server has changed this tool since it was offered. It was not called; the owner must look at it.',
        );
      const request = { method: 'tools/call', params: { name: tool.name, arguments: args } } as const;
      const result = await client.request(request, callResultSchema, { signal, timeout: NO_TIMEOUT_MS });
      return toolResultOf(result, ports);
    });
  } catch (error) {
    if (context.signal.aborted) throw error;
    return failureResult({ server, ports }, error, { caller, signal: context.signal });
  }
}

/** Foreign, although some of it is ours: what a server says when it fails to start is in there too. */
export async function failureResult(
  { server, ports }: Pick<MakeInput, 'server' | 'ports'>,
  error: unknown,
  at: { caller: McpCaller; signal: AbortSignal },
): Promise<ToolResult> {
  const failure = readFailure(error);
  if (failure.kind === 'answer' && failure.code === URL_ELICITATION_REQUIRED) {
    const opened = await offerAddresses(server, failure.data, { ...at, ports });
    if (opened > 0)
      return {
        text: 'The person was given an address to open first. Call again once they have done it.',
        isError: true,
      };
  }
  const { publicMessage } = appErrorOf(server.name, error);
  return { text: publicMessage, isError: true, origin: 'foreign' };
}

const requiredSchema = z.looseObject({
  elicitations: z.array(z.looseObject({ url: z.string(), message: z.string(), elicitationId: z.string() })).max(3),
});

/** How many addresses the person agreed to open. */
async function offerAddresses(
  server: McpServer,
  data: unknown,
  { ports, caller, signal }: { ports: McpPorts; caller: McpCaller; signal: AbortSignal },
): Promise<number> {
  const required = requiredSchema.safeParse(data);
  if (!required.success || !ports.askPerson || !server.config.elicitation.enabled) return 0;
  let agreed = 0;
  for (const { url, message, elicitationId } of required.data.elicitations) {
    const question = questionOf({ mode: 'url', url, message, elicitationId }, server.name, caller);
    if ((await ports.askPerson(question, signal)).action === 'accept') agreed++;
  }
  return agreed;
}

export function callerOf({ scope, session, turn, role, address, workspace }: ToolContext): McpCaller {
  return { scope, session, turn, role, address, workspace };
}
