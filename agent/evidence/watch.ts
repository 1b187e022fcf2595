// Writes down what came of each turn of a person, and which skills it used: what skills are judged by. Done after the turn, while nobody waits.
import {
  addFamily,
  lastRecorded,
  listFamilies,
  recordTurn,
  settleTurn,
  usedBefore,
  type SkillUse,
} from '../../data/evidence/turns.ts';
import { listSkillLoads } from '../../data/learning/skill-marks.ts';
import { listHistory, messagesOfTurn } from '../../data/messages.ts';
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import type { TurnId } from '../../shared/ids.ts';
import { describeTask, findFamily } from '../../skills/evidence/family.ts';
import type { SkillLibrary } from '../../skills/types.ts';
import type { EndedTurn, KnowledgeSource } from '../knowledge.ts';
import {
  areChecksPassed,
  checksOf,
  countRefusals,
  observeTurn,
  outcomeOf,
  viewOf,
  type ObservedTurn,
} from './observe.ts';
import { saysRight, saysWrong } from './signals.ts';

export interface WatchInput {
  db: Db;
  clock: Clock;
  library: Pick<SkillLibrary, 'open'>;
  /** Something new is known of these turns. */
  learned(scope: Scope, turns: readonly TurnId[]): Promise<void>;
}

export function makeEvidenceSource(input: WatchInput): KnowledgeSource {
  return {
    name: 'evidence',
    async ended(turn) {
      const before = await settleBefore(input, turn);
      const isRecorded = await recordEnded(input, turn);
      const news = [...(before === undefined ? [] : [before]), ...(isRecorded ? [turn.turn] : [])];
      if (news.length > 0) await input.learned(turn.scope, news);
    },
    /** Who goes on to something else has no more to say of the last answer there. */
    async left({ scope, session }) {
      const last = await lastRecorded(input.db, scope, { session });
      if (!last || last.settled) return;
      await settleTurn(input.db, scope, last.turn, last.outcome);
      await input.learned(scope, [last.turn]);
    },
  };
}

/** What the person says now tells what the turn before was worth. Returns that turn, when it is news. */
async function settleBefore({ db }: WatchInput, { scope, session, turn }: EndedTurn): Promise<TurnId | undefined> {
  const before = await lastRecorded(db, scope, { session, except: turn });
  if (!before || before.settled) return undefined;
  const messages = messagesOfTurn(await listHistory(db, scope, session), turn);
  const said = messages.find(({ role }) => role === 'user')?.text ?? '';
  // A request that goes wrong anew is no verdict on one that had failed already.
  const isOpen = before.outcome === 'done' || before.outcome === 'verified';
  const outcome = !isOpen
    ? before.outcome
    : saysWrong(said)
      ? 'corrected'
      : saysRight(said)
        ? 'verified'
        : before.outcome;
  await settleTurn(db, scope, before.turn, outcome);
  return before.turn;
}

/** False when it says nothing about any task. */
async function recordEnded(input: WatchInput, turn: EndedTurn): Promise<boolean> {
  const { db } = input;
  const { scope, session } = turn;
  const observed = observeTurn(messagesOfTurn(await listHistory(db, scope, session), turn.turn));
  const task = describeTask(
    observed.request,
    observed.calls.map(({ name }) => name),
  );
  if (!task) return false;
  const family = findFamily(await listFamilies(db, scope), task)?.id ?? (await addFamily(db, scope, task));
  const uses = await usesOf(input, turn, { observed, family });
  const views = uses.map(({ skill }) => viewOf(observed, skill));
  const after = views.length === 0 ? -1 : Math.min(...views);
  return recordTurn(db, scope, {
    turn: turn.turn,
    session,
    family,
    outcome: outcomeOf(observed, turn.state, await isVerified(input, turn, { observed, uses })),
    settled: false,
    steps: observed.steps,
    toolErrors: observed.toolErrors,
    denials: countRefusals(observed, after),
    at: input.clock.now(),
    uses,
  });
}

/**
 * Skills whose text this turn was given; and those that the conversation was given before in a task of the same kind, for their text is still
 * there.
 */
async function usesOf(
  { db }: WatchInput,
  { scope, session, turn }: EndedTurn,
  { observed, family }: { observed: ObservedTurn; family: string },
): Promise<readonly SkillUse[]> {
  const uses = new Map((await usedBefore(db, scope, { session, family, turn })).map((use) => [use.skill, use]));
  for (const { skill, revision, turn: by } of await listSkillLoads(db, scope, session)) {
    // What is called by name is loaded before its turn begins.
    if (by === undefined && observed.asked.includes(skill)) uses.set(skill, { skill, revision, how: 'asked' });
    else if (by === turn) uses.set(skill, { skill, revision, how: 'viewed' });
  }
  return [...uses.values()];
}

async function isVerified(
  { library }: WatchInput,
  { scope }: EndedTurn,
  { observed, uses }: { observed: ObservedTurn; uses: readonly SkillUse[] },
): Promise<boolean> {
  for (const { skill, revision } of uses) {
    const opened = await library.open(scope, skill, revision);
    if (opened && areChecksPassed(observed, checksOf(opened.body), viewOf(observed, skill))) return true;
  }
  return false;
}
