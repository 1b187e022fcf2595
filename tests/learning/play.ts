// The gateway with the real agent and all that it learns by, over a real database, on a clock that the story turns; only the model and the world
// of its tools are made up. People speak through platforms and read what they are sent.
import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openAgent, type OpenedAgent } from '../../agent/agent.ts';
import type { EndedTurn, KnowledgeSource } from '../../agent/knowledge.ts';
import type { ModelReply, ModelRequest } from '../../agent/providers/types.ts';
import { TOOLS } from '../../agent/tools/registry.ts';
import type { Tool } from '../../agent/tools/tool.ts';
import { loadConfig } from '../../config/load.ts';
import type { ProcessDb } from '../../data/db.ts';
import { countOutbox } from '../../data/process/outbox.ts';
import type { Scope } from '../../data/scope.ts';
import { personScope } from '../../data/scope.ts';
import { makeChatPorts } from '../../gateway/compose/agent/chat-ports.ts';
import { openLearning } from '../../gateway/compose/agent/learning.ts';
import type { Core } from '../../gateway/core.ts';
import type { Role } from '../../shared/messages.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import { makeRedactor } from '../../shared/redact.ts';
import { makeSettings } from '../agent/fixture.ts';
import { makeFakeClock, type FakeClock } from '../support/fake-clock.ts';
import type { FakePlatform, SentPart } from '../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../support/gateway.ts';

/** Nine in the morning in Vienna, where the stories are. */
export const START = Date.UTC(2026, 0, 5, 8);
export const DAY = 86_400_000;
const MEMORY_DISK = '/dev/shm';
const MAX_WAITS = 20_000;
const STILL_WAITS = 2_000;

type Learning = ReturnType<typeof openLearning>;

export interface Play {
  gateway: TestGateway;
  db: ProcessDb;
  clock: FakeClock;
  home: string;
  learning: Learning;
  /** What was logged as going wrong. */
  problems: readonly string[];
  /** All that went to the model, oldest first. */
  requests: readonly ModelRequest[];
  addPerson(platform: FakePlatform, user: string, role?: Role): Promise<Scope>;
  /** Says it and waits for its end and all that follows from it; what the chat was sent meanwhile. Who asks for leave is told no. */
  say(platform: FakePlatform, user: string, text: string): Promise<readonly SentPart[]>;
  /** Lets time pass, and all that is due in it happen. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface PlayOptions {
  platforms: readonly FakePlatform[];
  model(request: ModelRequest): ModelReply;
  tools?: readonly Tool[];
  /** config.yaml. */
  config?: Record<string, unknown>;
  /** Files of the home before it starts. */
  prepare?(home: string): Promise<void>;
}

async function hasUnsent(db: ProcessDb): Promise<boolean> {
  const { pending = 0, sending = 0 } = await countOutbox(db);
  return pending + sending > 0;
}

function listen(problems: string[]): Logger {
  const note = (fields: Record<string, unknown>, message: string) => {
    const { err } = fields;
    // What tools refuse is for the model, which hears of it.
    if (message === 'tool failed') return;
    problems.push(err instanceof Error ? `${message}: ${err.message}` : message);
  };
  const log: Logger = { ...silentLog, warn: note, error: note, child: () => log };
  return log;
}

interface Built {
  agent: OpenedAgent;
  learning: Learning;
}

export async function openPlay(options: PlayOptions): Promise<Play> {
  // Months of turns wait for the disk longer than for all else.
  const home = await mkdtemp(path.join(existsSync(MEMORY_DISK) ? MEMORY_DISK : os.tmpdir(), 'herald-learning-'));
  await writeFile(path.join(home, 'config.yaml'), JSON.stringify(options.config ?? {}), { mode: 0o600 });
  await options.prepare?.(home);
  const clock = makeFakeClock(START);
  const requests: ModelRequest[] = [];
  const problems: string[] = [];
  const log = listen(problems);
  const running = new Set<Promise<unknown>>();
  const ended: EndedTurn[] = [];
  let built: Built | undefined;
  const gateway = await openTestGateway({
    platforms: options.platforms,
    home,
    clock,
    settings: { debounceMs: 0 },
    log,
    async agent({ db, core }) {
      built = await build({ db, home, clock, core, log, options, requests, track: (work) => track(running, work) });
      const { agent } = built;
      return {
        ...agent,
        turnEnded(turn) {
          ended.push(turn);
          agent.turnEnded?.(turn);
        },
      };
    },
  });
  if (!built) throw new Error('the agent was not built');
  const { learning } = built;

  /** Time stands still while the process works, so that the same story has the same times; it moves when something waits for it. */
  async function breathe(waits: number): Promise<void> {
    await clock.advance(waits > 0 && waits % STILL_WAITS === 0 ? 300 : 0);
    // Files and modules are read meanwhile.
    if (waits % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** What a timer has begun is known by nobody: nothing must happen for so many breaths. */
  async function quiet(calm: number): Promise<void> {
    let breaths = 0;
    for (let waits = 0; waits < MAX_WAITS; waits++) {
      await breathe(waits);
      await learning.reviews.settled();
      breaths = running.size > 0 || (await hasUnsent(gateway.db)) ? 0 : breaths + 1;
      if (breaths >= calm) return;
    }
    throw new Error('it does not come to rest');
  }

  return {
    gateway,
    db: gateway.db,
    clock,
    home,
    learning,
    requests,
    problems,
    async addPerson(platform, user, role = 'owner') {
      return personScope((await gateway.pair(platform, user, role)).id);
    },
    async say(platform, user, text) {
      const before = platform.sent.length;
      const turns = ended.length;
      let answered = before;
      await platform.say(text, { user });
      const isOver = () => (text.startsWith('/') ? platform.sent.length > before : ended.length > turns);
      for (let waits = 0; waits < MAX_WAITS && !isOver(); waits++) {
        await breathe(waits);
        for (const part of platform.sent.slice(answered)) {
          answered++;
          const no = part.buttons.find(({ data }) => data.startsWith('/deny'));
          if (!no) continue;
          await platform.say(no.data, { user });
          // How soon the answer is looked at.
          for (let looks = 0; looks < 5; looks++) await clock.advance(100);
        }
      }
      if (!isOver()) throw new Error(`no answer to ${JSON.stringify(text)}`);
      await quiet(3);
      return platform.sent.slice(before).filter(({ to }) => to.chat === user);
    },
    async pass(ms) {
      await clock.advance(ms);
      await quiet(30);
    },
    close: () => gateway.close(),
  };
}

function track(running: Set<Promise<unknown>>, work: Promise<void> | undefined): Promise<void> | undefined {
  if (!work) return undefined;
  const done = work.finally(() => running.delete(done));
  running.add(done);
  return done;
}

interface BuildInput {
  db: ProcessDb;
  home: string;
  clock: FakeClock;
  log: Logger;
  core(): Core;
  options: PlayOptions;
  requests: ModelRequest[];
  track(work: Promise<void> | undefined): Promise<void> | undefined;
}

/** As gateway/compose/agent.ts does it, without machines. */
async function build({ db, home, clock, log, core, options, requests, track: follow }: BuildInput): Promise<Built> {
  const loaded = await loadConfig({ home, manifests: [], env: {} });
  const provider = {
    id: 'script',
    async *stream(request: ModelRequest) {
      requests.push(request);
      const reply = options.model(request);
      yield { type: 'done' as const, reply };
    },
    listModels: async () => ['scripted'],
  };
  const base = makeSettings(home, [{ provider, model: 'scripted' }]);
  const settings = () => base;
  const redactor = makeRedactor([]);
  const tools = async () => [...TOOLS, ...learning.skills.tools, ...(options.tools ?? [])];
  const learning = openLearning({
    db,
    clock,
    log,
    redactor,
    loaded,
    current: () => loaded,
    settings,
    core,
    port: () => agent,
    files: () => Promise.reject(new Error('these skills have no files')),
    tools,
  });
  // One after the other, so that ids are given in the same order each time.
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void> | undefined) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return follow(next) ?? next;
  };
  const followed = learning.sources.map((source): KnowledgeSource => ({
    ...source,
    ...(source.ended && { ended: (turn) => inTurn(() => source.ended?.(turn)) }),
    ...(source.left && { left: (at) => inTurn(() => source.left?.(at)) }),
  }));
  const agent: OpenedAgent = openAgent({
    db,
    clock,
    knowledge: followed,
    skills: learning.skills.port,
    random: () => 0.5,
    log,
    settings,
    redact: (text) => text,
    sign: (hash) => `signed ${hash}`,
    tools,
    ports: makeChatPorts({ db, clock, core }),
  });
  await learning.reviews.start();
  return { agent, learning };
}
