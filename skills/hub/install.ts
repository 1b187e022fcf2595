// Installing and updating: fetched into memory, written to quarantine, read and scanned there, and only then put in force in one step.
import path from 'node:path';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { GuardVerdict } from '../guard.ts';
import type { SkillTrust } from '../types.ts';
import { fetchReference, openReference, readHeading, scanFiles, type HubContext } from './context.ts';
import { diffFiles } from '../difference.ts';
import { hashFiles, lastSegment, type ContentHash } from './files.ts';
import { openInstalled, type OpenedSkill } from './installed.ts';
import { decideInstall } from './policy.ts';
import {
  appendAudit,
  hubFolders,
  readLock,
  type AuditAction,
  type InstalledVersion,
  type LockEntry,
} from './record.ts';
import { parseReference } from './reference.ts';
import { readSkillFolder } from './sources/direct.ts';
import { withStore, type Store } from './store.ts';
import type { FetchedSkill, FoundSkill, ScanReport, SkillFiles, SkillHeading } from './types.ts';

export interface Judged {
  name: string;
  description: string;
  identifier: string;
  revision: string | undefined;
  trust: SkillTrust;
  verdict: GuardVerdict;
  findings: readonly string[];
  hash: string;
}

export type Inspection =
  | { kind: 'several'; skills: readonly FoundSkill[] }
  | {
      kind: 'one';
      skill: Judged;
      files: readonly { path: string; bytes: number }[];
      /** SKILL.md as it is: text of strangers. */
      text: string;
      /** What installing it would come to. */
      outcome: 'allowed' | 'needs-force' | 'blocked';
      /** What has the name already, in words. */
      taken: string | undefined;
    };

export interface Installation {
  status: 'installed' | 'updated' | 'unchanged' | 'blocked';
  skill: Judged;
  /** Why it is blocked. */
  reason?: string | undefined;
  /** --force would install it. */
  canForce?: boolean | undefined;
}

export interface UpdateResult {
  name: string;
  status: 'updated' | 'available' | 'unchanged' | 'blocked' | 'failed';
  skill?: Judged | undefined;
  /** Unified, from what is installed to what is new. */
  diff?: string | undefined;
  reason?: string | undefined;
  canForce?: boolean | undefined;
}

/** What a reference leads to, with a verdict when it is one skill. Installs nothing. Rejects with AppError. */
export async function inspectReference(
  context: HubContext,
  text: string,
  signal: AbortSignal | undefined,
): Promise<Inspection> {
  const offer = await openReference(context, text, signal);
  const [only, other] = offer.skills;
  if (!only || other) return { kind: 'several', skills: offer.skills };
  const fetched = await offer.fetch(only);
  const { skill } = await judge(fetched, fetched.files);
  const decision = decideInstall(skill.trust, skill.verdict, false);
  const installed = readLock(hubFolders(context.home)).get(skill.name);
  return {
    kind: 'one',
    skill,
    files: [...fetched.files].map(([file, content]) => ({ path: file, bytes: content.byteLength })),
    text: new TextDecoder().decode(fetched.files.get('SKILL.md')),
    outcome: decision.allowed ? 'allowed' : decision.canForce ? 'needs-force' : 'blocked',
    taken: installed ? takenBy(installed, skill) : await context.taken?.(skill.name),
  };
}

/** Resolves also when it is blocked. Rejects with AppError: those of fetching, `not_allowed` when the name is taken. */
export async function installReference(
  context: HubContext,
  text: string,
  { force, signal }: { force: boolean; signal?: AbortSignal | undefined },
): Promise<Installation> {
  const fetched = await fetchReference(context, text, signal);
  return withStore(context, (store) => putInForce(context, store, { fetched, force }));
}

/** One skill, or all. `dryRun` only looks. A skill that cannot be updated does not keep others from it. */
export async function updateInstalled(
  context: HubContext,
  name: string | undefined,
  options: { force: boolean; dryRun: boolean; signal?: AbortSignal | undefined },
): Promise<readonly UpdateResult[]> {
  const entries = readLock(hubFolders(context.home));
  if (name !== undefined && !entries.has(name)) throw notInstalled(name);
  const results: UpdateResult[] = [];
  for (const one of name === undefined ? entries.keys() : [name]) {
    try {
      results.push(await updateOne(context, one, options));
    } catch (error) {
      options.signal?.throwIfAborted();
      const known = asAppError(error);
      if (known.code === 'internal') context.log.error({ err: error, skill: one }, 'a skill could not be updated');
      results.push({ name: one, status: 'failed', reason: known.publicMessage });
    }
  }
  return results;
}

async function updateOne(
  context: HubContext,
  name: string,
  { force, dryRun, signal }: { force: boolean; dryRun: boolean; signal?: AbortSignal | undefined },
): Promise<UpdateResult> {
  const installed = await openInstalled(context, name);
  if (!installed) throw notInstalled(name);
  const fetched = await fetchReference(context, installed.entry.identifier, signal);
  if (installed.state === 'ok' && hashFiles(fetched.files).whole === installed.entry.hash)
    return { name, status: 'unchanged' };
  const diff = await diffFiles(installed.files, fetched.files);
  if (dryRun) {
    const { skill } = await judge(fetched, fetched.files);
    const decision = decideInstall(skill.trust, skill.verdict, force);
    return { name, status: 'available', skill, diff, ...(decision.allowed ? {} : decision) };
  }
  const done = await withStore(context, (store) => putInForce(context, store, { fetched, force, name }));
  const { status, ...rest } = done;
  return { name, status: status === 'installed' ? 'updated' : status, diff, ...rest };
}

interface Wish {
  fetched: FetchedSkill;
  force: boolean;
  /** The installed skill that it must be. */
  name?: string;
}

/** Quarantine, then reading and scanning what was written there, then the change or nothing. */
async function putInForce(context: HubContext, store: Store, { fetched, force, name }: Wish): Promise<Installation> {
  const staged = store.stage(fetched.files);
  try {
    const files = await readSkillFolder(path.join(store.folders.root, staged));
    const { skill, hash } = await judge(fetched, files);
    if (name !== undefined && skill.name !== name)
      throw new AppError(
        'not_allowed',
        `${name} is now called ${skill.name} at its source. Remove ${name} and install ${skill.name}; nothing was changed.`,
      );
    const before = readLock(store.folders).get(skill.name);
    await checkName(context, { skill, before });
    const now = before && (await openInstalled(context, skill.name));
    if (before && now?.state === 'ok' && before.hash === hash.whole) return { status: 'unchanged', skill };
    const decision = decideInstall(skill.trust, skill.verdict, force);
    const note = (action: AuditAction) =>
      appendAudit(store.folders, {
        at: context.clock.now(),
        action,
        name: skill.name,
        identifier: skill.identifier,
        verdict: skill.verdict,
        hash: hash.whole,
        ...(force ? { forced: true } : {}),
      });
    if (!decision.allowed) {
      note('block');
      const { reason, canForce } = decision;
      return { status: 'blocked', skill, reason, canForce };
    }
    const keep = store.newFolder('previous', skill.name);
    note(before ? 'update' : 'install');
    const entry = makeEntry(context, { fetched, skill, hash });
    store.swap({ name: skill.name, staged, keep, entry: withPrevious(entry, before, { now, keep }) });
    return { status: before ? 'updated' : 'installed', skill };
  } finally {
    store.discard(staged);
  }
}

/** A name belongs to whoever had it first: another source could otherwise take a trusted skill's place. */
async function checkName(
  context: HubContext,
  { skill, before }: { skill: Judged; before: LockEntry | undefined },
): Promise<void> {
  if (before && takenBy(before, skill) !== undefined)
    throw new AppError(
      'not_allowed',
      `A skill called ${skill.name} is installed already, from ${before.identifier}. Remove it first: herald skills remove ${skill.name}. Nothing was changed.`,
    );
  const other = before ? undefined : await context.taken?.(skill.name);
  if (other !== undefined)
    throw new AppError('not_allowed', `${skill.name} is already the name of ${other}. Nothing was installed.`);
}

/** Names of GitHub are the same in any case. */
function takenBy({ identifier }: LockEntry, skill: Judged): string | undefined {
  return identifier.toLowerCase() === skill.identifier.toLowerCase()
    ? undefined
    : `a skill that is installed from ${identifier}`;
}

function makeEntry(
  { clock }: HubContext,
  { fetched, skill, hash }: { fetched: FetchedSkill; skill: Judged; hash: ContentHash },
): LockEntry {
  return {
    source: fetched.source,
    identifier: fetched.identifier,
    ...(fetched.revision === undefined ? {} : { revision: fetched.revision }),
    trust: fetched.trust === 'trusted' ? 'trusted' : 'community',
    verdict: skill.verdict,
    findings: [...skill.findings],
    description: skill.description,
    hash: hash.whole,
    files: { ...hash.files },
    installedAt: clock.now(),
  };
}

/** What was there before can come back only when it is what was installed. */
function withPrevious(
  entry: LockEntry,
  before: LockEntry | undefined,
  { now, keep }: { now: OpenedSkill | undefined; keep: string },
): LockEntry {
  if (!before) return entry;
  const trusted = before.trustedHash === undefined ? {} : { trustedHash: before.trustedHash };
  if (now?.state !== 'ok') return { ...entry, ...trusted };
  return { ...entry, ...trusted, previous: { folder: keep, version: versionOf(before) } };
}

export function versionOf(entry: LockEntry): InstalledVersion {
  const { trustedHash: _, previous: __, ...version } = entry;
  return version;
}

async function judge(fetched: FetchedSkill, files: SkillFiles): Promise<{ skill: Judged; hash: ContentHash }> {
  const heading: SkillHeading = await readHeading(files, folderName(fetched.identifier));
  const report: ScanReport = scanFiles(files);
  const hash = hashFiles(files);
  const { identifier, revision, trust } = fetched;
  return { skill: { ...heading, identifier, revision, trust, ...report, hash: hash.whole }, hash };
}

/** What a skill is called that does not say it itself. */
function folderName(identifier: string): string | undefined {
  const reference = parseReference(identifier);
  switch (reference.source) {
    case 'github':
      return lastSegment(reference.path ?? reference.repo);
    case 'folder':
      return reference.skill === undefined ? path.basename(reference.path) : lastSegment(reference.skill);
    case 'well-known':
    case 'url':
      return reference.skill === undefined ? undefined : lastSegment(reference.skill);
  }
}

export function notInstalled(name: string): AppError {
  return new AppError(
    'not_found',
    `No skill called ${JSON.stringify(name.slice(0, 80))} is installed. \`herald skills audit\` shows what is. Nothing was changed.`,
  );
}
