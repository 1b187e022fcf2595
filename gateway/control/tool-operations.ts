// What the agent can do, and the MCP servers that bring it tools: their state, logins, tools that have changed.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { accountId, chatId } from '../../shared/ids.ts';
import { defineOperation, notRunning, requireAgent, type ControlContext, type McpControl } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

/** Clients ask again after it. */
const MAX_WAIT_MS = 50_000;

const serverInput = z.string().trim().min(1).max(64);
const done = z.object({ done: z.literal(true) });

export const toolOperations = {
  'tools.list': defineOperation({
    input: z.strictObject({
      person: personInput,
      /** Id of a platform: as in chats there. Default: as in no chat of any. */
      platform: z.string().trim().min(1).max(64).optional(),
    }),
    output: z.object({
      tools: z.array(
        z.object({
          name: z.string(),
          toolset: z.string(),
          description: z.string(),
          state: z.enum(['prompt', 'searched', 'off', 'unavailable']),
          why: z.string().optional(),
        }),
      ),
      notes: z.array(z.string()),
    }),
    needsGateway: true,
    async run(context, { person, platform = '' }) {
      const { role } = await resolvePerson(context, person, 'tools.list');
      const address = { platform, account: accountId(''), chat: chatId(''), kind: 'dm' } as const;
      const { tools, notes } = await requireAgent(context).describeTools({ role, address });
      return { tools: [...tools], notes: [...notes] };
    },
  }),
  /** Whom a program that speaks MCP with us speaks for. */
  'mcp.person': defineOperation({
    input: z.strictObject({ person: personInput }),
    output: z.object({ id: z.string(), name: z.string() }),
    needsGateway: false,
    async run(context, { person }) {
      const { id, name } = await resolvePerson(context, person, 'mcp.person');
      return { id, name };
    },
  }),
  'mcp.servers': defineOperation({
    input: z.strictObject({}),
    output: z.array(
      z.object({
        name: z.string(),
        transport: z.enum(['stdio', 'http']),
        state: z.string(),
        offered: z.array(z.string()),
        heldBack: z.array(z.string()),
        problem: z.string().optional(),
        lines: z.array(z.string()),
      }),
    ),
    needsGateway: true,
    async run(context) {
      const servers = await serversOf(context).list();
      return servers.map((server) => ({
        ...server,
        offered: [...server.offered],
        heldBack: [...server.heldBack],
        lines: [...server.lines],
      }));
    },
  }),
  'mcp.login': defineOperation({
    input: z.strictObject({ server: serverInput }),
    /** Without an address it needs no login. */
    output: z.object({ address: z.string().optional() }),
    needsGateway: true,
    run: (context, { server }) => serversOf(context).beginLogin(server),
  }),
  'mcp.login.wait': defineOperation({
    input: z.strictObject({ server: serverInput, waitMs: z.int().min(0).max(MAX_WAIT_MS).default(MAX_WAIT_MS) }),
    output: z.object({ done: z.boolean() }),
    needsGateway: true,
    run: async (context, { server, waitMs }) => ({ done: await serversOf(context).awaitLogin(server, waitMs) }),
  }),
  'mcp.login.complete': defineOperation({
    input: z.strictObject({ server: serverInput, address: z.string().trim().min(1).max(8_192) }),
    output: done,
    needsGateway: true,
    async run(context, { server, address }) {
      await serversOf(context).completeLogin(server, address);
      return { done: true as const };
    },
  }),
  'mcp.logout': defineOperation({
    input: z.strictObject({ server: serverInput }),
    output: done,
    needsGateway: true,
    async run(context, { server }) {
      await serversOf(context).logout(server);
      return { done: true as const };
    },
  }),
  'mcp.allow': defineOperation({
    input: z.strictObject({ server: serverInput, tools: z.array(z.string().min(1).max(256)).max(1_000).optional() }),
    output: done,
    needsGateway: true,
    async run(context, { server, tools }) {
      await namedTools(context, server, tools);
      await serversOf(context).allow(server, tools);
      return { done: true as const };
    },
  }),
  'mcp.refresh': defineOperation({
    input: z.strictObject({ server: serverInput }),
    output: done,
    needsGateway: true,
    async run(context, { server }) {
      await serversOf(context).refresh(server);
      return { done: true as const };
    },
  }),
};

function serversOf(context: ControlContext): McpControl {
  if (context.mcp) return context.mcp;
  throw notRunning();
}

/** A name that is not held back would be allowed in silence, and the one that was meant stays as it is. */
async function namedTools(context: ControlContext, name: string, tools: readonly string[] | undefined): Promise<void> {
  const server = (await serversOf(context).list()).find((one) => one.name === name);
  if (!server || !tools) return;
  const unknown = tools.find((tool) => !server.heldBack.includes(tool) && !server.offered.includes(tool));
  if (unknown === undefined) return;
  const known = server.heldBack.length === 0 ? 'none' : server.heldBack.join(', ');
  throw new AppError(
    'not_found',
    `${name} has no tool ${JSON.stringify(unknown)}. Held back: ${known}. Nothing was changed.`,
  );
}
