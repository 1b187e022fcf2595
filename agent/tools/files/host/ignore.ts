// What .gitignore files leave out, by git's own rules: https://git-scm.com/docs/gitignore (read 2026-11-21). Tested against git itself.
import { matchGlob } from './glob.ts';

export interface IgnoreRules {
  /** `path`: from the folder of the topmost rules on, without a slash at its ends. Its folders must be known not to be ignored. */
  ignores(path: string, isFolder: boolean): boolean;
  /** These rules and those of the .gitignore of `folder` (a path as above, '' for the top); the later ones win. */
  with(folder: string, content: string): IgnoreRules;
}

interface Rule {
  folder: string;
  glob: string;
  isNegated: boolean;
  onlyFolders: boolean;
}

/** More rules than people write; beyond them a file is taken to ignore nothing more. */
const MAX_RULES = 2_000;

export const NO_RULES: IgnoreRules = makeRules([]);

function makeRules(rules: readonly Rule[]): IgnoreRules {
  return {
    ignores(path, isFolder) {
      for (let i = rules.length - 1; i >= 0; i--) {
        const rule = rules[i];
        if (rule === undefined || (rule.onlyFolders && !isFolder)) continue;
        const inside = rule.folder === '' ? path : stripFolder(path, rule.folder);
        if (inside !== undefined && matchGlob(rule.glob, inside)) return !rule.isNegated;
      }
      return false;
    },
    with(folder, content) {
      const added = content
        .replace(/^\ufeff/, '')
        .split('\n')
        .map((line) => parseRule(line, folder))
        .filter((rule) => rule !== undefined);
      return added.length === 0 ? this : makeRules([...rules, ...added].slice(0, MAX_RULES));
    },
  };
}

function stripFolder(path: string, folder: string): string | undefined {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : undefined;
}

function parseRule(line: string, folder: string): Rule | undefined {
  let text = line.replace(/\r$/, '');
  // Spaces at the end count only behind a backslash.
  while (text.endsWith(' ') && !text.endsWith('\\ ')) text = text.slice(0, -1);
  if (text === '' || text.startsWith('#')) return undefined;
  const isNegated = text.startsWith('!');
  if (isNegated) text = text.slice(1);
  const onlyFolders = text.endsWith('/');
  if (onlyFolders) text = text.replace(/\/+$/, '');
  if (text === '') return undefined;
  const isAnchored = text.includes('/');
  text = text.replace(/^\//, '');
  // "a/**" is what is in the folder, not the folder.
  const glob = isAnchored ? text.replace(/(^|\/)\*\*$/, '$1**/*') : `**/${text}`;
  return { folder, glob, isNegated, onlyFolders };
}
