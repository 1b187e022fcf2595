// Evidence over time, for a plot: per week and skill, turns with it and turns of the same kinds of task without it.
import { sql } from 'kysely';
import type { Db } from '../db.ts';
import type { Scope } from '../scope.ts';

export interface EvidencePoint {
  /** Start of the week in ms since the epoch; weeks begin on Thursday midnight UTC, as the epoch did. */
  at: number;
  skill: string;
  withSkill: EvidenceSums;
  without: EvidenceSums;
}

export interface EvidenceSums {
  turns: number;
  /** Verified, or done without complaint. */
  successes: number;
  verified: number;
  microUsd: number;
  tokens: number;
  steps: number;
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** Points in order of time, then name; weeks without a turn are left out. `skill`: only this one. */
export async function evidenceSeries(
  db: Db,
  scope: Scope,
  filter: { since: number; skill?: string | undefined },
): Promise<readonly EvidencePoint[]> {
  // Which kinds of task each skill was used for, and in which turns of those.
  const { rows } = await sql<SeriesRow>`
    with pairs as (
      select distinct skill_uses.skill as skill, task_turns.family_id as family
      from skill_uses join task_turns on task_turns.turn_id = skill_uses.turn_id
      where skill_uses.space_id = ${scope.space} and (${filter.skill ?? null} is null or skill_uses.skill = ${filter.skill ?? null}))
    select pairs.skill as skill, cast(task_turns.at / ${WEEK_MS} as integer) as week, used.skill is not null as used,
      count(*) as turns, sum(task_turns.outcome in ('verified','done')) as successes, sum(task_turns.outcome = 'verified') as verified,
      sum(task_turns.micro_usd) as money, sum(task_turns.tokens) as tokens, sum(task_turns.steps) as steps
    from pairs
      join task_turns on task_turns.space_id = ${scope.space} and task_turns.family_id = pairs.family
      left join skill_uses as used on used.turn_id = task_turns.turn_id and used.skill = pairs.skill
    where task_turns.at >= ${filter.since}
    group by 1, 2, 3 order by 2, 1, 3`.execute(db.query);
  const points = new Map<string, EvidencePoint>();
  for (const row of rows) {
    const key = `${row.week} ${row.skill}`;
    const point = points.get(key) ?? {
      at: row.week * WEEK_MS,
      skill: row.skill,
      withSkill: NOTHING,
      without: NOTHING,
    };
    const { turns, successes, verified, money, tokens, steps } = row;
    const sums: EvidenceSums = { turns, successes, verified, microUsd: money, tokens, steps };
    points.set(key, row.used === 1 ? { ...point, withSkill: sums } : { ...point, without: sums });
  }
  return [...points.values()];
}

interface SeriesRow {
  skill: string;
  week: number;
  used: number;
  turns: number;
  successes: number;
  verified: number;
  money: number;
  tokens: number;
  steps: number;
}

const NOTHING: EvidenceSums = { turns: 0, successes: 0, verified: 0, microUsd: 0, tokens: 0, steps: 0 };
