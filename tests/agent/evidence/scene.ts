// A person whose turns end on disk as the gateway leaves them, with a library of skills and the evidence that watches both.
import { onTestFinished } from 'vitest';
import { openEvidence } from '../../../agent/evidence/evidence.ts';
import type { EvidenceInput, OpenedEvidence } from '../../../agent/evidence/opened.ts';
import type { EndedTurn } from '../../../agent/knowledge.ts';
import type { ModelRequest } from '../../../agent/providers/types.ts';
import { makeMeter } from '../../../agent/budget/meter.ts';
import { callModel } from '../../../agent/providers/fallback.ts';
import { noteSkillLoad } from '../../../data/learning/skill-marks.ts';
import type { NewMessage } from '../../../data/messages.ts';
import { finishTurn } from '../../../data/process/turns.ts';
import { createSession, type Session } from '../../../data/sessions.ts';
import { reserveUsage, settleUsage } from '../../../data/usage.ts';
import type { ProcessDb } from '../../../data/db.ts';
import type { TurnId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
import { openSkillLibrary, type OpenedLibrary } from '../../../skills/library.ts';
import { isInTrial } from '../../../skills/trial.ts';
import { begin, makePerson, makeSpeaker, type Speaker } from '../../data/conversation.ts';
import { openTemporaryData } from '../../data/temporary-data.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { makeScriptedModel, makeSettings, makeTestTool, NO_CAPS, type Scripted } from '../fixture.ts';

export interface PlayedCall {
  name: string;
  args?: Record<string, string>;
  result: string;
  isError?: boolean;
  isForeign?: boolean;
}

export interface Played {
  said: string;
  /** Default: a new conversation. */
  session?: Session;
  /** Skill that it reads, and its revision. */
  skill?: { name: string; revision: string | undefined } | undefined;
  calls?: readonly PlayedCall[];
  /** '' for none. */
  answer?: string;
  state?: EndedTurn['state'];
  /** Tokens, and millionths of a dollar alike. */
  cost?: number;
}

export interface Scene {
  db: ProcessDb;
  clock: FakeClock;
  library: OpenedLibrary;
  evidence: OpenedEvidence;
  ann: Speaker;
  bob: Speaker;
  told: { text: string; key: string }[];
  scheduled: Set<string>;
  /** Requests that replays have sent to the model. */
  requests: readonly ModelRequest[];
  play(turn: Played, speaker?: Speaker): Promise<{ turn: TurnId; session: Session }>;
  /** A new conversation that sees the trial, or does not. */
  sessionFor(revision: string, isIn: boolean): Promise<Session>;
}

export async function openScene(
  options: { script?: readonly Scripted[]; isDemo?: boolean; wrap?: (input: EvidenceInput) => EvidenceInput } = {},
): Promise<Scene> {
  const { db, clock, home } = await openTemporaryData();
  const library = openSkillLibrary({ db, folders: () => [] });
  const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
  const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
  const told: Scene['told'] = [];
  const scheduled = new Set<string>();
  const model = makeScriptedModel(options.script ?? []);
  const settings = makeSettings(home, [model.link], {
    models: { chain: [model.link], demo: options.isDemo ?? !options.script },
  });
  const meter = makeMeter({ db, clock, random: () => 0.5, callModel, settings: () => settings });
  const input: EvidenceInput = {
    db,
    clock,
    log: silentLog,
    library,
    tell: async (_, news) => void told.push(news),
    isScheduled: async (_, skill) => scheduled.has(skill),
    agent: { meter: () => meter, settings: () => settings, tools: async () => [makeTestTool('fetch_sales', {})] },
  };
  const evidence = openEvidence(options.wrap?.(input) ?? input);
  onTestFinished(async () => evidence.source.close?.());
  return {
    db,
    clock,
    library,
    evidence,
    ann,
    bob,
    told,
    scheduled,
    requests: model.requests,
    play: (played, speaker = ann) => play({ db, clock, evidence }, speaker, played),
    async sessionFor(revision, isIn) {
      for (let tries = 0; tries < 64; tries++) {
        const session = await createSession(db, ann.scope, { detached: true });
        if (isInTrial(revision, session.id) === isIn) return session;
      }
      throw new Error('no such session in 64');
    },
  };
}

async function play(
  { db, clock, evidence }: Pick<Scene, 'db' | 'clock' | 'evidence'>,
  speaker: Speaker,
  played: Played,
): Promise<{ turn: TurnId; session: Session }> {
  const { scope } = speaker;
  const { state = 'done', answer = 'Here it is.', cost = 100, skill } = played;
  await clock.advance(1_000);
  const session = played.session ?? (await createSession(db, scope, { detached: true }));
  const { turn, row } = await begin(db, { ...speaker, session }, played.said);
  await clock.advance(1_000);
  if (skill) {
    const load = { session: session.id, skill: skill.name, revision: skill.revision, turn: turn.id };
    await noteSkillLoad(db, scope, load);
  }
  const calls = [
    ...(skill ? [{ name: 'skill_view', args: { name: skill.name }, result: 'the text' }] : []),
    ...(played.calls ?? []),
  ];
  const place = { session: session.id, turn: turn.id, cause: 'turn', provider: 'p', model: 'm', costKnown: true };
  const reserved = await reserveUsage(db, scope, {
    ...place,
    tokens: cost,
    microUsd: cost,
    dayStart: 0,
    caps: NO_CAPS,
  });
  if (!reserved.ok) throw new Error('a cap');
  const usage = { provider: 'p', model: 'm', output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0, costKnown: true };
  await settleUsage(db, scope, reserved.id, { ...usage, input: cost, microUsd: cost });
  const messages: NewMessage[] = [{ role: 'user', author: 'Ann', text: played.said, origin: 'owner' }];
  for (const [index, { name, args = {}, result, isError, isForeign }] of calls.entries()) {
    const call = { id: `c${index}`, name, arguments: args, rawArguments: JSON.stringify(args) };
    messages.push({ role: 'assistant', author: '', text: '', origin: 'agent', toolCalls: JSON.stringify([call]) });
    const origin = isForeign ? 'foreign' : 'agent';
    messages.push({ role: 'tool', author: '', text: result, toolCallId: call.id, toolName: name, isError, origin });
  }
  if (answer !== '') messages.push({ role: 'assistant', author: '', text: answer, origin: 'agent', toolCalls: '[]' });
  const inbox = [{ rows: [row], state: 'answered' as const }];
  await finishTurn(db, { turn, state, messages, outbox: [], inbox });
  await evidence.source.ended?.({
    scope,
    session: session.id,
    turn: turn.id,
    role: 'owner',
    address: speaker.address,
    state,
  });
  return { turn: turn.id, session };
}
