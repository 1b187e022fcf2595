// Which conversations see a revision on trial: half of them, always the same ones, so that both halves can be compared.
import { createHash } from 'node:crypto';
import type { SessionId } from '../shared/ids.ts';

/** Deterministic, about every second session; independent between revisions. */
export function isInTrial(revision: string, session: SessionId): boolean {
  const digest = createHash('sha256').update(`${revision}\n${session}`).digest();
  return (digest[0] ?? 0) % 2 === 0;
}
