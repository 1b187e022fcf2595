// How a person names a skill: GitHub repository, skills.sh, a site, the address of a file or archive, a folder.
import { AppError } from '../../shared/errors.ts';
import { lastSegment } from './files.ts';
import type { Reference } from './types.ts';

/** https://docs.github.com/en/rest/repos/repos: letters, digits, hyphens; names of repositories also dots and underscores. */
const OWNER = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/;
const REPO = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;
const REF = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;
const WELL_KNOWN = /\/\.well-known\/(?:agent-)?skills(?:\/(?:index\.json)?)?$/;

/**
 * Understands `owner/repo[/path][@ref]`, `github:…`, `skills.sh:owner/repo/skill`, addresses of github.com and skills.sh,
 * `https://site[#skill]`, `https://…/SKILL.md`, `https://…/skill.zip|.tar.gz|.tgz[#skill]`, and folders or archives as absolute paths.
 * Throws AppError `bad_input`.
 */
export function parseReference(text: string): Reference {
  const trimmed = text.trim();
  if (trimmed.length > 2_000) throw unknown(text);
  if (/^https?:\/\//i.test(trimmed)) return parseAddress(trimmed);
  if (trimmed.startsWith('folder:')) return parseFolder(trimmed.slice('folder:'.length));
  if (/^(?:\/|[A-Za-z]:[\\/])/.test(trimmed)) return parseFolder(trimmed);
  const known = /^(github|skills\.sh|skills-sh|well-known):(.+)$/.exec(trimmed);
  const [, kind, rest = ''] = known ?? [];
  if (kind === 'well-known') return parseSite(/^https?:/i.test(rest) ? rest : `https://${rest}`);
  if (kind === 'skills.sh' || kind === 'skills-sh') return parseListed(rest);
  return parseRepository(kind === 'github' ? rest : trimmed);
}

/** The text that leads to the same place again. */
export function formatReference(reference: Reference): string {
  switch (reference.source) {
    case 'github': {
      const { owner, repo, path, ref } = reference;
      return `github:${owner}/${repo}${path === undefined ? '' : `/${path}`}${ref === undefined ? '' : `@${ref}`}`;
    }
    case 'well-known':
      return `well-known:${reference.base}${fragment(reference.skill)}`;
    case 'url':
      return `${reference.url}${fragment(reference.skill)}`;
    case 'folder':
      return `folder:${reference.path}${fragment(reference.skill)}`;
  }
}

function fragment(skill: string | undefined): string {
  return skill === undefined ? '' : `#${skill}`;
}

function parseRepository(text: string): Reference {
  const at = text.lastIndexOf('@');
  const ref = at > 0 ? text.slice(at + 1) : undefined;
  const [owner = '', repo = '', ...path] = (at > 0 ? text.slice(0, at) : text).split('/').filter((part) => part !== '');
  if (!OWNER.test(owner) || !REPO.test(repo) || (ref !== undefined && !REF.test(ref)) || path.some(isUp))
    throw unknown(text);
  return { source: 'github', owner, repo: repo.replace(/\.git$/, ''), path: joined(path), ref };
}

/** skills.sh lists skills of repositories as owner/repo/skill, and of sites as site/host/skill: https://www.skills.sh, read 2026-11-21. */
function parseListed(text: string): Reference {
  const [first = '', second = '', third] = text.split('/').filter((part) => part !== '');
  if (first === 'site') return parseSite(`https://${second}${fragment(third)}`);
  return parseRepository(third === undefined ? `${first}/${second}` : `${first}/${second}/${third}`);
}

function parseAddress(text: string): Reference {
  if (!URL.canParse(text)) throw unknown(text);
  const url = new URL(text);
  const parts = url.pathname.split('/').filter((part) => part !== '');
  if (url.username !== '' || url.password !== '')
    throw new AppError('bad_input', 'An address with a password in it is not taken. Nothing was fetched.');
  if (/^(?:www\.)?skills\.sh$/.test(url.hostname)) return parseListed(parts.join('/'));
  if (/^(?:www\.)?github\.com$/.test(url.hostname) && !isArchive(url.pathname)) return parseGithubPage(parts, text);
  const [owner = '', repo = '', ref = '', ...path] = parts;
  if (url.hostname === 'raw.githubusercontent.com') return parseGithubPage([owner, repo, 'blob', ref, ...path], text);
  if (isArchive(url.pathname) || /\.md$/i.test(url.pathname)) {
    const skill = readFragment(url);
    return { source: 'url', url: url.href, skill };
  }
  return parseSite(url.href);
}

/** https://github.com/owner/repo, …/tree/ref/path, …/blob/ref/path/SKILL.md */
function parseGithubPage(parts: readonly string[], text: string): Reference {
  const [owner = '', repo = '', view, ref, ...path] = parts.map(decode);
  if (view === undefined) return parseRepository(`${owner}/${repo}`);
  if ((view !== 'tree' && view !== 'blob') || ref === undefined) throw unknown(text);
  const folder = lastSegment(path.join('/')) === 'SKILL.md' ? path.slice(0, -1) : path;
  const plain = ref === 'HEAD' ? '' : `@${ref}`;
  return parseRepository(`${[owner, repo, ...folder].join('/')}${plain}`);
}

function parseSite(text: string): Reference {
  if (!URL.canParse(text)) throw unknown(text);
  const url = new URL(text);
  const skill = readFragment(url);
  url.search = '';
  const base = url.href.replace(WELL_KNOWN, '').replace(/\/+$/, '');
  return { source: 'well-known', base, skill };
}

function parseFolder(text: string): Reference {
  const at = text.lastIndexOf('#');
  const path = at > 0 ? text.slice(0, at) : text;
  return { source: 'folder', path, skill: at > 0 ? text.slice(at + 1) : undefined };
}

/** Takes the fragment off. */
function readFragment(url: URL): string | undefined {
  const text = decode(url.hash.slice(1));
  url.hash = '';
  return text === '' ? undefined : text;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function isArchive(path: string): boolean {
  return /\.(?:zip|tar\.gz|tgz|skill)$/i.test(path);
}

function isUp(part: string): boolean {
  return part === '.' || part === '..';
}

function joined(path: readonly string[]): string | undefined {
  return path.length === 0 ? undefined : path.join('/');
}

function unknown(text: string): AppError {
  return new AppError(
    'bad_input',
    `${JSON.stringify(text.slice(0, 200))} names no skill. Give owner/repo/skill, skills.sh:owner/repo/skill, the address of a site, a SKILL.md or an archive, or a folder.`,
  );
}
