// What was decided and by whom: pairings, refusals of commands, role changes. Append-only.
import type { ProcessDb, Query } from '../db.ts';

export interface AuditEntry {
  /** Person id, or 'cli', 'gateway'. */
  actor: string;
  /** Dotted, such as 'pairing.approve'. */
  action: string;
  subject: string;
  detail?: Record<string, unknown>;
}

export async function writeAudit(db: ProcessDb, entry: AuditEntry, query: Query = db.query): Promise<void> {
  await query
    .insertInto('audit')
    .values({
      at: db.clock.now(),
      actor: entry.actor,
      action: entry.action,
      subject: entry.subject,
      detail: JSON.stringify(entry.detail ?? {}),
    })
    .execute();
}

export async function listAudit(db: ProcessDb, limit: number): Promise<readonly (AuditEntry & { at: number })[]> {
  const rows = await db.query.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(limit).execute();
  return rows.map((row) => ({
    at: row.at,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    detail: parseObject(row.detail),
  }));
}

function parseObject(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
