// When a recorded turn is gone through again: a revision is on trial, people's own turns do not decide yet, and the budget of looking back
// allows it. One at a time, a few a day, and never unless a turn of that kind has just been made.
import { beginReplay, countReplays, dropReplay, endReplay, listTriedTurns } from '../../data/evidence/replays.ts';
import { listTurnsAround } from '../../data/evidence/turns.ts';
import { listTranscript } from '../../data/messages.ts';
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { SkillLibrary, SkillRevision } from '../../skills/types.ts';
import type { Meter } from '../budget/meter.ts';
import { auxiliaryChain } from '../routing.ts';
import type { AgentSettings } from '../settings.ts';
import type { Tool } from '../tools/tool.ts';
import { observeTurn } from './observe.ts';
import { canReplay, replayTurn, SKILL_TOOLS, type AskReplay } from './replay.ts';

const DAY_MS = 24 * 3_600_000;
const MAX_PER_DAY = 4;
/** Of one person's day, within all other caps. */
const CAUSE_CAPS = { microUsd: 50_000, tokens: 200_000 };
/** Of one revision, failed ones included; what they cannot show, only people's turns can. */
const MAX_PER_REVISION = 8;
const KEEP_MS = 90 * DAY_MS;
const TRIED_AT_ONCE = 20;

export interface ReplayerInput {
  db: Db;
  clock: Clock;
  log: Logger;
  library: Pick<SkillLibrary, 'open'>;
  meter(): Meter;
  settings(): AgentSettings;
  tools(): Promise<readonly Tool[]>;
}

export interface Replayer {
  /** Goes through one recorded turn, when that is due. True when there is news. Never rejects. */
  replayNext(scope: Scope, revision: SkillRevision): Promise<boolean>;
  /** Breaks off what runs. */
  close(): void;
}

export function makeReplayer(input: ReplayerInput): Replayer {
  const { db, clock } = input;
  const stop = new AbortController();
  let isRunning = false;

  async function replay(scope: Scope, revision: SkillRevision): Promise<boolean> {
    if (input.settings().models.demo) return false;
    if ((await countReplays(db, scope, clock.now() - DAY_MS)) >= MAX_PER_DAY) return false;
    const tried = new Set(await listTriedTurns(db, scope, revision.id));
    if (tried.size >= MAX_PER_REVISION) return false;
    const skill = await input.library.open(scope, revision.skill, revision.id);
    if (!skill) return false;
    const turns = await listTurnsAround(db, scope, { skill: revision.skill, since: clock.now() - KEEP_MS });
    const candidates = turns
      .filter(({ turn, outcome }) => !tried.has(turn) && (outcome === 'verified' || outcome === 'done'))
      // Who asks with `/skill-name` has its text in the request, which would be no way without it.
      .filter(({ uses }) => !uses.some(({ how }) => how === 'asked'))
      .toReversed()
      .slice(0, TRIED_AT_ONCE);
    for (const { turn, session } of candidates) {
      const messages = (await listTranscript(db, scope, session)).filter((message) => message.turn === turn);
      if (!canReplay(messages)) continue;
      const called = new Set(observeTurn(messages).calls.map(({ name }) => name));
      const tools = (await input.tools())
        .filter(({ name }) => called.has(name) && !SKILL_TOOLS.has(name))
        .map(({ schema }) => schema);
      let answers = 0;
      const ask: AskReplay = async (request, signal) => {
        const reply = await input.meter().call({
          scope,
          session,
          turn: undefined,
          cause: 'replay',
          causeCaps: CAUSE_CAPS,
          chain: auxiliaryChain(input.settings()),
          request: { ...request, cacheKey: `${session}.replay` },
          signal,
        });
        answers++;
        return reply;
      };
      const way = { messages, tools, ask, clock, signal: stop.signal };
      const replayed = { skill: revision.skill, revision: revision.id, turn };
      if (!(await beginReplay(db, scope, replayed))) return false;
      try {
        const without = await replayTurn({ ...way, skill: undefined });
        const withSkill = await replayTurn({ ...way, skill: { name: skill.name, body: skill.body } });
        return await endReplay(db, scope, { ...replayed, withSkill, without });
      } catch (error) {
        // A cap that let nothing through, or the end of the process before anything was spent.
        const { code } = asAppError(error);
        if (answers === 0 && (code === 'budget_exceeded' || code === 'cancelled'))
          await dropReplay(db, scope, replayed);
        throw error;
      }
    }
    return false;
  }

  return {
    async replayNext(scope, revision) {
      if (isRunning || stop.signal.aborted) return false;
      isRunning = true;
      try {
        return await replay(scope, revision);
      } catch (error) {
        input.log.info(
          { err: error, skill: revision.skill },
          'a turn could not be gone through again; it says nothing, and counts for the day',
        );
        return false;
      } finally {
        isRunning = false;
      }
    },
    close: () => stop.abort(new AppError('cancelled', 'Herald is ending.')),
  };
}
