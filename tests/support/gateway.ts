// The gateway's core over a real database, a fake platform and a scripted agent, on a clock that the test turns.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { SetupPort } from '../../adapters/login.ts';
import type { AgentPort, AgentTurn, TurnResult } from '../../agent/port.ts';
import { openData, type ProcessDb } from '../../data/db.ts';
import type { SyncFile } from '../../data/flush.ts';
import { addIdentity, createPerson, type Person } from '../../data/process/people.ts';
import { makeCore, type Core } from '../../gateway/core.ts';
import { makeFileStore } from '../../gateway/media/downloads.ts';
import type { GatewaySettings } from '../../gateway/settings.ts';
import type { VoiceEngines } from '../../gateway/voice/engines.ts';
import type { JobService } from '../../scheduler/types.ts';
import { openPairing } from '../../pairing/pairing.ts';
import { userId } from '../../shared/ids.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import type { Role } from '../../shared/messages.ts';
import { putEmptyDatabase } from './built.ts';
import { makeFakeClock, type FakeClock } from './fake-clock.ts';
import type { FakePlatform } from './fake-platform.ts';

export type RunTurn = (turn: AgentTurn, signal: AbortSignal) => Promise<TurnResult>;

export interface TestGateway {
  core: Core;
  db: ProcessDb;
  clock: FakeClock;
  home: string;
  turns: AgentTurn[];
  pair(platform: FakePlatform, user: string, role?: Role): Promise<Person>;
  /** Lets everything that is due now happen. */
  settle(): Promise<void>;
  /** As a kill would: nothing is told, nothing ends in order. Resolves with the home for the next start. */
  crash(): Promise<string>;
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  platforms: readonly FakePlatform[];
  run?: RunTurn;
  settings?: Partial<GatewaySettings>;
  /** An earlier gateway's home; else a new temporary one. */
  home?: string;
  clock?: FakeClock;
  log?: Logger;
  /** Default: at once. */
  syncFile?: SyncFile;
  /** The whole agent; `run` and `skills` are then not asked. */
  agent?: (at: { db: ProcessDb; home: string; clock: FakeClock; core(): Core }) => Promise<AgentPort>;
  /** Skills of the agent. Default: none. */
  skills?: (db: ProcessDb, home: string) => AgentPort['skills'];
  /** What runs by itself. Default: nothing does. */
  jobs?: () => JobService;
  /** Default: none, so that recordings stay files. */
  voice?: VoiceEngines;
}

/** Answers with what it was told. */
export const echo: RunTurn = async (turn) =>
  answer(turn, `echo: ${turn.inputs.map((input) => input.text).join(' | ')}`);

export function answer(turn: AgentTurn, text: string): TurnResult {
  return {
    end: 'done',
    text,
    files: [],
    transcript: [
      ...turn.inputs.map((input) => ({
        role: 'user' as const,
        input: input.inbox,
        author: input.author,
        text: input.text,
        origin: input.origin,
        steered: false,
        files: input.files,
      })),
      { role: 'assistant', text, toolCalls: '[]', reasoning: '[]' },
    ],
  };
}

export async function openTestGateway(options: TestGatewayOptions): Promise<TestGateway> {
  const home = options.home ?? fs.mkdtempSync(path.join(os.tmpdir(), 'herald-gateway-'));
  const clock = options.clock ?? makeFakeClock();
  // The clock of the test does not turn disks.
  putEmptyDatabase(home);
  const data = await openData({ home, clock, syncFile: options.syncFile ?? (async () => undefined) });
  const { db } = data;
  const turns: AgentTurn[] = [];
  const run = options.run ?? echo;
  const made = await options.agent?.({ db, home, clock, core: () => core });
  const agent: AgentPort = made ?? {
    skills: options.skills?.(db, home),
    async run(turn, signal) {
      turns.push(turn);
      return run(turn, signal);
    },
    compileRule: async (_at, words) => ({ words, verdict: 'ask', spec: '[{}]', about: 'anything' }),
    extendBudget: async (_scope, cap) => `more of ${cap}`,
    restoreFiles: async () => undefined,
    listCheckpoints: async () => [],
    resumeWorker: () => undefined,
    stopWorker: async () => false,
    close: async () => undefined,
    compress: async () => ({ summarized: 0 }),
    describeContext: async () => ({ parts: [], dropped: 0, compressAtTokens: 0, models: [] }),
    describeTools: async () => ({ tools: [], notes: [] }),
    models: async () => [],
    resolveModel: (name) => name,
    personalities: () => [],
    describeModel: () => ({ name: 'scripted', provider: 'test', demo: false }),
  };
  const pairing = openPairing({ db, clock, log: silentLog });
  const unsupported = async () => {
    throw new Error('not part of this test');
  };
  const core = makeCore({
    db,
    clock,
    log: options.log ?? silentLog,
    random: () => 0.5,
    settings: { ...defaultSettings, ...options.settings },
    agent,
    pairing,
    files: makeFileStore({ home, clock, maxBytes: 1_000_000 }),
    voice: options.voice,
    jobs: options.jobs,
    home,
    version: 'test',
    url: () => undefined,
    setup: noSetup,
    ownerUser: () => undefined,
    mount: () => undefined,
    process: { restart: unsupported, stop: unsupported, reload: unsupported, backup: unsupported },
  });
  await core.start(options.platforms.map((platform) => platform.account));
  let closed = false;
  return {
    core,
    db,
    clock,
    home,
    turns,
    async pair(platform, user, role = 'owner') {
      const person = await createPerson(db, { name: user, role });
      await addIdentity(db, {
        platform: platform.account.platform,
        account: platform.account.account,
        user: userId(user),
        person: person.id,
        name: user,
      });
      return person;
    },
    async settle() {
      for (let round = 0; round < 40; round++) await clock.advance(0);
    },
    async crash() {
      closed = true;
      await data.close(); // every later query fails, as if the process were gone
      return home;
    },
    async close() {
      if (!closed) {
        const stopped = core.stop();
        for (let round = 0; round < 50; round++) await clock.advance(200);
        await stopped;
        await agent.close();
        await data.close();
      }
      fs.rmSync(home, { recursive: true, force: true });
    },
  };
}

const noSetup: SetupPort = {
  platforms: async () => [],
  begin: () => Promise.reject(new Error('not part of this test')),
  answer: () => Promise.reject(new Error('not part of this test')),
  cancel: () => undefined,
  restart: () => Promise.reject(new Error('not part of this test')),
};

const defaultSettings: GatewaySettings = {
  maxConcurrentTurns: 4,
  debounceMs: 600,
  queueMode: 'queue',
  receipts: false,
  turnTimeoutMs: 600_000,
  ttlMs: 24 * 3_600_000,
  backfill: { maxAgeMs: 24 * 3_600_000, maxMessages: 200 },
  drainMs: 1_000,
  dmScope: 'person',
  access: () => ({
    allowedUsers: [],
    allowAllUsers: false,
    groupPolicy: 'allowlist',
    allowedChats: ['team'],
    requireMention: true,
    unauthorizedDm: 'code',
  }),
};
