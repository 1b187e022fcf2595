// More room for today, on the word of an owner: as much again as the configuration gives.
import { extendCap, type ExtendedCap } from '../../data/policy/extensions.ts';
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import type { UsageCaps } from '../../data/usage.ts';
import { AppError } from '../../shared/errors.ts';
import { dayOf } from '../../shared/day.ts';

const TITLES: Record<ExtendedCap, string> = {
  turn: 'one answer',
  space_day: 'this conversation per day',
  person_day: 'you per day',
  day: 'everybody together per day',
};

/** Doubles a cap for the rest of the day; says so for people. Rejects with AppError `bad_input` where there is no such cap. */
export async function extendBudget(
  db: Db,
  scope: Scope,
  cap: string,
  settings: { caps: UsageCaps; timezone: string },
): Promise<string> {
  const { caps } = settings;
  const limits: Record<ExtendedCap, { money: number | null | undefined; tokens: number | null | undefined }> = {
    turn: { money: caps.turnMicroUsd, tokens: caps.turnTokens },
    space_day: { money: caps.spaceDayMicroUsd, tokens: caps.spaceDayTokens },
    person_day: { money: caps.personDayMicroUsd, tokens: caps.personDayTokens },
    day: { money: caps.dayMicroUsd, tokens: caps.dayTokens },
  };
  const name = (['turn', 'space_day', 'person_day', 'day'] as const).find((one) => one === cap);
  const limit = name && limits[name];
  const money = limit?.money ?? 0;
  const tokens = limit?.tokens ?? 0;
  if (!name || (money === 0 && tokens === 0))
    throw new AppError(
      'bad_input',
      'There is no such limit. Limits: turn, space_day, person_day, day. Nothing was changed.',
    );
  const { start } = dayOf(db.clock.now(), settings.timezone);
  await extendCap(db, scope, { cap: name, dayStart: start, microUsd: money, tokens });
  const parts = [
    ...(money > 0 ? [`$${(money / 1_000_000).toFixed(2)}`] : []),
    ...(tokens > 0 ? [`${tokens.toLocaleString('en-US')} tokens`] : []),
  ];
  return `The limit for ${TITLES[name]} has ${parts.join(' and ')} more today. \`/retry\` asks again.`;
}
