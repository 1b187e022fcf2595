// Which conversations see a revision on trial: half of them, so that both halves can be compared. They are drawn anew every two weeks: who
// has one conversation for years tries it too.
import { createHash } from 'node:crypto';
import type { SessionId } from '../shared/ids.ts';

const PERIOD_MS = 14 * 24 * 3_600_000;

/** Deterministic, about every second session; independent between revisions. `ageMs`: how long the trial has been going on. */
export function isInTrial(revision: string, session: SessionId, ageMs = 0): boolean {
  const period = Math.floor(Math.max(0, ageMs) / PERIOD_MS);
  const drawn = period === 0 ? `${revision}\n${session}` : `${revision}\n${session}\n${period}`;
  const digest = createHash('sha256').update(drawn).digest();
  return (digest[0] ?? 0) % 2 === 0;
}
