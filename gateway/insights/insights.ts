// What a person's Herald did over some days, put together of the numbers of data/: for /insights and for the weekly report.
import type { Db } from '../../data/db.ts';
import {
  sumCalls,
  sumLearned,
  sumRuns,
  sumWork,
  type CallSums,
  type LearnedSums,
  type WorkSums,
} from '../../data/insights.ts';
import type { Scope } from '../../data/scope.ts';
import { dayOf } from '../../shared/day.ts';

export interface DaySums {
  /** Midnight in the person's time zone, ms since the epoch. */
  start: number;
  calls: number;
  tokens: number;
  microUsd: number;
}

export interface Share {
  name: string;
  calls: number;
  tokens: number;
  microUsd: number;
}

export interface Insights {
  from: number;
  to: number;
  timezone: string;
  days: readonly DaySums[];
  models: readonly Share[];
  causes: readonly Share[];
  total: Share & { cachedShare: number; unpriced: number };
  work: WorkSums;
  learned: LearnedSums;
  runs: Awaited<ReturnType<typeof sumRuns>>;
}

export interface InsightQuestion {
  /** Today and the days before it. */
  days: number;
  now: number;
  timezone: string;
}

export async function readInsights(db: Db, scope: Scope, question: InsightQuestion): Promise<Insights> {
  const { now, timezone } = question;
  const starts = dayStarts(question);
  const from = starts[0] ?? now;
  const to = now + 1;
  const calls = await sumCalls(db, scope, { from, to });
  const work = await sumWork(db, scope, { from, to });
  const total = shareOf('', calls);
  const inputTokens = calls.reduce((sum, one) => sum + one.inputTokens, 0);
  const cachedTokens = calls.reduce((sum, one) => sum + one.cachedTokens, 0);
  return {
    from,
    to,
    timezone,
    days: starts.map((start, i) => {
      const end = starts[i + 1] ?? Infinity;
      const { name: _name, ...sums } = shareOf(
        '',
        calls.filter(({ at }) => at >= start && at < end),
      );
      return { start, ...sums };
    }),
    models: sharesBy(calls, ({ model }) => model),
    causes: sharesBy(calls, ({ cause }) => cause),
    total: {
      ...total,
      cachedShare: inputTokens === 0 ? 0 : cachedTokens / inputTokens,
      unpriced: calls.reduce((sum, one) => sum + one.unpriced, 0),
    },
    work,
    learned: await sumLearned(db, scope, { from, to }),
    runs: await sumRuns(db, scope, { from, to }),
  };
}

/** Midnights, oldest first. */
function dayStarts({ days, now, timezone }: InsightQuestion): readonly number[] {
  const starts = [dayOf(now, timezone).start];
  while (starts.length < days) starts.unshift(dayOf((starts[0] ?? now) - 1, timezone).start);
  return starts;
}

function sharesBy(calls: readonly CallSums[], key: (sums: CallSums) => string): readonly Share[] {
  const groups = Map.groupBy(calls, key);
  return [...groups]
    .map(([name, sums]) => shareOf(name, sums))
    .toSorted((a, b) => b.microUsd - a.microUsd || b.tokens - a.tokens);
}

function shareOf(name: string, calls: readonly CallSums[]): Share {
  const sum = (value: (one: CallSums) => number) => calls.reduce((total, one) => total + value(one), 0);
  return {
    name,
    calls: sum((one) => one.calls),
    tokens: sum((one) => one.inputTokens + one.outputTokens),
    microUsd: sum((one) => one.microUsd),
  };
}
