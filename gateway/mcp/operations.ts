// What programs may ask about one person's conversations, as operations of the control API: the same for a gateway that serves MCP itself
// and for `herald mcp serve`, which asks it over the local socket.
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { getMessage, listSaid, type StoredMessage } from '../../data/messages.ts';
import { decideApproval, listPendingApprovals } from '../../data/policy/approvals.ts';
import { writeAudit } from '../../data/process/audit.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import { getSession, listSessions } from '../../data/sessions.ts';
import { AppError } from '../../shared/errors.ts';
import { sessionId } from '../../shared/ids.ts';
import { defineOperation, type ControlContext } from '../control/operation.ts';
import { personInput, resolvePerson } from '../control/person.ts';

/** Sessions that can be paged through. */
const MAX_SESSIONS = 1_000;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Longer waits are cut: clients ask again. */
export const MAX_WAIT_MS = 50_000;

const limit = (most: number, usual: number) => z.int().min(1).max(most).default(usual);
const conversationInput = z.string().trim().min(1).max(100);

const conversation = z.object({
  id: z.string(),
  title: z.string().optional(),
  opening: z.string(),
  messages: z.number(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
const message = z.object({
  id: z.number(),
  conversation: z.string(),
  role: z.enum(['user', 'assistant']),
  author: z.string(),
  text: z.string(),
  attachments: z.array(z.object({ index: z.number(), name: z.string(), mime: z.string(), bytes: z.number() })),
  createdAt: z.number(),
});
const permission = z.object({
  id: z.string(),
  tool: z.string(),
  arguments: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
});
const place = z.object({ message: z.int().min(0), permission: z.string().max(40) });

const conversationsOutput = z.object({ conversations: z.array(conversation), more: z.boolean() });
const messagesOutput = z.object({ messages: z.array(message), more: z.boolean() });
const eventsOutput = z.object({
  events: z.array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('message'), at: z.number(), message }),
      z.object({ type: z.literal('permission_requested'), at: z.number(), permission }),
    ]),
  ),
  /** Where to go on. */
  place,
});
export type EventPlace = z.output<typeof place>;

export const mcpOperations = {
  'mcp.conversations': defineOperation({
    input: z.strictObject({ person: personInput, limit: limit(200, 20), after: conversationInput.optional() }),
    output: conversationsOutput,
    needsGateway: false,
    async run(context, input) {
      const scope = await scopeOf(context, input.person, 'mcp.conversations');
      const all = await listSessions(context.db, scope, MAX_SESSIONS);
      // One that moved to the top meanwhile leaves its place: then the list begins anew.
      const from = all.findIndex(({ id }) => id === input.after) + 1;
      const found = all.slice(from, from + input.limit);
      return {
        conversations: found.map(({ id, title, opening, messages, createdAt, updatedAt }) => ({
          id,
          title,
          opening,
          messages,
          createdAt,
          updatedAt,
        })),
        more: all.length > from + input.limit,
      };
    },
  }),
  'mcp.conversation': defineOperation({
    input: z.strictObject({ person: personInput, conversation: conversationInput }),
    output: conversation,
    needsGateway: false,
    async run(context, input) {
      const scope = await scopeOf(context, input.person, 'mcp.conversation');
      const found = await findSession(context, scope, input.conversation);
      const listed = (await listSessions(context.db, scope, MAX_SESSIONS)).find(({ id }) => id === found.id);
      const { id, title, createdAt, updatedAt } = found;
      return { id, title, opening: listed?.opening ?? '', messages: listed?.messages ?? 0, createdAt, updatedAt };
    },
  }),
  'mcp.messages': defineOperation({
    input: z.strictObject({
      person: personInput,
      conversation: conversationInput,
      /** Messages before this one, the latest of them. Default: the last ones. */
      before: z.int().min(1).optional(),
      limit: limit(200, 50),
    }),
    output: messagesOutput,
    needsGateway: false,
    async run(context, input) {
      const scope = await scopeOf(context, input.person, 'mcp.messages');
      const session = await findSession(context, scope, input.conversation);
      const page = { session: session.id, before: input.before, limit: input.limit + 1 };
      const found = await listSaid(context.db, scope, page);
      return { messages: found.slice(-input.limit).map(messageOf), more: found.length > input.limit };
    },
  }),
  'mcp.attachment': defineOperation({
    input: z.strictObject({ person: personInput, message: z.int().min(1), index: z.int().min(0).max(1000) }),
    output: z.object({ name: z.string(), mime: z.string(), bytes: z.number(), base64: z.string() }),
    needsGateway: false,
    async run(context, input) {
      const scope = await scopeOf(context, input.person, 'mcp.attachment');
      const file = (await getMessage(context.db, scope, input.message))?.files?.[input.index];
      if (!file) throw new AppError('not_found', 'There is no such message, or it has no such attachment.');
      const { name, mime, bytes } = file;
      if (bytes > MAX_FILE_BYTES)
        throw new AppError('too_large', `${name} is larger than 8 MB, so it is not given out.`);
      return { name, mime, bytes, base64: (await readOwnFile(context.home, file.path)).toString('base64') };
    },
  }),
  'mcp.events': defineOperation({
    input: z.strictObject({
      person: personInput,
      /** What was there before is no news. Default: everything that is there now. */
      since: place.optional(),
      limit: limit(200, 50),
      /** How long to wait for the first event. */
      waitMs: z.int().min(0).max(MAX_WAIT_MS).default(0),
    }),
    output: eventsOutput,
    needsGateway: false,
    async run(context, input) {
      const scope = await scopeOf(context, input.person, 'mcp.events');
      const since = input.since ?? (await placeNow(context, scope));
      const end = context.clock.now() + input.waitMs;
      for (;;) {
        const left = end - context.clock.now();
        // Begun before the look, so that nothing falls between.
        const stop = new AbortController();
        const news = left > 0 ? context.activity?.wait(left, stop.signal) : undefined;
        const found = await readEvents(context, scope, { since, limit: input.limit });
        if (found.events.length === 0 && news !== undefined) await news;
        stop.abort();
        if (found.events.length > 0 || news === undefined) return found;
      }
    },
  }),
  'mcp.permissions': defineOperation({
    input: z.strictObject({ person: personInput }),
    output: z.object({ permissions: z.array(permission) }),
    needsGateway: false,
    async run(context, input) {
      const scope = await scopeOf(context, input.person, 'mcp.permissions');
      return { permissions: (await openPermissions(context, scope)).map(permissionOf) };
    },
  }),
  'mcp.decide': defineOperation({
    input: z.strictObject({
      person: personInput,
      permission: z.string().min(1).max(40),
      allow: z.boolean(),
      reason: z.string().max(500).optional(),
    }),
    output: z.object({ decided: z.literal(true) }),
    needsGateway: true,
    async run(context, { person, permission: id, allow, reason }) {
      const scope = await scopeOf(context, person, 'mcp.decide');
      if (!(await decideApproval(context.db, scope, id, { allow, reason })))
        throw new AppError('not_found', 'This request is not open any more, or was never yours. Nothing was changed.');
      await writeAudit(context.db, {
        actor: 'mcp',
        action: allow ? 'permission.allow' : 'permission.deny',
        subject: id,
      });
      return { decided: true as const };
    },
  }),
};

async function scopeOf(context: ControlContext, person: string | undefined, action: string): Promise<Scope> {
  return personScope((await resolvePerson(context, person, action)).id);
}

async function findSession(context: ControlContext, scope: Scope, id: string) {
  const found = await getSession(context.db, scope, sessionId(id));
  if (found) return found;
  throw new AppError('not_found', `There is no conversation ${JSON.stringify(id)}; conversations_list shows them.`);
}

async function openPermissions(context: ControlContext, scope: Scope) {
  const all = await listPendingApprovals(context.db, scope);
  return all.filter(({ person }) => person === scope.person);
}

async function placeNow(context: ControlContext, scope: Scope): Promise<EventPlace> {
  const [last] = await listSaid(context.db, scope, { limit: 1 });
  const permissions = await openPermissions(context, scope);
  return { message: last?.id ?? 0, permission: permissions.at(-1)?.id ?? '' };
}

/** In the order in which they happened; ids of requests sort by time. */
async function readEvents(context: ControlContext, scope: Scope, page: { since: EventPlace; limit: number }) {
  const { since } = page;
  const said = await listSaid(context.db, scope, { after: since.message, limit: page.limit });
  const asked = (await openPermissions(context, scope)).filter(({ id }) => id > since.permission);
  const messages = said.map((entry) => ({
    type: 'message' as const,
    at: entry.createdAt,
    message: messageOf(entry),
  }));
  const permissions = asked.map((entry) => ({
    type: 'permission_requested' as const,
    at: entry.createdAt,
    permission: permissionOf(entry),
  }));
  const events = merge(messages, permissions).slice(0, page.limit);
  // What did not fit comes with the next page: the place moves over what is given out only.
  const place = { ...since };
  for (const event of events) {
    if (event.type === 'message') place.message = Math.max(place.message, event.message.id);
    else if (event.permission.id > place.permission) place.permission = event.permission.id;
  }
  return { events, place };
}

/** By time, but each list in its own order: a clock that went back must not make the place skip one. */
function merge<A extends { at: number }, B extends { at: number }>(
  first: readonly A[],
  second: readonly B[],
): (A | B)[] {
  const merged: (A | B)[] = [];
  let next = 0;
  for (const one of first) {
    for (let other = second[next]; other !== undefined && other.at <= one.at; other = second[next]) {
      merged.push(other);
      next++;
    }
    merged.push(one);
  }
  return [...merged, ...second.slice(next)];
}

/** Only what lies under the home: a path in the data must not open anything else. */
async function readOwnFile(home: string, file: string): Promise<Buffer> {
  try {
    const real = await realpath(file);
    const inside = path.relative(await realpath(home), real);
    if (inside === '' || inside.startsWith('..') || path.isAbsolute(inside)) throw new Error('outside');
    return await readFile(real);
  } catch (cause) {
    throw new AppError('not_found', 'The file of this attachment is not there any more.', { cause });
  }
}

function messageOf({ id, session, role, author, text, files, createdAt }: StoredMessage): z.input<typeof message> {
  return {
    id,
    conversation: session,
    role: role === 'assistant' ? 'assistant' : 'user',
    author,
    text,
    attachments: (files ?? []).map(({ name, mime, bytes }, index) => ({ index, name, mime, bytes })),
    createdAt,
  };
}

function permissionOf(approval: z.input<typeof permission>): z.input<typeof permission> {
  const { id, tool, arguments: args, createdAt, expiresAt } = approval;
  return { id, tool, arguments: args, createdAt, expiresAt };
}
