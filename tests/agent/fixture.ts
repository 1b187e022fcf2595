// A temporary home with one person, a session and turns, and a model that answers from a script.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openAgent } from '../../agent/agent.ts';
import type { AgentEvent } from '../../agent/events.ts';
import type { AgentNotice, AgentPorts } from '../../agent/parts.ts';
import type { AgentPort, AgentTurn, TranscriptEntry, TurnInput, TurnResult } from '../../agent/port.ts';
import type { ChainLink } from '../../agent/providers/fallback.ts';
import type { JsonValue, ModelReply, ModelRequest, Provider, ToolCall } from '../../agent/providers/types.ts';
import type { AgentSettings } from '../../agent/settings.ts';
import { defineTool, type Tool, type ToolDefinition } from '../../agent/tools/tool.ts';
import { openData, type ProcessDb } from '../../data/db.ts';
import type { StatementObserver } from '../../data/query/dialect.ts';
import type { NewMessage } from '../../data/messages.ts';
import { createPerson } from '../../data/process/people.ts';
import { insertInbox, queueInbox } from '../../data/process/inbox.ts';
import { beginTurn, finishTurn, type Turn } from '../../data/process/turns.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import { createSession, type Session } from '../../data/sessions.ts';
import { AppError } from '../../shared/errors.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { accountId, chatId, inboxId, messageId, userId, type PersonId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import type { Address, Role } from '../../shared/messages.ts';
import { putEmptyDatabase } from '../support/built.ts';

export const DM: Address = { platform: 'testchat', account: accountId('a'), chat: chatId('c1'), kind: 'dm' };

/** One model reply: text, calls, an error to throw, or a function of the request. */
export type Scripted = Partial<ModelReply> | AppError | ((request: ModelRequest) => Partial<ModelReply> | AppError);

export interface ScriptedModel {
  link: ChainLink;
  requests: ModelRequest[];
}

/** A provider that gives the replies in order; beyond the end it answers "(end of script)". */
export function makeScriptedModel(script: readonly Scripted[], id = 'script', model = 'scripted'): ScriptedModel {
  const requests: ModelRequest[] = [];
  const provider: Provider = {
    id,
    async *stream(request, signal) {
      const entry = script[requests.length] ?? { text: '(end of script)' };
      requests.push(request);
      const next = typeof entry === 'function' ? entry(request) : entry;
      if (signal.aborted) throw new AppError('cancelled', 'Stopped.');
      if (next instanceof AppError) throw next;
      const reply = makeReply(next);
      if (reply.text !== '') yield { type: 'text', delta: reply.text };
      yield { type: 'done', reply };
    },
    listModels: async () => [model, 'other-model'],
  };
  return { link: { provider, model }, requests };
}

export function makeReply(reply: Partial<ModelReply>): ModelReply {
  return {
    text: '',
    toolCalls: [],
    thinking: '',
    reasoning: [],
    stop: (reply.toolCalls?.length ?? 0) > 0 ? 'tool_calls' : 'end',
    usage: { input: 100, output: 10, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
    model: 'scripted',
    ...reply,
  };
}

export function makeCall(name: string, args: { [key: string]: JsonValue } = {}, id = 'call_1'): ToolCall {
  return { id, name, arguments: args, rawArguments: JSON.stringify(args) };
}

export interface Home {
  dir: string;
  db: ProcessDb;
  person: PersonId;
  scope: Scope;
  session: Session;
  close(): Promise<void>;
}

export async function openHome(options: { clock?: Clock; observe?: StatementObserver } = {}): Promise<Home> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'herald-agent-'));
  putEmptyDatabase(dir);
  const opened = await openData({ home: dir, ...options });
  const person = (await createPerson(opened.db, { name: 'Ann', role: 'owner' })).id;
  const scope = personScope(person);
  const session = await createSession(opened.db, scope);
  return {
    dir,
    db: opened.db,
    person,
    scope,
    session,
    async close() {
      await opened.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export async function addPerson(
  home: Home,
  name: string,
): Promise<{ scope: Scope; session: Session; person: PersonId }> {
  const person = (await createPerson(home.db, { name, role: 'member' })).id;
  const scope = personScope(person);
  return { person, scope, session: await createSession(home.db, scope) };
}

let messages = 0;

/** Starts a turn in the database, as the gateway does. */
export async function startTurn(
  home: Pick<Home, 'db' | 'person' | 'scope' | 'session'>,
  address: Address = DM,
): Promise<Turn> {
  const row = await insertInbox(home.db, {
    address,
    kind: 'message',
    message: messageId(`m${++messages}`),
    revision: '',
    user: userId('u'),
    payload: { text: '…', attachments: [], senderName: 'Ann', sentAt: 1, addressed: true, bot: false },
  });
  if (!row) throw new Error('inbox row not new');
  await queueInbox(home.db, row.id, { person: home.person, session: home.session.id, dueAt: 0 });
  const begun = await beginTurn(home.db, {
    session: home.session.id,
    space: home.scope.space,
    person: home.person,
    address,
    rows: [row.id],
  });
  if (!begun) throw new Error('turn did not begin');
  return begun.turn;
}

/** Rows of history that a past turn left. */
export async function addHistory(
  home: Pick<Home, 'db' | 'person' | 'scope' | 'session'>,
  rows: readonly NewMessage[],
): Promise<void> {
  const turn = await startTurn(home);
  await finishTurn(home.db, { turn, state: 'done', messages: rows, outbox: [], inbox: [] });
}

export function makeInput(text: string, extra: Partial<TurnInput> = {}): TurnInput {
  return { inbox: inboxId('1'), text, files: [], author: 'Ann', origin: 'owner', sentAt: 1, ...extra };
}

export function makeAgentTurn(
  home: Pick<Home, 'scope' | 'person' | 'session'>,
  turn: Turn,
  extra: Partial<AgentTurn> & { events?: AgentEvent[] } = {},
): AgentTurn {
  const { events, ...rest } = extra;
  return {
    id: turn.id,
    session: home.session.id,
    scope: home.scope,
    person: home.person,
    role: 'owner' satisfies Role,
    address: turn.address,
    promptHint: '',
    inputs: [makeInput('hello')],
    model: undefined,
    personality: undefined,
    resumed: false,
    steer: async () => [],
    emit: (event) => void events?.push(event),
    ...rest,
  };
}

export const NO_CAPS: AgentSettings['caps'] = {
  turnMicroUsd: null,
  personDayMicroUsd: null,
  dayMicroUsd: null,
  turnTokens: null,
  personDayTokens: null,
  dayTokens: null,
};

export function makeSettings(
  dir: string,
  chain: readonly ChainLink[],
  extra: Partial<AgentSettings> = {},
): AgentSettings {
  return {
    home: dir,
    workspaceOf: ({ space }) => path.join(dir, 'workspaces', space.replace(/[^a-z0-9]/gi, '-')),
    approvals: { mode: 'manual' },
    workers: { maxParallel: 4, maxDepth: 2, maxIterations: 20, presets: {} },
    models: { chain, demo: false },
    chooseModel: (name) => chain.map((link) => ({ ...link, model: name })),
    modelLimits: {},
    maxOutputTokens: 1_000,
    reasoningEffort: undefined,
    maxIterations: 90,
    timezone: 'Europe/Vienna',
    personality: undefined,
    personalities: {},
    tools: { disabled: [], timeoutMs: 5_000, maxParallel: 4, maxResultChars: 50_000, approvalTtlMs: 60_000 },
    caps: NO_CAPS,
    prices: {},
    ...extra,
  };
}

export interface SentMessage {
  to: Address;
  text: string;
  key: string;
}

/** Ports that remember what was sent, once per key, and refuse every approval by not answering it. */
export function makePorts(
  extra: Partial<AgentPorts> = {},
): AgentPorts & { sent: SentMessage[]; notices: AgentNotice[] } {
  const sent: SentMessage[] = [];
  const notices: AgentNotice[] = [];
  return {
    sent,
    notices,
    notify: async (notice) => {
      if (!notices.some(({ key }) => key === notice.key)) notices.push(notice);
    },
    listOwnChats: async () => [
      { address: DM, title: 'Ann' },
      { address: { ...DM, platform: 'otherchat', chat: chatId('c2') }, title: 'Ann on other' },
    ],
    sendMessage: async ({ to, text, key }) => {
      if (!sent.some((one) => one.key === key)) sent.push({ to, text, key });
    },
    requestApproval: async () => undefined,
    ...extra,
  };
}

export function makeAgent(
  home: Pick<Home, 'db' | 'dir'>,
  model: ScriptedModel | readonly ScriptedModel[],
  extra: {
    settings?: Partial<AgentSettings>;
    ports?: AgentPorts;
    tools?: readonly Tool[];
    clock?: Clock;
    redact?: (text: string) => string;
  } = {},
): AgentPort {
  const models = 'link' in model ? [model] : model;
  const { tools } = extra;
  const settings = makeSettings(
    home.dir,
    models.map((one) => one.link),
    extra.settings,
  );
  return openAgent({
    db: home.db,
    clock: extra.clock ?? systemClock,
    random: () => 0.5,
    log: silentLog,
    settings: () => settings,
    ports: extra.ports ?? makePorts(),
    redact: extra.redact ?? ((text) => text),
    sign: (hash) => `signed ${hash}`,
    ...(tools ? { tools: async () => tools } : {}),
  });
}

/** The transcript in one line per entry, for comparing. */
export function outline(transcript: readonly TranscriptEntry[]): readonly string[] {
  return transcript.map((entry) => {
    switch (entry.role) {
      case 'user':
        return `${entry.steered ? 'steered' : 'user'}: ${entry.text}`;
      case 'assistant':
        return `assistant: ${entry.text}${entry.toolCalls === '[]' ? '' : ` ${entry.toolCalls}`}`;
      case 'tool':
        return `tool ${entry.name}${entry.isError ? ' failed' : ''}: ${entry.text}`;
    }
  });
}

/** One turn of a new agent whose model says `script`. */
export async function runTurnOnce(
  home: Home,
  script: readonly Scripted[],
  extra: { turn?: Partial<AgentTurn>; agent?: Parameters<typeof makeAgent>[2]; signal?: AbortSignal } = {},
): Promise<{ result: TurnResult; requests: readonly ModelRequest[]; events: AgentEvent[] }> {
  const model = makeScriptedModel(script);
  const events: AgentEvent[] = [];
  const turn = await startTurn(home, extra.turn?.address);
  const agent = makeAgent(home, model, extra.agent);
  const result = await agent.run(
    makeAgentTurn(home, turn, { ...extra.turn, events }),
    extra.signal ?? new AbortController().signal,
  );
  return { result, requests: model.requests, events };
}

/** All text of a request's messages, a line each. */
export function textOf(request: ModelRequest | undefined): string {
  return (request?.messages ?? [])
    .map((message) =>
      message.role === 'user'
        ? message.content.map((part) => (part.type === 'text' ? part.text : '<image>')).join('|')
        : message.text,
    )
    .join('\n');
}

/** A pure tool that takes anything and says ok, unless told otherwise. */
export function makeTestTool(name: string, extra: Partial<ToolDefinition<unknown>>) {
  return defineTool({
    name,
    description: name,
    parameters: z.looseObject({}),
    effect: 'pure',
    origin: 'agent',
    toolset: 'test',
    summarize: () => name,
    execute: async () => ({ text: 'ok' }),
    ...extra,
  });
}
