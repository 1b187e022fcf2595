// When a history may be compressed again, per session: not when the last passes gained nothing, and without a model for a while after it
// gave no summary. In memory: after a restart it is tried anew.
import type { Clock } from '../../shared/clock.ts';
import type { SessionId } from '../../shared/ids.ts';

/** A pass that saves less than this share was hardly worth it. */
const POOR = 0.1;
const MAX_POOR = 2;
/** After that, it is tried again once the history is larger by this factor. */
const GROWTH = 1.5;
const COOL_DOWNS_MS = [60_000, 300_000, 900_000];
const MAX_SESSIONS = 500;

export interface CompactionGuard {
  /** False when it would gain nothing. `tokens`: of the history now. */
  mayCompact(session: SessionId, tokens: number): boolean;
  noteGain(session: SessionId, change: { before: number; after: number }): void;
  /** False while the model that summarizes is left alone after a failure. */
  mayAsk(session: SessionId): boolean;
  noteAnswer(session: SessionId, ok: boolean): void;
}

interface Known {
  poor: number;
  after: number;
  failures: number;
  restUntil: number;
}

export function makeCompactionGuard(clock: Clock): CompactionGuard {
  const sessions = new Map<SessionId, Known>();

  function change(session: SessionId, with_: (known: Known) => Partial<Known>): void {
    const known = sessions.get(session) ?? { poor: 0, after: 0, failures: 0, restUntil: 0 };
    sessions.delete(session);
    sessions.set(session, { ...known, ...with_(known) });
    for (const oldest of sessions.keys()) {
      if (sessions.size <= MAX_SESSIONS) break;
      sessions.delete(oldest);
    }
  }

  return {
    mayCompact(session, tokens) {
      const known = sessions.get(session);
      return !known || known.poor < MAX_POOR || tokens > known.after * GROWTH;
    },
    noteGain: (session, { before, after }) =>
      change(session, ({ poor }) => ({ after, poor: before - after < before * POOR ? poor + 1 : 0 })),
    mayAsk: (session) => (sessions.get(session)?.restUntil ?? 0) <= clock.now(),
    noteAnswer: (session, ok) =>
      change(session, ({ failures }) => {
        if (ok) return { failures: 0, restUntil: 0 };
        const rest = COOL_DOWNS_MS[Math.min(failures, COOL_DOWNS_MS.length - 1)] ?? 0;
        return { failures: failures + 1, restUntil: clock.now() + rest };
      }),
  };
}
