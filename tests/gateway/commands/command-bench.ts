// Runs slash commands as the gateway does, against a real database: text is parsed, found and carried out for a person in a chat.
// The running gateway, the agent and pairing are ports that record what was asked of them.
import path from 'node:path';
import { DEFAULT_MEMORY } from '../../../agent/memory/config.ts';
import { openMemory } from '../../../agent/memory/memory.ts';
import type { OutsideService } from '../../../agent/memory/outside.ts';
import type { AgentPort, ModelInfo } from '../../../agent/port.ts';
import type { ProcessDb } from '../../../data/db.ts';
import { insertInbox, getInbox, queueInbox } from '../../../data/process/inbox.ts';
import { touchChat } from '../../../data/process/chats.ts';
import { addIdentity, createPerson, type Person } from '../../../data/process/people.ts';
import { beginTurn, finishTurn } from '../../../data/process/turns.ts';
import type { NewMessage } from '../../../data/messages.ts';
import type { GatewayActions, GatewayStatus } from '../../../gateway/actions.ts';
import { findCommand, parseCommand } from '../../../gateway/commands/parse.ts';
import { commands } from '../../../gateway/commands/registry.ts';
import type { CommandContext, CommandReply } from '../../../gateway/commands/types.ts';
import { findRoute, type Route } from '../../../gateway/chats/route.ts';
import { openPairing, type Pairing } from '../../../pairing/pairing.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import {
  accountId,
  chatId,
  messageId,
  userId,
  type InboxId,
  type PersonId,
  type SessionId,
  type TurnId,
} from '../../../shared/ids.ts';
import type { Address, Role } from '../../../shared/messages.ts';
import { openTemporaryData, type TemporaryData } from '../../data/temporary-data.ts';

export interface Bench extends TemporaryData {
  gateway: FakeGateway;
  agent: FakeAgent;
  pairing: Pairing;
  /** Files that commands stored, by name. */
  stored: Map<string, string>;
  person(name: string, role: Role): Promise<Person>;
  /** The session that the chat shows to this person. */
  route(person: Person, at: Address): Promise<Route>;
  /** One whole exchange, stored as a turn stores it. */
  exchange(person: Person, at: Address, said: string, options?: ExchangeOptions): Promise<TurnId>;
  /** Sends a command and answers with its reply; rejects with what the command rejects with. */
  run(person: Person, at: Address, text: string): Promise<CommandReply>;
  /** Carries the same stored command out once more, as after a crash. */
  runAgain(person: Person, at: Address): Promise<CommandReply>;
}

export interface ExchangeOptions {
  answer?: string;
  origin?: NewMessage['origin'];
  files?: NewMessage['files'];
  tool?: { name: string; text: string };
}

export type FakeGateway = GatewayActions & {
  stopped: ({ session: SessionId } | { person: PersonId })[];
  running: Set<SessionId>;
  stoppable: number;
  posts: { to: Address; text: string; key: string | undefined }[];
  restarts: string[];
  facts: GatewayStatus;
};
export type FakeAgent = AgentPort & {
  /** Memory services outside. */
  services: OutsideService[];
  /** Ids of workers. */
  stopped: string[];
  /** Files that turns have changed. */
  changed: Map<TurnId, readonly string[]>;
  list: ModelInfo[] | AppError;
  compressed: { session: SessionId; focus: string | undefined }[];
  summarizes: number;
  /** Of tools that are not Herald's own. */
  notes: string[];
};
const ACCOUNT = accountId('bot');

export function dm(person: Pick<Person, 'name'>, platform = 'pigeon'): Address {
  return { platform, account: ACCOUNT, chat: chatId(`dm-${person.name}`), kind: 'dm' };
}

export function group(name = 'kitchen'): Address {
  return { platform: 'pigeon', account: ACCOUNT, chat: chatId(name), kind: 'group' };
}

export async function openBench(): Promise<Bench> {
  const data = await openTemporaryData();
  const { db, clock } = data;
  const gateway = makeGateway(clock.now());
  const agent = makeAgent(data);
  const pairing = openPairing({ db, clock, log: silentLog });
  const stored = new Map<string, string>();
  let sent = 0;
  let lastCommand: { id: InboxId; text: string } | undefined;

  const route = (person: Person, at: Address) =>
    findRoute(db, { person: person.id, address: at, title: at.chat }, 'person');

  async function store(person: Person, at: Address, text: string): Promise<InboxId> {
    await clock.advance(1_000);
    await touchChat(db, at, at.chat);
    const row = await insertInbox(db, {
      address: at,
      kind: 'message',
      message: messageId(`m${++sent}`),
      revision: '',
      user: userId(person.name),
      payload: {
        text,
        attachments: [],
        senderName: person.name,
        sentAt: clock.now(),
        addressed: true,
        bot: false,
      },
    });
    if (!row) throw new Error('stored twice');
    return row.id;
  }

  async function carryOut(person: Person, at: Address, command: { id: InboxId; text: string }): Promise<CommandReply> {
    const parsed = parseCommand(command.text);
    if (!parsed) throw new Error(`no command: ${command.text}`);
    const found = findCommand(parsed.name);
    if (!('command' in found)) throw new Error(`unknown command: ${parsed.name}`);
    const row = await getInbox(db, command.id);
    if (!row) throw new Error('no such row');
    const context: CommandContext = {
      db,
      clock,
      ...(await route(person, at)),
      person,
      address: at,
      row,
      args: parsed.args,
      agent,
      gateway,
      pairing,
      commands,
      async storeFile(name, mime, content) {
        stored.set(name, typeof content === 'string' ? content : Buffer.from(content).toString('latin1'));
        return { kind: 'document', path: path.join(data.home, name), name, mime, bytes: Buffer.byteLength(content) };
      },
      defaultQueueMode: 'queue',
      signal: new AbortController().signal,
    };
    return found.command.run(context);
  }

  return {
    ...data,
    gateway,
    agent,
    pairing,
    stored,
    route,
    async person(name, role) {
      const person = await createPerson(db, { name, role });
      await addIdentity(db, { platform: 'pigeon', account: ACCOUNT, user: userId(name), person: person.id, name });
      return person;
    },
    async exchange(person, at, said, options = {}) {
      const id = await store(person, at, said);
      return answerRow(db, { id, person, at, said, options, route: await route(person, at) });
    },
    async run(person, at, text) {
      lastCommand = { id: await store(person, at, text), text };
      await clock.advance(5);
      return carryOut(person, at, lastCommand);
    },
    async runAgain(person, at) {
      if (!lastCommand) throw new Error('nothing was run');
      return carryOut(person, at, lastCommand);
    },
  };
}

/** A stored message through queue, turn and finish, as the lanes do it. */
async function answerRow(
  db: ProcessDb,
  input: { id: InboxId; person: Person; at: Address; said: string; options: ExchangeOptions; route: Route },
): Promise<TurnId> {
  const { id, person, at, said, options } = input;
  const { session, scope } = input.route;
  await queueInbox(db, id, { person: person.id, session: session.id, dueAt: db.clock.now() });
  const begun = await beginTurn(db, {
    session: session.id,
    space: scope.space,
    person: person.id,
    address: at,
    rows: [id],
  });
  if (!begun) throw new Error('the turn did not begin');
  const { turn } = begun;
  const tool: NewMessage[] = options.tool
    ? [
        {
          role: 'assistant',
          author: '',
          text: '',
          toolCalls: JSON.stringify([{ id: 'c1', name: options.tool.name, rawArguments: '{}' }]),
          origin: 'agent',
        },
        {
          role: 'tool',
          author: '',
          text: options.tool.text,
          toolCallId: 'c1',
          toolName: options.tool.name,
          origin: 'foreign',
        },
      ]
    : [];
  const origin = options.origin ?? (person.role === 'owner' ? 'owner' : 'member');
  await finishTurn(db, {
    turn,
    state: 'done',
    messages: [
      { role: 'user', author: person.name, text: said, origin, files: options.files },
      ...tool,
      { role: 'assistant', author: '', text: options.answer ?? `answer to ${said}`, origin: 'agent' },
    ],
    outbox: [],
    inbox: [{ rows: [id], state: 'answered' }],
  });
  return turn.id;
}

function makeGateway(now: number): FakeGateway {
  const stopped: FakeGateway['stopped'] = [];
  const running: FakeGateway['running'] = new Set();
  const posts: FakeGateway['posts'] = [];
  const restarts: string[] = [];
  const gateway: FakeGateway = {
    stopped,
    running,
    stoppable: 0,
    posts,
    restarts,
    facts: {
      version: '1.2.3',
      pid: 1,
      startedAt: now - 3 * 3_600_000,
      url: undefined,
      home: '/nowhere',
      model: { name: 'small', provider: 'local', demo: false },
      adapters: [
        {
          platform: 'pigeon',
          account: 'bot',
          title: 'Pigeon',
          state: 'online',
          detail: undefined,
          lastAliveAt: now - 120_000,
          restarts: 0,
        },
        {
          platform: 'raven',
          account: 'crow',
          title: 'Raven',
          state: 'needs-login',
          detail: 'token *refused*',
          lastAliveAt: undefined,
          restarts: 2,
        },
      ],
      inbox: { queued: 2 },
      outbox: { pending: 3, dead: 1 },
      runningTurns: 1,
      persons: 2,
      rssBytes: 90 * 1_048_576,
    },
    status: () => Promise.resolve(gateway.facts),
    stopTurns(target) {
      stopped.push(target);
      return Promise.resolve('person' in target ? gateway.stoppable : 1);
    },
    isRunning: (session) => running.has(session),
    post(to, text, options) {
      posts.push({ to, text, key: options?.key });
      return Promise.resolve(options?.key ?? 'key');
    },
    resend: () => Promise.resolve(false),
    notify: () => Promise.resolve(),
    restart(reason) {
      restarts.push(reason);
      return Promise.resolve();
    },
    stop: () => Promise.reject(new Error('not asked for')),
    reload: () => Promise.reject(new Error('not asked for')),
    backup: () => Promise.reject(new Error('not asked for')),
  };
  return gateway;
}

function makeAgent({ db, home }: Pick<TemporaryData, 'db' | 'home'>): FakeAgent {
  const agent: FakeAgent = {
    services: [],
    memory: openMemory({
      outside: async () => ({ services: agent.services, wake: () => {} }),
      db,
      log: silentLog,
      settings: () => DEFAULT_MEMORY,
      folderOf: ({ space }) => path.join(home, 'memories', encodeURIComponent(space)),
    }),
    list: [
      { name: 'small', provider: 'local', current: true },
      { name: 'maker/large', provider: 'cloud', current: false },
    ],
    compressed: [],
    notes: [],
    summarizes: 4,
    run: () => Promise.reject(new Error('commands run no turns')),
    stopped: [],
    compileRule(_at, words) {
      if (words === '') return Promise.reject(new AppError('bad_input', 'I cannot tell what this rule is about.'));
      const verdict = words.startsWith('never') ? 'deny' : 'ask';
      return Promise.resolve({ words, verdict, spec: '[{}]', about: `one of ${words}` });
    },
    extendBudget: (_scope, cap) => Promise.resolve(`more of ${cap}`),
    changed: new Map(),
    async restoreFiles(_scope, turn) {
      const paths = agent.changed.get(turn);
      agent.changed.delete(turn);
      return paths && { restored: paths, conflicts: [] };
    },
    listCheckpoints: async () => [...agent.changed].map(([turn, paths]) => ({ turn, at: 0, paths })).toReversed(),
    resumeWorker: () => undefined,
    stopWorker(_scope, id) {
      agent.stopped.push(id);
      return Promise.resolve(true);
    },
    close: () => Promise.resolve(),
    compress(_scope, session, { focus }) {
      agent.compressed.push({ session, focus });
      return Promise.resolve({ summarized: agent.summarizes });
    },
    describeTools: ({ disabledTools = [] }) =>
      Promise.resolve({
        tools: [
          { name: 'clock', toolset: 'core', description: 'The time.', state: 'prompt' },
          ...['web_search', 'web_extract'].map((name) =>
            disabledTools.some((off) => off === name || off === 'web')
              ? { name, toolset: 'web', description: 'The web.', state: 'off' as const, why: 'in this chat' }
              : { name, toolset: 'web', description: 'The web.', state: 'searched' as const },
          ),
          { name: 'speak', toolset: 'voice', description: 'Sound.', state: 'unavailable', why: 'not set up here' },
        ],
        notes: agent.notes,
      }),
    describeContext: () =>
      Promise.resolve({
        parts: [
          { part: 'system', tokens: 1_000 },
          { part: 'summary', tokens: 0 },
          { part: 'history', tokens: 20_000 },
        ],
        dropped: 3,
        compressAtTokens: 50_000,
        models: [
          { name: 'test/large', windowTokens: 100_000, answerTokens: 8_000, usedTokens: 25_200, isMeasured: true },
          { name: 'test/small', windowTokens: 50_000, answerTokens: 8_000, usedTokens: 21_000, isMeasured: false },
        ],
      }),
    models: () => (agent.list instanceof AppError ? Promise.reject(agent.list) : Promise.resolve(agent.list)),
    resolveModel(name) {
      const found = agent.list instanceof AppError ? undefined : agent.list.find((each) => each.name.endsWith(name));
      if (!found) throw new AppError('not_found', `No model ${name}. Did you mean small?`);
      return found.name;
    },
    personalities: () => [
      { name: 'pirate', description: 'Speaks like one' },
      { name: 'Butler', description: 'Very *polite*' },
    ],
    describeModel: () => ({ name: 'small', provider: 'local', demo: false }),
  };
  return agent;
}
