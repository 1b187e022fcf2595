// Sessions of one person's own space: list, show, search, export, delete.
import { z } from 'zod';
import { listHistory, listTranscript, type StoredMessage } from '../../data/messages.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import { searchMessages } from '../../data/search.ts';
import { deleteSession, findSessions, listSessions, type Session } from '../../data/sessions.ts';
import { AppError } from '../../shared/errors.ts';
import { defineOperation, type ControlContext } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

const sessionInput = z.string().trim().min(1).max(256);
const limitInput = (most: number, usual: number) => z.int().min(1).max(most).default(usual);

const sessionOutput = z.object({
  id: z.string(),
  title: z.string().optional(),
  model: z.string().optional(),
  personality: z.string().optional(),
  createdAt: z.number(),
  updatedAt: z.number(),
});

const messageOutput = z.object({
  id: z.number(),
  role: z.enum(['user', 'assistant', 'tool', 'summary']),
  author: z.string(),
  text: z.string(),
  toolName: z.string().optional(),
  toolCalls: z.string().optional(),
  files: z.array(z.object({ name: z.string(), mime: z.string(), bytes: z.number(), path: z.string() })),
  isError: z.boolean(),
  state: z.enum(['active', 'undone', 'compacted']),
  createdAt: z.number(),
});

export const sessionOperations = {
  'sessions.list': defineOperation({
    input: z.strictObject({ person: personInput, limit: limitInput(1000, 20) }),
    output: z.array(sessionOutput.extend({ messages: z.number(), opening: z.string() })),
    needsGateway: false,
    async run(context, input) {
      const { scope } = await open(context, input.person, 'sessions.list');
      const found = await listSessions(context.db, scope, input.limit);
      return found.map((entry) => ({ ...sessionOf(entry), messages: entry.messages, opening: entry.opening }));
    },
  }),
  'sessions.show': defineOperation({
    input: z.strictObject({ person: personInput, session: sessionInput, limit: limitInput(2000, 200) }),
    output: z.object({ session: sessionOutput, messages: z.array(messageOutput) }),
    needsGateway: false,
    async run(context, input) {
      const { scope } = await open(context, input.person, 'sessions.show');
      const session = await findSession(context, scope, input.session);
      const messages = await listHistory(context.db, scope, session.id, input.limit);
      return { session: sessionOf(session), messages: messages.map(messageOf) };
    },
  }),
  'sessions.search': defineOperation({
    input: z.strictObject({
      person: personInput,
      query: z.string().trim().min(1).max(1000),
      limit: limitInput(200, 20),
    }),
    output: z.array(
      z.object({
        message: z.number(),
        session: z.string(),
        sessionTitle: z.string().optional(),
        role: z.enum(['user', 'assistant']),
        author: z.string(),
        text: z.string(),
        createdAt: z.number(),
      }),
    ),
    needsGateway: false,
    async run(context, input) {
      const { scope } = await open(context, input.person, 'sessions.search');
      return [...(await searchMessages(context.db, scope, { query: input.query, limit: input.limit }))];
    },
  }),
  'sessions.export': defineOperation({
    input: z.strictObject({ person: personInput, session: sessionInput }),
    output: z.object({ session: sessionOutput, messages: z.array(messageOutput) }),
    needsGateway: false,
    async run(context, input) {
      const { scope } = await open(context, input.person, 'sessions.export');
      const session = await findSession(context, scope, input.session);
      const messages = await listTranscript(context.db, scope, session.id);
      return { session: sessionOf(session), messages: messages.map(messageOf) };
    },
  }),
  'sessions.delete': defineOperation({
    input: z.strictObject({ person: personInput, session: sessionInput }),
    output: z.object({ id: z.string(), title: z.string().optional() }),
    needsGateway: false,
    async run(context, input) {
      const { scope } = await open(context, input.person, 'sessions.delete');
      const session = await findSession(context, scope, input.session);
      // A turn that still runs would write its answer into a session that is gone.
      await context.actions?.stopTurns({ session: session.id });
      if (!(await deleteSession(context.db, scope, session.id))) throw missing(input.session);
      return { id: session.id, title: session.title };
    },
  }),
};

async function open(context: ControlContext, wanted: string | undefined, action: string): Promise<{ scope: Scope }> {
  const person = await resolvePerson(context, wanted, action);
  return { scope: personScope(person.id) };
}

async function findSession(context: ControlContext, scope: Scope, text: string): Promise<Session> {
  const found = await findSessions(context.db, scope, text);
  const [first, second] = found;
  if (!first) throw missing(text);
  if (second)
    throw new AppError(
      'bad_input',
      `Several sessions begin with ${JSON.stringify(text)}: ${found
        .slice(0, 5)
        .map((session) => session.id)
        .join(', ')}${found.length > 5 ? ', …' : ''}. Give more of the id.`,
    );
  return first;
}

function missing(text: string): AppError {
  return new AppError(
    'not_found',
    `No session has the id or title ${JSON.stringify(text)}. \`herald sessions list\` shows them.`,
  );
}

function sessionOf(session: Session): z.input<typeof sessionOutput> {
  const { id, title, model, personality, createdAt, updatedAt } = session;
  return { id, title, model, personality, createdAt, updatedAt };
}

function messageOf(message: StoredMessage): z.input<typeof messageOutput> {
  return {
    id: message.id,
    role: message.role,
    author: message.author,
    text: message.text,
    toolName: message.toolName,
    toolCalls: message.toolCalls,
    files: (message.files ?? []).map(({ name, mime, bytes, path }) => ({ name, mime, bytes, path })),
    isError: message.isError ?? false,
    state: message.state,
    createdAt: message.createdAt,
  };
}
