// What skills one space has: those of folders, with the space's own revisions laid over them. The folder that comes first has a name;
// a revision of the space beats every folder.
import type { Db } from '../data/db.ts';
import { listSkillMarks, type SkillMarks } from '../data/learning/skill-marks.ts';
import { listLiveRevisions, type StoredRevision } from '../data/learning/skill-revisions.ts';
import type { Scope } from '../data/scope.ts';
import { AppError } from '../shared/errors.ts';
import type { SessionId } from '../shared/ids.ts';
import { conditionsOf, type SkillConditions } from './conditions.ts';
import { openSkillFolder, searchTextOf, type FolderContent, type FolderSkill, type SkillFolder } from './folder.ts';
import { parseSkill, type ParsedSkill } from './format.ts';
import { isInTrial } from './trial.ts';
import type { SkillInfo, SkillSource, SkillTrust } from './types.ts';

export interface LibraryFolder {
  source: Exclude<SkillSource, 'own'>;
  /** Absolute. */
  path: string;
}

export interface LibraryInput {
  db: Db;
  /** In order of precedence; asked each time, since the configuration changes. */
  folders(): readonly LibraryFolder[];
  /**
   * How far an installed skill is trusted, by name; undefined: it is not what was installed, and not to be used. Asked when its files have
   * changed, and each time before its text is given. Default: community.
   */
  checkInstalled?: ((name: string) => Promise<SkillTrust | undefined>) | undefined;
  /** The guard found something dangerous in a revision when its text was to be given. Default: it is refused only. */
  condemn?: ((scope: Scope, revision: string, findings: string) => Promise<unknown>) | undefined;
}

/** A read-only skill. */
export interface BaseSkill {
  source: Exclude<SkillSource, 'own'>;
  trust: SkillTrust;
  skill: FolderSkill;
}

/** With what decides whether it is shown. */
export interface ListedSkill extends SkillInfo {
  conditions: SkillConditions;
}

export interface SkillEntry {
  info: ListedSkill;
  parsed: ParsedSkill;
  base: BaseSkill | undefined;
  /** In force over the base; undefined: the base itself. */
  revision: StoredRevision | undefined;
}

export interface Catalog {
  /** By name. With a session: as that session sees trials. */
  entries(scope: Scope, session?: SessionId): Promise<ReadonlyMap<string, SkillEntry>>;
  bases(): Promise<ReadonlyMap<string, BaseSkill>>;
  /** The read-only skill, held against what was installed. Rejects with AppError `not_allowed` when it is something else now. */
  openBase(name: string): Promise<BaseSkill | undefined>;
  /** What is odd in the folders, and which skills are hidden by others of their name. */
  notes(): Promise<readonly string[]>;
}

const MAX_PARSED = 4_000;
const NO_MARKS: SkillMarks = { frozen: false, pinned: false, archived: false };

export function openCatalog({ db, folders, checkInstalled }: LibraryInput): Catalog {
  const opened = new Map<string, SkillFolder>();
  /** Shipped with the code that runs: what lies there does not change while it does. */
  const shipped = new Map<string, FolderContent>();
  /** Revisions do not change, so what they say is read once. */
  const parsedRevisions = new Map<string, ParsedSkill | undefined>();
  /** By what was read from its folder, which is another object when SKILL.md has changed. */
  const installedTrust = new WeakMap<FolderSkill, SkillTrust>();

  function folderAt(path: string): SkillFolder {
    let folder = opened.get(path);
    if (!folder) opened.set(path, (folder = openSkillFolder(path)));
    return folder;
  }

  async function contentOf({ source, path }: { source: BaseSkill['source']; path: string }): Promise<FolderContent> {
    const content = shipped.get(path) ?? (await folderAt(path).list());
    if (source === 'builtin') shipped.set(path, content);
    return content;
  }

  async function readFolders(): Promise<{ bases: Map<string, BaseSkill>; notes: string[] }> {
    const bases = new Map<string, BaseSkill>();
    const notes: string[] = [];
    for (const { source, path } of folders()) {
      const content = await contentOf({ source, path });
      if (source !== 'builtin') notes.push(...content.notes);
      for (const skill of content.skills) {
        const first = bases.get(skill.name);
        if (first) notes.push(`${skill.dir} is not used: ${skill.name} is the name of ${first.skill.dir} already`);
        else bases.set(skill.name, { source, trust: await trustIn(source, skill), skill });
      }
    }
    return { bases, notes };
  }

  async function trustIn(source: BaseSkill['source'], skill: FolderSkill): Promise<SkillTrust> {
    if (source === 'builtin') return 'builtin';
    // Whoever writes the configuration chose the folder.
    if (source === 'shared') return 'trusted';
    let trust = installedTrust.get(skill);
    if (trust === undefined) {
      // What cannot be checked is not trusted; that it has changed is said when it is opened.
      trust = (await checkInstalled?.(skill.name).catch(() => undefined)) ?? 'community';
      installedTrust.set(skill, trust);
    }
    return trust;
  }

  async function parsedOf(revision: StoredRevision & { text: string }): Promise<ParsedSkill | undefined> {
    if (parsedRevisions.has(revision.id)) return parsedRevisions.get(revision.id);
    // It was checked when it was stored; what cannot be read any more is left out, not in the way of the others.
    const options = { file: revision.skill, mode: 'lenient', name: revision.skill } as const;
    const parsed = await parseSkill(revision.text, options).catch(() => undefined);
    if (parsedRevisions.size >= MAX_PARSED) parsedRevisions.clear();
    parsedRevisions.set(revision.id, parsed);
    return parsed;
  }

  return {
    async entries(scope, session) {
      const { bases } = await readFolders();
      const marks = await listSkillMarks(db, scope);
      const byName = new Map<string, (StoredRevision & { text: string })[]>();
      for (const revision of await listLiveRevisions(db, scope))
        byName.set(revision.skill, [...(byName.get(revision.skill) ?? []), revision]);
      const entries = new Map<string, SkillEntry>();
      for (const name of [...new Set([...bases.keys(), ...byName.keys()])].toSorted()) {
        const base = bases.get(name);
        const revision = inForce(byName.get(name) ?? [], session, db.clock.now());
        if (revision?.isDeletion) continue;
        const parsed = revision ? await parsedOf(revision) : base?.skill;
        if (!parsed) continue;
        const info = infoOf({ name, base, revision, parsed }, marks.get(name) ?? NO_MARKS);
        entries.set(name, { info, parsed, base, revision });
      }
      return entries;
    },
    bases: async () => (await readFolders()).bases,
    async openBase(name) {
      const base = (await readFolders()).bases.get(name);
      if (base?.source !== 'installed' || !checkInstalled) return base;
      const trust = await checkInstalled(name);
      if (trust === undefined)
        throw new AppError(
          'not_allowed',
          `The files of the skill ${name} are not those that were installed, so it is not used. Install it again, or remove it.`,
        );
      installedTrust.set(base.skill, trust);
      return { ...base, trust };
    },
    notes: async () => (await readFolders()).notes,
  };
}

/** The revision that a session sees; without a session, one on trial beats the active one. */
export function inForce<Revision extends Pick<StoredRevision, 'id' | 'state' | 'createdAt' | 'decidedAt'>>(
  live: readonly Revision[],
  session: SessionId | undefined,
  now = 0,
): Revision | undefined {
  const trial = live.findLast(({ state }) => state === 'trial');
  const ageMs = trial ? now - (trial.decidedAt ?? trial.createdAt) : 0;
  if (trial && (session === undefined || isInTrial(trial.id, session, ageMs))) return trial;
  return live.findLast(({ state }) => state === 'active') ?? live.findLast(({ state }) => state === 'archived');
}

function infoOf(
  { name, base, revision, parsed }: Pick<SkillEntry, 'base' | 'revision' | 'parsed'> & { name: string },
  marks: SkillMarks,
): ListedSkill {
  return {
    ...readingOf(parsed, name),
    name,
    description: parsed.description,
    category: revision?.category ?? parsed.category,
    source: base?.source ?? 'own',
    trust: revision ? (base?.trust === 'community' ? 'community' : revision.trust) : (base?.trust ?? 'own'),
    revision: revision?.id,
    isTrial: revision?.state === 'trial',
    frozen: marks.frozen,
    pinned: marks.pinned,
    archived: marks.archived || revision?.state === 'archived',
  };
}

/** What a text says does not change, and every turn asks. */
const readings = new WeakMap<ParsedSkill, Pick<ListedSkill, 'conditions' | 'searchText'>>();

function readingOf(parsed: ParsedSkill, name: string): Pick<ListedSkill, 'conditions' | 'searchText'> {
  let reading = readings.get(parsed);
  if (!reading) {
    reading = { conditions: conditionsOf(parsed.frontMatter), searchText: searchTextOf({ ...parsed, name }) };
    readings.set(parsed, reading);
  }
  return reading;
}
