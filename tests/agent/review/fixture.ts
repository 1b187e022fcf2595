// A home with people who talk, real memory and skills, a clock that is turned by hand, and a model of the review that follows a script.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { makeMeter } from '../../../agent/budget/meter.ts';
import type { EndedTurn } from '../../../agent/knowledge.ts';
import { openAgentMemory } from '../../../agent/memory/open.ts';
import { callModel } from '../../../agent/providers/fallback.ts';
import type { JsonValue, ModelReply, ToolCall } from '../../../agent/providers/types.ts';
import type { ReviewInput, ReviewMessage, ReviewSettings } from '../../../agent/review/ports.ts';
import { openReviews, type Reviews } from '../../../agent/review/review.ts';
import { openData, type ProcessDb } from '../../../data/db.ts';
import type { NewMessage } from '../../../data/messages.ts';
import { createPerson } from '../../../data/process/people.ts';
import {
  lastAddress,
  listDueReviews,
  listUntoldPlaces,
  nextReviewAt,
  recoverReviews,
} from '../../../data/process/review.ts';
import { finishTurn } from '../../../data/process/turns.ts';
import { personScope, type Scope } from '../../../data/scope.ts';
import { createSession, type Session } from '../../../data/sessions.ts';
import type { PersonId, TurnId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
import type { Origin } from '../../../shared/messages.ts';
import { openSkillLibrary } from '../../../skills/library.ts';
import { putEmptyDatabase } from '../../support/built.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { DM, makeCall, makeScriptedModel, makeSettings, startTurn, type Scripted } from '../fixture.ts';

export const SETTINGS: ReviewSettings = {
  enabled: true,
  everyTurns: 10,
  idleMs: 30 * 60_000,
  dailyMicroUsd: 50_000,
  dailyTokens: 60_000,
  maxInputTokens: 12_000,
  skills: 'propose',
  notify: 'on',
};

export interface Speaker {
  person: PersonId;
  scope: Scope;
  session: Session;
}

/** Noon in the time zone of the settings. */
const NOON = Date.UTC(2026, 10, 21, 11, 0, 0);

export async function openDesk() {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'herald-review-'));
  const clock = makeFakeClock(NOON);
  putEmptyDatabase(dir);
  let opened = await openData({ home: dir, clock });
  onTestFinished(async () => {
    await opened.close();
    await rm(dir, { recursive: true, force: true });
  });
  return {
    dir,
    clock,
    get db() {
      return opened.db;
    },
    /** As a new process finds it. */
    async reopen() {
      await opened.close();
      opened = await openData({ home: dir, clock });
    },
    async addSpeaker(name: string): Promise<Speaker> {
      const person = (await createPerson(opened.db, { name, role: 'owner' })).id;
      const scope = personScope(person);
      return { person, scope, session: await createSession(opened.db, scope) };
    },
  };
}
export type Desk = Awaited<ReturnType<typeof openDesk>>;

export interface Opened {
  reviews: Reviews;
  sent: ReviewMessage[];
  requests: ReturnType<typeof makeScriptedModel>['requests'];
  memory: ReturnType<typeof openAgentMemory>;
  skills: ReturnType<typeof openSkillLibrary>;
}

/** One process: its reviews, whose model says `script`. */
export function openProcess(
  desk: Pick<Desk, 'dir' | 'db' | 'clock'>,
  script: readonly Scripted[],
  extra: { settings?: Partial<ReviewSettings>; demo?: boolean; input?: Partial<ReviewInput> } = {},
): Opened {
  const { db, clock, dir } = desk;
  const model = makeScriptedModel(script);
  const base = makeSettings(dir, [model.link]);
  const settings = { ...base, models: { ...base.models, demo: extra.demo ?? false } };
  const sent: ReviewMessage[] = [];
  const memory = openAgentMemory({ db, log: silentLog, settings: () => settings });
  const skills = openSkillLibrary({ db, folders: () => [] });
  const meter = makeMeter({ db, clock, random: () => 0.5, callModel, settings: () => settings });
  const reviews = openReviews({
    db,
    clock,
    log: silentLog,
    meter: () => meter,
    agentSettings: () => settings,
    settings: () => ({ ...SETTINGS, ...extra.settings }),
    memory: () => memory,
    skills: () => skills,
    queue: queueOf(db),
    async post(message) {
      if (!sent.some(({ key }) => key === message.key)) sent.push(message);
    },
    timezoneOf: async () => settings.timezone,
    redact: (text) => text,
    ...extra.input,
  });
  onTestFinished(async () => {
    const closed = reviews.source.close?.();
    await clock.advance(1_000);
    await closed;
  });
  return { reviews, sent, requests: model.requests, memory, skills };
}

function queueOf(db: ProcessDb): ReviewInput['queue'] {
  return {
    nextAt: () => nextReviewAt(db),
    listDue: (limit) => listDueReviews(db, limit),
    recover: (since) => recoverReviews(db, since),
    untold: () => listUntoldPlaces(db),
    lastAddress: (session) => lastAddress(db, session),
  };
}

export const say = (text: string, origin: Origin = 'owner'): NewMessage => ({
  role: 'user',
  author: 'Ann',
  text,
  origin,
});
export const answer = (text = 'Done.'): NewMessage => ({ role: 'assistant', author: '', text, origin: 'agent' });

let ids = 0;

/** A call of the agent and what came of it. */
export function used(
  name: string,
  args: { [key: string]: JsonValue },
  { isError = false, origin = 'agent', text = 'ok' }: { isError?: boolean; origin?: Origin; text?: string } = {},
): readonly NewMessage[] {
  const call = makeCall(name, args, `c${++ids}`);
  return [
    { role: 'assistant', author: '', text: '', toolCalls: JSON.stringify([call]), origin: 'agent' },
    { role: 'tool', author: '', text, toolCallId: call.id, toolName: name, isError, origin },
  ];
}

/** A turn that is over, and on disk. */
export async function talk(desk: Pick<Desk, 'db'>, speaker: Speaker, rows: readonly NewMessage[]): Promise<TurnId> {
  const turn = await startTurn({ db: desk.db, ...speaker });
  await finishTurn(desk.db, { turn, state: 'done', messages: rows, outbox: [], inbox: [] });
  return turn.id;
}

export function ended({ scope, session }: Speaker, turn: TurnId): EndedTurn {
  return { scope, session: session.id, turn, role: 'owner', address: DM, state: 'done' };
}

/** As `talk`, and the review hears of it. */
export async function talkTo(desk: Pick<Desk, 'db'>, opened: Opened, speaker: Speaker, rows: readonly NewMessage[]) {
  const turn = await talk(desk, speaker, rows);
  await opened.reviews.source.ended?.(ended(speaker, turn));
  return turn;
}

/** The conversation is left alone until it is looked back at, and that has ended. */
export async function idle(
  desk: Pick<Desk, 'clock'>,
  { reviews }: Pick<Opened, 'reviews'>,
  ms = SETTINGS.idleMs,
): Promise<void> {
  await desk.clock.advance(ms);
  await reviews.settled();
}

export function calls(...made: readonly ToolCall[]): Partial<ModelReply> {
  return { toolCalls: made };
}

export const remember = (content: string, id = `r${++ids}`) =>
  makeCall('memory', { operations: [{ action: 'add', target: 'memory', content }] }, id);

/** A draft of the release that `releaseRows` show. */
export function draft(change: { [key: string]: JsonValue } = {}): ToolCall {
  return makeCall(
    'skill_manage',
    {
      action: 'create',
      name: 'release-shop',
      turns: ['T1'],
      reason: 'Releasing took many steps.',
      description: 'Release the shop to production',
      when_to_use: 'When the person asks to release the shop.',
      procedure: ['Run `npm test`', 'Run `git push origin <branch>`'],
      pitfalls: ['Tests must pass first.'],
      verification: ['Run `curl -s shop.test/health`'],
      triggers: ['release', 'deploy shop'],
      ...change,
    },
    `d${++ids}`,
  );
}

/** Five calls that end well. */
export function releaseRows(text = 'Please release the shop'): readonly NewMessage[] {
  return [
    say(text),
    ...used('terminal', { command: 'git status' }),
    ...used('terminal', { command: 'npm test' }),
    ...used('terminal', { command: 'npm run build' }),
    ...used('terminal', { command: 'git push origin main' }),
    ...used('terminal', { command: 'curl -s shop.test/health' }),
    answer('It is released.'),
  ];
}

export async function core({ memory }: Opened, { scope }: Speaker): Promise<readonly string[]> {
  return (await memory.overview(scope)).core.map(({ text }) => text);
}
