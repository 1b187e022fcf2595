// What is remembered and believed of one person, as panels show it.
import type { MemoryItem, MemoryPanel, ProfilePanel } from '../../adapters/panels/port.ts';
import type { MemoryPort } from '../../agent/memory/port.ts';
import type { ProcessDb } from '../../data/db.ts';
import type { MemoryEntry } from '../../data/memory/entries.ts';
import { correctClaim, forgetClaim, getClaim, listClaims, MAX_CLAIM_CHARS } from '../../data/profile/claims.ts';
import type { Scope } from '../../data/scope.ts';
import { AppError } from '../../shared/errors.ts';

const MAX_QUOTES = 50;

export function openMemoryPanel(memory: MemoryPort, scope: Scope): MemoryPanel {
  return {
    async view() {
      const { core, usage, counts } = await memory.overview(scope);
      return {
        core: core.map(itemOf),
        pending: (await memory.pending(scope)).map(itemOf),
        usage: (['memory', 'user'] as const).map((target) => {
          const text = usage[target];
          return { target, percent: Number(/^\d+/.exec(text)?.[0] ?? 0), text };
        }),
        archived: counts.archive,
      };
    },
    async approve(id) {
      const { kept, refused } = await memory.approve(scope, [id]);
      if (kept.length === 0 && refused.length === 0) throw notWaiting();
      return { refused: refused[0]?.reason };
    },
    async reject(id) {
      if ((await memory.reject(scope, [id])) === 0) throw notWaiting();
    },
    async forget(id) {
      if ((await memory.forget(scope, { entries: [id] })).count === 0)
        throw new AppError('not_found', 'That is not in memory any more. Nothing was changed.');
    },
  };
}

function notWaiting(): AppError {
  return new AppError('not_found', 'That does not wait any more. Nothing was changed.');
}

function itemOf({ id, target, text, state, reason, author, origin, createdAt }: MemoryEntry): MemoryItem {
  const item = { id, target, author, isForeign: origin === 'foreign', createdAt };
  // What is blocked may be there to harm whoever reads it.
  return state === 'blocked' ? { ...item, text: '', blocked: reason ?? 'it may not be shown' } : { ...item, text };
}

export function openProfilePanel(db: ProcessDb, scope: Scope): ProfilePanel {
  return {
    async claims() {
      const claims = await listClaims(db, scope);
      return claims
        .filter(({ state }) => state === 'active' || state === 'doubtful')
        .map(({ id, kind, text, state, confidence, isFixed, seenAt }) => {
          return { id, kind, text, confidence, isDoubtful: state === 'doubtful', isFixed, seenAt };
        });
    },
    async why(id) {
      const found = await getClaim(db, scope, id);
      if (!found) throw unknownClaim();
      return found.evidence.slice(0, MAX_QUOTES).map(({ side, source, quote, platform, saidAt }) => {
        return { side, source, quote, platform, saidAt };
      });
    },
    async wrong(id, right) {
      if (right !== undefined && [...right].length > MAX_CLAIM_CHARS)
        throw new AppError('bad_input', `At most ${MAX_CLAIM_CHARS} characters fit. Nothing was changed.`);
      if (!(await correctClaim(db, scope, id, right))) throw unknownClaim();
    },
    async forget(id) {
      if (!(await forgetClaim(db, scope, id))) throw unknownClaim();
    },
  };
}

function unknownClaim(): AppError {
  return new AppError('not_found', 'Nothing of that is known of you any more. Nothing was changed.');
}
