// What is done with skills that are installed: trust, rollback, removal, and the look at all of them.
import path from 'node:path';
import { AppError } from '../../shared/errors.ts';
import type { GuardVerdict } from '../guard.ts';
import { scanFiles, type HubContext } from './context.ts';
import { hashFiles } from './files.ts';
import { notInstalled, versionOf } from './install.ts';
import { listInstalled, openInstalled, type InstalledSkill, type OpenedSkill } from './installed.ts';
import {
  appendAudit,
  hubFolders,
  readAudit,
  readLock,
  writeLock,
  type AuditAction,
  type AuditEntry,
} from './record.ts';
import { readSkillFolder } from './sources/direct.ts';
import { withStore, type Store } from './store.ts';

export interface AuditedSkill extends InstalledSkill {
  /** By the rules of today, of the files as they are. */
  verdictNow: GuardVerdict;
  findingsNow: readonly string[];
}

export interface AuditReport {
  skills: readonly AuditedSkill[];
  /** Latest first. */
  log: readonly AuditEntry[];
}

/** A person vouches for the content as it is now, or takes it back; an update is foreign again. Rejects with AppError. */
export async function trustInstalled(context: HubContext, name: string, isTrusted: boolean): Promise<InstalledSkill> {
  return withStore(context, async (store) => {
    const skill = await need(context, name);
    if (isTrusted && skill.state !== 'ok')
      throw new AppError(
        'not_allowed',
        `The files of ${name} are not those that were installed (${skill.differs.join(', ') || 'they are gone'}). Update or install it anew; nothing was changed.`,
      );
    const { trustedHash: _, ...entry } = skill.entry;
    const next = isTrusted ? { ...entry, trustedHash: entry.hash } : { ...entry, trust: 'community' as const };
    note(context, store, { action: isTrusted ? 'trust' : 'distrust', name, hash: entry.hash });
    writeLock(store.folders, new Map([...readLock(store.folders), [name, next]]));
    return need(context, name);
  });
}

/** Brings back what was installed before the last update; a second time, the update. Rejects with AppError. */
export async function rollbackInstalled(context: HubContext, name: string): Promise<InstalledSkill> {
  return withStore(context, async (store) => {
    const now = await need(context, name);
    const { previous } = now.entry;
    if (!previous) throw new AppError('not_found', `Nothing is kept of an earlier ${name}. Nothing was changed.`);
    const files = await readSkillFolder(path.join(store.folders.root, previous.folder)).catch(() => undefined);
    if (!files || hashFiles(files).whole !== previous.version.hash)
      throw new AppError('not_allowed', `What is kept of the earlier ${name} was changed. It stays as it is.`);
    const keep = store.newFolder('previous', name);
    const { trustedHash } = now.entry;
    note(context, store, { action: 'rollback', name, hash: previous.version.hash });
    store.swap({
      name,
      staged: previous.folder,
      keep,
      entry: {
        ...previous.version,
        ...(trustedHash === undefined ? {} : { trustedHash }),
        ...(now.state === 'ok' ? { previous: { folder: keep, version: versionOf(now.entry) } } : {}),
      },
    });
    return need(context, name);
  });
}

/** Resolves with the folder where it is kept, below the folder of skills. Rejects with AppError `not_found`. */
export async function removeInstalled(context: HubContext, name: string): Promise<{ name: string; archive: string }> {
  return withStore(context, async (store) => {
    const { entry } = await need(context, name);
    const archive = store.newFolder('archive', name);
    note(context, store, { action: 'remove', name, hash: entry.hash });
    store.swap({ name, keep: archive });
    return { name, archive };
  });
}

/** All installed skills, held against their hashes and scanned anew, and what was done lately. */
export async function auditInstalled(context: HubContext, limit: number): Promise<AuditReport> {
  const skills: AuditedSkill[] = [];
  for (const { files, ...skill } of await listInstalled(context)) {
    const { verdict, findings } = scanFiles(files);
    skills.push({ ...skill, verdictNow: verdict, findingsNow: findings });
  }
  return { skills, log: readAudit(hubFolders(context.home), limit) };
}

async function need(context: HubContext, name: string): Promise<OpenedSkill> {
  const skill = await openInstalled({ home: context.home, clock: context.clock }, name);
  if (!skill) throw notInstalled(name);
  return skill;
}

function note(context: HubContext, store: Store, what: { action: AuditAction; name: string; hash: string }): void {
  appendAudit(store.folders, { at: context.clock.now(), ...what });
}
