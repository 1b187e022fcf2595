// The library of skills: what is in force in a space, and how it changes. Read-only skills are never written: a change to one is a revision
// of the space that lies over it. Every change is a revision with all of its files, so each can be looked at and taken back.
import type { Db } from '../data/db.ts';
import { listSkillMarks, setSkillMarks } from '../data/learning/skill-marks.ts';
import {
  addRevision,
  getRevision,
  listRevisions,
  readRevisionFiles,
  rollbackSkill,
  setRevisionState,
  type StoredRevision,
} from '../data/learning/skill-revisions.ts';
import type { Scope } from '../data/scope.ts';
import { AppError } from '../shared/errors.ts';
import type { SessionId, TurnId } from '../shared/ids.ts';
import { inForce, openCatalog, type Catalog, type LibraryInput, type ListedSkill, type SkillEntry } from './catalog.ts';
import { planChange } from './change.ts';
import { diffFiles } from './difference.ts';
import { listFolderFiles, readFolderFile, searchTextOf } from './folder.ts';
import { parseSkill, SKILL_NAME } from './format.ts';
import { isText } from './guard.ts';
import { makeLoadGuard } from './load-guard.ts';
import { checkReadPath, SKILL_FILE } from './paths.ts';
import type { SkillFileMap } from './steps.ts';
import {
  READ_ONLY,
  type OpenSkill,
  type RevisionState,
  type SkillInfo,
  type SkillLibrary,
  type SkillRevision,
} from './types.ts';

/** The library with what its owner needs besides. */
export interface OpenedLibrary extends SkillLibrary {
  /** With a session: as that session sees trials. */
  list(scope: Scope, session?: SessionId): Promise<readonly ListedSkill[]>;
  /** What a session sees under that name. Rejects with AppError `not_allowed` when it turns out to be dangerous. */
  find(scope: Scope, name: string, session?: SessionId): Promise<OpenSkill | undefined>;
  /** All files, SKILL.md too. Rejects with AppError `not_found`. */
  files(scope: Scope, name: string, revision?: string): Promise<SkillFileMap>;
  /** Takes back what a turn changed; the names of the skills. */
  takeBack(scope: Scope, turn: TurnId): Promise<readonly string[]>;
  /** What is odd in the folders. */
  notes(): Promise<readonly string[]>;
}

export function openSkillLibrary(input: LibraryInput): OpenedLibrary {
  const catalog = openCatalog(input);
  const { db } = input;
  const guard = makeLoadGuard();
  const lookup = (scope: Scope, name: string, revision?: string) => findVersion(db, catalog, { scope, name, revision });

  async function openVersion(version: Version | undefined): Promise<OpenSkill | undefined> {
    if (!version) return undefined;
    const { entry } = version;
    const files = await version.list();
    return {
      ...entry.info,
      frontMatter: entry.parsed.frontMatter,
      body: entry.parsed.body,
      files: files.filter(({ path }) => path !== SKILL_FILE),
      origin: entry.info.trust === 'community' ? 'foreign' : 'agent',
    };
  }

  async function needRevision(scope: Scope, id: string): Promise<StoredRevision> {
    const revision = await getRevision(db, scope, id);
    if (!revision) throw new AppError('not_found', `There is no revision ${JSON.stringify(id)} of a skill here.`);
    return revision;
  }

  async function filesBefore(scope: Scope, revision: StoredRevision): Promise<SkillFileMap> {
    if (revision.parent !== undefined) return storedFiles(db, scope, revision.parent);
    const base = (await catalog.bases()).get(revision.skill);
    return base ? folderFiles(base.skill.dir) : new Map();
  }

  /** Out of force, with what was there before it back in. */
  async function unmake(scope: Scope, revision: StoredRevision, why: string): Promise<void> {
    const parent = revision.parent === undefined ? undefined : await getRevision(db, scope, revision.parent);
    const isBack = parent?.state === 'superseded' || parent?.state === 'active';
    await rollbackSkill(db, scope, revision.skill, { to: isBack ? parent.id : undefined, why });
  }

  /** Rejects with AppError `not_allowed` when the guard finds in a revision what nobody knew of. */
  async function refuseDanger(scope: Scope, { info, base, revision }: SkillEntry): Promise<void> {
    // What lies over a skill of others holds what was found in that already.
    if (!revision || base) return;
    const found = await guard.check(revision, () => storedFiles(db, scope, revision.id));
    if (found === '') return;
    await input.condemn?.(scope, revision.id, found);
    throw new AppError(
      'not_allowed',
      `The guard found something dangerous in the skill ${info.name}, so it is not used and was taken out of force: ${found}`,
    );
  }

  const library: OpenedLibrary = {
    async list(scope, session) {
      return [...(await catalog.entries(scope, session)).values()].map(({ info }) => info);
    },
    open: async (scope, name, revision) => openVersion(await lookup(scope, name, revision)),
    async find(scope, name, session) {
      const entry = (await catalog.entries(scope, session)).get(name.toLowerCase());
      if (entry) await refuseDanger(scope, entry);
      return entry && openVersion(await lookup(scope, entry.info.name, entry.info.revision ?? READ_ONLY));
    },
    async files(scope, name, revision) {
      return (await needVersion(lookup(scope, name, revision), name)).read();
    },
    async readFile(scope, name, path, revision) {
      if (path !== SKILL_FILE) checkReadPath(path);
      const version = await needVersion(lookup(scope, name, revision), name);
      const content = await version.readOne(path);
      if (!isText(content)) throw new AppError('bad_input', `${path} is no text and cannot be shown.`);
      return content.toString('utf8');
    },
    async change(scope, change) {
      const live = await catalog.entries(scope, change.session);
      const planned = await planChange(change, {
        entry: live.get(change.name),
        marks: (await listSkillMarks(db, scope)).get(change.name),
        revisions: await listRevisions(db, scope, change.name),
        filesOf: (entry) => (entry.revision ? storedFiles(db, scope, entry.revision.id) : baseFiles(entry)),
        filesOfRevision: (id) => storedFiles(db, scope, id),
      });
      return revisionOf(await addRevision(db, scope, planned));
    },
    async revisions(scope, name) {
      return (await listRevisions(db, scope, name)).map(revisionOf);
    },
    async diff(scope, id) {
      const revision = await needRevision(scope, id);
      return diffFiles(await filesBefore(scope, revision), await storedFiles(db, scope, id));
    },
    async decide(scope, id, state, why) {
      const revision = await needRevision(scope, id);
      checkDecision(revision, state, await listRevisions(db, scope, revision.skill));
      if (revision.state === 'active' && state === 'rolled_back') await unmake(scope, revision, why);
      else await setRevisionState(db, scope, id, { state, why });
    },
    async rollback(scope, name, to, why) {
      if (to !== undefined) {
        const target = await needRevision(scope, to);
        if (target.skill !== name)
          throw new AppError('bad_input', `That revision is of ${target.skill}, not of ${name}.`);
        if (target.state === 'proposed' || target.state === 'rejected')
          throw new AppError('bad_input', 'That revision was never in force. Nothing was changed.');
      }
      const known = (await listRevisions(db, scope, name)).length > 0;
      if (!known) throw new AppError('not_found', `${name} was not changed here, so there is nothing to roll back.`);
      await rollbackSkill(db, scope, name, { to, why });
    },
    async mark(scope, name, marks) {
      const entry = (await catalog.entries(scope)).get(name);
      if (!entry) throw noSkill(name);
      const { frozen, pinned, archived } = entry.info;
      await setSkillMarks(db, scope, name, { frozen, pinned, archived, ...marks });
      if (marks.archived === false && entry.revision?.state === 'archived')
        await setRevisionState(db, scope, entry.revision.id, { state: 'active', why: 'taken out of the archive' });
    },
    async takeBack(scope, turn) {
      const made = (await listRevisions(db, scope)).filter(
        ({ turns, author }) => turns.includes(turn) && author !== 'person',
      );
      const names = new Set<string>();
      // What was built on another goes first.
      for (const { id } of made.toReversed()) {
        const revision = await needRevision(scope, id);
        const why = 'what it was learnt from was taken back';
        if (revision.state === 'proposed') await setRevisionState(db, scope, id, { state: 'rejected', why });
        else if (revision.state === 'trial') await setRevisionState(db, scope, id, { state: 'rolled_back', why });
        else if (revision.state === 'active') await unmake(scope, revision, why);
        else continue;
        names.add(revision.skill);
      }
      return [...names];
    },
    notes: () => catalog.notes(),
  };
  return library;
}

/** One version of a skill, whose files are read when they are asked for. */
interface Version {
  entry: { info: SkillInfo; parsed: SkillEntry['parsed'] };
  list(): Promise<readonly { path: string; bytes: number }[]>;
  read(): Promise<SkillFileMap>;
  readOne(path: string): Promise<Buffer>;
}

async function findVersion(
  db: Db,
  catalog: Catalog,
  { scope, name, revision }: { scope: Scope; name: string; revision: string | undefined },
): Promise<Version | undefined> {
  const key = name.toLowerCase();
  if (!SKILL_NAME.test(key)) return undefined;
  const entry = (await catalog.entries(scope)).get(key);
  if (revision === READ_ONLY || (revision === undefined && entry && !entry.revision)) {
    const base = await catalog.openBase(key);
    return base && folderVersion(base, entry);
  }
  const stored = revision === undefined ? entry?.revision : await getRevision(db, scope, revision);
  if (!stored || stored.skill !== key || stored.isDeletion) return undefined;
  return storedVersion(db, scope, { stored, entry });
}

function folderVersion(base: NonNullable<SkillEntry['base']>, entry: SkillEntry | undefined): Version {
  const { skill, source, trust } = base;
  const { name, description, category } = skill;
  const marks = entry?.info ?? { frozen: false, pinned: false, archived: false };
  const { frozen, pinned, archived } = marks;
  const state = { revision: undefined, isTrial: false, frozen, pinned, archived };
  return {
    entry: {
      info: { name, description, category, source, trust, searchText: searchTextOf(skill), ...state },
      parsed: skill,
    },
    list: () => listFolderFiles(skill.dir),
    read: () => folderFiles(skill.dir),
    readOne: (path) => readFolderFile(skill.dir, path),
  };
}

async function storedVersion(
  db: Db,
  scope: Scope,
  { stored, entry }: { stored: StoredRevision; entry: SkillEntry | undefined },
): Promise<Version> {
  const files = await storedFiles(db, scope, stored.id);
  const text = files.get(SKILL_FILE)?.toString('utf8') ?? '';
  const parsed = await parseSkill(text, { file: stored.skill, mode: 'lenient', name: stored.skill });
  const info: SkillInfo = {
    name: stored.skill,
    description: parsed.description,
    category: stored.category ?? parsed.category,
    source: entry?.base?.source ?? 'own',
    trust: entry?.base?.trust === 'community' ? 'community' : stored.trust,
    revision: stored.id,
    isTrial: stored.state === 'trial',
    frozen: entry?.info.frozen ?? false,
    pinned: entry?.info.pinned ?? false,
    archived: entry?.info.archived ?? stored.state === 'archived',
    searchText: entry?.info.searchText ?? parsed.description,
  };
  return {
    entry: { info, parsed },
    list: async () => [...files].map(([path, content]) => ({ path, bytes: content.length })),
    read: async () => files,
    async readOne(path) {
      const content = files.get(path);
      if (!content) throw new AppError('not_found', `The skill has no file ${JSON.stringify(path.slice(0, 120))}.`);
      return content;
    },
  };
}

async function needVersion(found: Promise<Version | undefined>, name: string): Promise<Version> {
  const version = await found;
  if (!version) throw noSkill(name);
  return version;
}

function noSkill(name: string): AppError {
  return new AppError('not_found', `There is no skill ${JSON.stringify(name.slice(0, 80))} here.`);
}

async function storedFiles(db: Db, scope: Scope, revision: string): Promise<SkillFileMap> {
  return new Map((await readRevisionFiles(db, scope, revision)).map(({ path, content }) => [path, content]));
}

async function baseFiles({ base }: SkillEntry): Promise<SkillFileMap> {
  return base ? folderFiles(base.skill.dir) : new Map();
}

async function folderFiles(dir: string): Promise<SkillFileMap> {
  const files = new Map<string, Buffer>([[SKILL_FILE, await readFolderFile(dir, SKILL_FILE)]]);
  for (const { path } of await listFolderFiles(dir)) files.set(path, await readFolderFile(dir, path));
  return files;
}

/** Which states may follow one another; see types.ts. */
const NEXT: Readonly<Record<RevisionState, readonly RevisionState[]>> = {
  proposed: ['trial', 'active', 'rejected', 'superseded'],
  trial: ['active', 'rolled_back', 'superseded', 'archived'],
  active: ['superseded', 'rolled_back', 'archived'],
  archived: ['active'],
  superseded: [],
  rolled_back: [],
  rejected: [],
};

function checkDecision(revision: StoredRevision, state: RevisionState, all: readonly StoredRevision[]): void {
  if (!NEXT[revision.state].includes(state))
    throw new AppError(
      'bad_input',
      `Revision ${revision.number} of ${revision.skill} is ${revision.state.replace('_', ' ')}; it cannot become ${state.replace('_', ' ')}. Nothing was changed.`,
    );
  if (revision.state !== 'proposed' || (state !== 'trial' && state !== 'active')) return;
  const active = inForce(
    all.filter(({ state: one }) => one === 'active' || one === 'archived'),
    undefined,
  );
  const trial = all.find(({ state: one }) => one === 'trial');
  if (revision.parent !== active?.id && revision.parent !== (trial?.id ?? ''))
    throw new AppError(
      'bad_input',
      `${revision.skill} was changed since this was proposed, and the proposal would undo that. Nothing was changed; ask for it again, or reject it.`,
    );
}

function revisionOf(stored: StoredRevision): SkillRevision {
  const { id, skill, number, parent, author, reason, turns, isForeign, isDeletion, state, findings } = stored;
  const { createdAt, decidedAt } = stored;
  return {
    id,
    skill,
    number,
    parent,
    author,
    reason,
    turns,
    isForeign,
    isDeletion,
    state,
    findings,
    createdAt,
    decidedAt,
  };
}
