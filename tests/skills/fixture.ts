// A library over temporary folders and a temporary database.
import fs from 'node:fs';
import path from 'node:path';
import type { LibraryFolder } from '../../skills/catalog.ts';
import { openSkillLibrary, type OpenedLibrary } from '../../skills/library.ts';
import type { SkillChange, SkillTrust } from '../../skills/types.ts';
import type { ProcessDb } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import { makePerson, makeSpeaker, type Speaker } from '../data/conversation.ts';
import { openTemporaryData } from '../data/temporary-data.ts';

export interface LibraryHome {
  home: string;
  db: ProcessDb;
  library: OpenedLibrary;
  ann: Speaker;
  bob: Speaker;
  folders: Record<LibraryFolder['source'], string>;
}

export async function openLibraryHome(
  options: { checkInstalled?: (name: string) => Promise<SkillTrust | undefined> } = {},
): Promise<LibraryHome> {
  const { db, home } = await openTemporaryData();
  const folders = {
    builtin: path.join(home, 'builtin'),
    installed: path.join(home, 'installed'),
    shared: path.join(home, 'shared'),
  };
  const library = openSkillLibrary({
    db,
    folders: () => [
      { source: 'builtin', path: folders.builtin },
      { source: 'installed', path: folders.installed },
      { source: 'shared', path: folders.shared },
    ],
    ...options,
  });
  const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
  const bob = await makeSpeaker(db, await makePerson(db, 'bob'));
  return { home, db, library, ann, bob, folders };
}

export function skillText(name: string, description = `Use when ${name} is asked for.`, body = `Do ${name}.`): string {
  return `---\nname: ${name}\ndescription: ${description}\n---\n# ${name}\n\n${body}\n`;
}

/** Writes files of a skill into a folder. */
export function putSkill(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), content);
  }
}

export function changeOf(name: string, more: Partial<SkillChange> & Pick<SkillChange, 'steps'>): SkillChange {
  return {
    name,
    author: 'agent',
    reason: 'test',
    turns: [],
    session: undefined,
    isForeign: false,
    as: 'active',
    ...more,
  };
}

/** Makes a skill of the space. */
export async function createSkill(library: OpenedLibrary, scope: Scope, name: string): Promise<string> {
  const change = changeOf(name, { steps: [{ action: 'create', text: skillText(name) }] });
  return (await library.change(scope, change)).id;
}
