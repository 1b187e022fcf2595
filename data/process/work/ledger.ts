// Reads the signed record and proves it.
import type { ProcessDb } from '../../db.ts';
import { LEDGER_START, ledgerHash } from '../../policy/ledger.ts';
import type { LedgerKind } from '../../policy/tables.ts';

export interface LedgerRow {
  seq: number;
  at: number;
  kind: LedgerKind;
  space: string;
  person: string;
  subject: string;
  body: string;
}

/** The latest entries, newest first. */
export async function listLedger(db: ProcessDb, limit: number): Promise<readonly LedgerRow[]> {
  const rows = await db.query.selectFrom('ledger').selectAll().orderBy('seq', 'desc').limit(limit).execute();
  return rows.map((row) => ({
    seq: row.seq,
    at: row.at,
    kind: row.kind,
    space: row.space_id,
    person: row.person_id,
    subject: row.subject,
    body: row.body,
  }));
}

const BATCH = 500;

/** Goes through the whole chain. `head` is the hash of its last entry: whoever noted it elsewhere can tell when the end was cut off. */
export async function proveLedger(
  db: ProcessDb,
  verify: (hash: string, signature: string) => boolean,
): Promise<{ ok: true; entries: number; head: string } | { ok: false; seq: number; problem: string }> {
  let prev = LEDGER_START;
  let seq = 0;
  for (;;) {
    const rows = await db.query
      .selectFrom('ledger')
      .selectAll()
      .where('seq', '>', seq)
      .orderBy('seq')
      .limit(BATCH)
      .execute();
    for (const row of rows) {
      if (row.seq !== seq + 1) return { ok: false, seq: seq + 1, problem: 'an entry is missing' };
      if (row.prev !== prev) return { ok: false, seq: row.seq, problem: 'it does not follow from the entry before it' };
      const hash = ledgerHash({ ...row, space: row.space_id, person: row.person_id });
      if (hash !== row.hash) return { ok: false, seq: row.seq, problem: 'it was changed after it was written' };
      if (!verify(row.hash, row.signature)) return { ok: false, seq: row.seq, problem: 'its signature is not ours' };
      prev = row.hash;
      seq = row.seq;
    }
    if (rows.length < BATCH) return { ok: true, entries: seq, head: prev };
  }
}
