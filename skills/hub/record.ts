// What is installed and why it was let in: lock.json (the truth about installed skills) and audit.jsonl (what was done, never rewritten).
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ensureDir, fileError, writeFileAtomic } from '../../data/files.ts';
import { AppError } from '../../shared/errors.ts';
import { SKILL_NAME } from '../format.ts';

const hex = z.string().regex(/^[0-9a-f]{64}$/);

const versionSchema = z.object({
  source: z.enum(['github', 'well-known', 'url', 'folder']),
  identifier: z.string(),
  revision: z.string().optional(),
  trust: z.enum(['trusted', 'community']),
  verdict: z.enum(['safe', 'caution', 'dangerous']),
  findings: z.array(z.string()),
  description: z.string(),
  hash: hex,
  files: z.record(z.string(), hex),
  installedAt: z.number(),
});

const entrySchema = versionSchema.extend({
  /** The content that a person trusts: other content of the same skill is foreign again. */
  trustedHash: hex.optional(),
  /** What `rollback` brings back, and where it is kept, below the folder of skills. */
  previous: z.object({ folder: z.string(), version: versionSchema }).optional(),
});

/** `entries` has no prototype: a skill may be called like a method. */
const lockSchema = z.object({ version: z.literal(1), skills: z.record(z.string().regex(SKILL_NAME), entrySchema) });

export type InstalledVersion = z.infer<typeof versionSchema>;
export type LockEntry = z.infer<typeof entrySchema>;
export const lockEntrySchema = entrySchema;

export interface HubFolders {
  /** $HERALD_HOME/skills; the folders below are named relative to it. */
  root: string;
  installed: string;
  hub: string;
  quarantine: string;
  previous: string;
  archive: string;
}

export function hubFolders(home: string): HubFolders {
  const root = path.join(home, 'skills');
  const hub = path.join(root, 'hub');
  return {
    root,
    installed: path.join(root, 'installed'),
    hub,
    quarantine: path.join(hub, 'quarantine'),
    previous: path.join(hub, 'previous'),
    archive: path.join(hub, 'archive'),
  };
}

/** Throws AppError `bad_input` when the file is damaged. */
export function readLock({ hub }: HubFolders): ReadonlyMap<string, LockEntry> {
  const file = path.join(hub, 'lock.json');
  const text = readText(file);
  if (text === undefined) return new Map();
  const parsed = lockSchema.safeParse(parseJson(text));
  if (parsed.success) return new Map(Object.entries(parsed.data.skills));
  throw new AppError(
    'bad_input',
    `${file} is damaged, so no installed skill is used. Put it back from a backup, or delete it and install the skills again.`,
    { cause: parsed.error },
  );
}

export function writeLock({ hub }: HubFolders, entries: ReadonlyMap<string, LockEntry>): void {
  const names = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  const content = { version: 1, skills: Object.fromEntries(names) };
  writeFileAtomic(path.join(hub, 'lock.json'), `${JSON.stringify(content, null, 2)}\n`);
}

export type AuditAction = 'install' | 'update' | 'block' | 'remove' | 'rollback' | 'trust' | 'distrust' | 'publish';

const auditSchema = z.object({
  at: z.number(),
  action: z.string(),
  name: z.string(),
  identifier: z.string().optional(),
  verdict: z.string().optional(),
  hash: z.string().optional(),
  /** A person insisted. */
  forced: z.boolean().optional(),
});
export type AuditEntry = z.infer<typeof auditSchema>;

export function appendAudit({ hub }: HubFolders, entry: AuditEntry & { action: AuditAction }): void {
  const file = path.join(hub, 'audit.jsonl');
  ensureDir(hub);
  try {
    fs.appendFileSync(file, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  } catch (error) {
    throw fileError(error, file);
  }
}

/** The last `limit` entries, latest first; damaged lines are left out. */
export function readAudit({ hub }: HubFolders, limit: number): readonly AuditEntry[] {
  const lines = (readText(path.join(hub, 'audit.jsonl')) ?? '').split('\n').filter((line) => line !== '');
  return lines
    .slice(-limit)
    .reverse()
    .flatMap((line) => {
      const parsed = auditSchema.safeParse(parseJson(line));
      return parsed.success ? [parsed.data] : [];
    });
}

export function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw fileError(error, file);
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
