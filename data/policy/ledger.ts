// The record of what was asked, decided, run and came of it. Each entry holds the hash of the one before and is signed, so that neither a
// changed nor a missing one goes unseen. data/process/work/ledger.ts reads and proves it.
import type { Db } from '../db.ts';
import type { LedgerKind } from './tables.ts';
import type { Scope } from '../scope.ts';
import { sha256Hex } from '../../shared/digest.ts';

/** `signature` of a hash, hex; ed25519 (RFC 8032). */
export type Sign = (hash: string) => string;

export interface LedgerEntry {
  kind: LedgerKind;
  /** What belongs together: the id of an approval, or of a call that needed none. */
  subject: string;
  /** Digests, names and choices; never arguments or results themselves. */
  body: Readonly<Record<string, string | number | boolean>>;
}

/** Hash of what the chain began with. */
export const LEDGER_START = '0'.repeat(64);

/** What is hashed: everything of the row but hash and signature. */
export function ledgerHash(row: {
  seq: number;
  at: number;
  kind: string;
  space: string;
  person: string;
  subject: string;
  body: string;
  prev: string;
}): string {
  const parts = [row.seq, row.at, row.kind, row.space, row.person, row.subject, row.body, row.prev];
  return sha256Hex(JSON.stringify(parts));
}

/** Appends entries that are written together or not at all. An entry that stands there already, kind and subject, is not written again. */
export async function appendLedger(db: Db, scope: Scope, entries: readonly LedgerEntry[], sign: Sign): Promise<void> {
  const at = db.clock.now();
  await db.query.transaction().execute(async (trx) => {
    const last = await trx
      .selectFrom('ledger')
      .select(['seq', 'hash'])
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    let prev = last?.hash ?? LEDGER_START;
    let seq = last?.seq ?? 0;
    for (const { kind, subject, body: facts } of entries) {
      const known = await trx
        .selectFrom('ledger')
        .select('seq')
        .where('subject', '=', subject)
        .where('kind', '=', kind)
        .executeTakeFirst();
      if (known) continue;
      seq++;
      const body = JSON.stringify(Object.fromEntries(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1))));
      const hash = ledgerHash({ seq, at, kind, space: scope.space, person: scope.person, subject, body, prev });
      await trx
        .insertInto('ledger')
        .values({
          seq,
          at,
          kind,
          space_id: scope.space,
          person_id: scope.person,
          subject,
          body,
          prev,
          hash,
          signature: sign(hash),
        })
        .execute();
      prev = hash;
    }
  });
}
