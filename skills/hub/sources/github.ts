// Skills in GitHub repositories: two API calls find the newest commit and its tree, the files come from raw.githubusercontent.com and
// are checked against the hashes of the tree, so that what is installed is what that commit holds.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import {
  collectFiles,
  findSkillFolders,
  isLeftOut,
  lastSegment,
  matchFolders,
  MAX_FILE_BYTES,
  MAX_FILES,
  MAX_SKILL_BYTES,
} from '../files.ts';
import { trustOfRepository } from '../policy.ts';
import { formatReference } from '../reference.ts';
import type { FoundSkill, HubFetch, Offer, Reference, SkillFiles, SkillSource } from '../types.ts';
import { download, downloadJson } from './download.ts';

const API = 'https://api.github.com';
const RAW = 'https://raw.githubusercontent.com';
/** A recursive tree ends at 7 MB: https://docs.github.com/en/rest/git/trees, read 2026-11-21. */
const MAX_TREE_BYTES = 16 * 1024 * 1024;
/** Folders of skills that are looked into when the whole tree is too large for one answer. */
const SKILL_ROOTS: readonly string[] = ['skills', '.claude/skills', '.agents/skills'];
const PARALLEL = 6;

const treeSchema = z.object({
  tree: z.array(
    z.object({ path: z.string(), mode: z.string(), type: z.string(), sha: z.string(), size: z.number().optional() }),
  ),
  truncated: z.boolean().default(false),
});
type TreeEntry = z.infer<typeof treeSchema>['tree'][number];

type GithubReference = Extract<Reference, { source: 'github' }>;

export interface GithubSource extends SkillSource<'github'> {
  /** Skills of these repositories whose path has a word of `query`. */
  search(
    query: string,
    repositories: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly FoundSkill[]>;
}

/** What all calls for one reference share. */
interface Visit {
  fetch: HubFetch;
  token: string | undefined;
  signal: AbortSignal | undefined;
}

interface Tree {
  entries: readonly TreeEntry[];
  commit: string;
  /** Answered under another name than was asked for: the old one may soon belong to somebody else. */
  isMoved: boolean;
}

/** `token` is asked for at each visit; without one GitHub allows 60 calls an hour. */
export function makeGithubSource(fetch: HubFetch, token: () => string | undefined): GithubSource {
  const open = (reference: GithubReference, signal: AbortSignal | undefined) =>
    openRepository({ fetch, token: token(), signal }, reference);
  return {
    open,
    async search(query, repositories, signal) {
      const words = query.toLowerCase().split(/\s+/).filter(Boolean);
      const found: FoundSkill[] = [];
      for (const name of repositories) {
        const [owner = '', repo = ''] = name.split('/');
        const { skills } = await open({ source: 'github', owner, repo, path: undefined, ref: undefined }, signal);
        found.push(...skills.filter((skill) => words.some((word) => skill.name.toLowerCase().includes(word))));
      }
      return found;
    },
  };
}

async function openRepository(visit: Visit, reference: GithubReference): Promise<Offer> {
  const tree = await readTree(visit, reference);
  const trust = tree.isMoved ? 'community' : trustOfRepository(reference);
  const all = findSkillFolders(tree.entries.filter(isFile).map(({ path }) => path));
  const folders = matchFolders(all, reference.path);
  const skills = folders.map((folder): FoundSkill => {
    const path = folder === '' ? undefined : folder;
    const name = path === undefined ? reference.repo : lastSegment(path);
    return { name, description: '', reference: formatReference({ ...reference, path }), trust };
  });
  return {
    skills,
    async fetch(skill) {
      const folder = folders[skills.indexOf(skill)];
      if (folder === undefined) throw new AppError('internal', 'This skill is not of this repository.');
      const files = await readFiles(visit, reference, { tree, folder });
      return { files, source: 'github', identifier: skill.reference, revision: tree.commit, trust };
    },
  };
}

function headersOf({ token }: Visit, accept: string): Record<string, string> {
  const headers = { accept, 'user-agent': 'Herald', 'x-github-api-version': '2022-11-28' };
  return token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };
}

async function readTree(visit: Visit, reference: GithubReference): Promise<Tree> {
  const { owner, repo, ref = 'HEAD', path } = reference;
  const base = `${API}/repos/${owner}/${repo}`;
  const what = `repository ${owner}/${repo}${reference.ref === undefined ? '' : ` at ${reference.ref}`}`;
  const { fetch, signal } = visit;
  const address = `${base}/commits/${encodeURIComponent(ref)}`;
  const headers = headersOf(visit, 'application/vnd.github.sha');
  const answer = await download(fetch, address, { what, maxBytes: MAX_FILE_BYTES, headers, signal });
  const commit = new TextDecoder().decode(answer.body).trim();
  if (!/^[0-9a-f]{40,64}$/.test(commit))
    throw new AppError('platform_unreachable', 'GitHub answered something that is no commit. Nothing was changed.');
  const isMoved = new URL(answer.url).pathname !== new URL(address).pathname;
  const read: ReadTree = async (sha, isRecursive) => {
    const { value } = await downloadJson(fetch, `${base}/git/trees/${sha}${isRecursive ? '?recursive=1' : ''}`, {
      what,
      maxBytes: MAX_TREE_BYTES,
      headers: headersOf(visit, 'application/vnd.github+json'),
      schema: treeSchema,
      signal,
    });
    return value;
  };
  const whole = await read(commit, true);
  const entries = whole.truncated ? await readParts(read, commit, path) : whole.tree;
  return { entries, commit, isMoved };
}

type ReadTree = (sha: string, isRecursive: boolean) => Promise<z.infer<typeof treeSchema>>;

/** Of a tree that is too large for one answer: the folder that is asked for, or those where skills usually are. */
async function readParts(read: ReadTree, commit: string, path: string | undefined): Promise<readonly TreeEntry[]> {
  for (const folder of path?.includes('/') ? [path] : SKILL_ROOTS) {
    let sha: string | undefined = commit;
    for (const part of folder.split('/')) {
      if (sha === undefined) break;
      const { tree }: z.infer<typeof treeSchema> = await read(sha, false);
      sha = tree.find((entry) => entry.type === 'tree' && entry.path === part)?.sha;
    }
    if (sha === undefined) continue;
    const part = await read(sha, true);
    if (!part.truncated) return part.tree.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` }));
  }
  throw new AppError(
    'too_large',
    'The repository is too large to be listed. Name the folder of the skill in it: owner/repo/path/to/skill. Nothing was changed.',
  );
}

async function readFiles(
  visit: Visit,
  { owner, repo }: GithubReference,
  { tree, folder }: { tree: Tree; folder: string },
): Promise<SkillFiles> {
  const start = folder === '' ? '' : `${folder}/`;
  const wanted = tree.entries.filter(
    ({ path, type }) => path.startsWith(start) && type !== 'tree' && !isLeftOut(path.slice(start.length)),
  );
  const files = collectFiles();
  for (const entry of wanted) {
    const path = entry.path.slice(start.length);
    if (!isFile(entry))
      throw new AppError(
        'bad_input',
        `${JSON.stringify(path)} is a link or another repository. Nothing was installed.`,
      );
    files.expect(path, entry.size ?? 0);
  }
  const total = wanted.reduce((sum, { size = 0 }) => sum + size, 0);
  if (wanted.length > MAX_FILES || total > MAX_SKILL_BYTES)
    throw new AppError('too_large', `The skill has more than ${MAX_FILES} files or 10 MiB. Nothing was installed.`);
  const contents = await mapInParallel(wanted, async ({ path, sha }) => {
    const address = `${RAW}/${owner}/${repo}/${tree.commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
    const { body } = await download(visit.fetch, address, {
      what: `file ${JSON.stringify(path)}`,
      maxBytes: MAX_FILE_BYTES,
      headers: headersOf(visit, '*/*'),
      signal: visit.signal,
    });
    if (blobHash(body, sha) === sha) return body;
    throw new AppError('bad_input', `${path} is not the file that its commit names. Nothing was installed.`);
  });
  for (const [index, content] of contents.entries()) files.add(wanted[index]?.path.slice(start.length) ?? '', content);
  return files.files();
}

/** Not a link (mode 120000), not another repository (type commit). */
function isFile({ type, mode }: TreeEntry): boolean {
  return type === 'blob' && mode !== '120000';
}

/** As `git hash-object` makes it: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects. Newer repositories use sha256. */
function blobHash(content: Uint8Array, like: string): string {
  const algorithm = like.length === 64 ? 'sha256' : 'sha1';
  return createHash(algorithm).update(`blob ${content.byteLength}\0`).update(content).digest('hex');
}

async function mapInParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += PARALLEL)
    results.push(...(await Promise.all(items.slice(at, at + PARALLEL).map(work))));
  return results;
}
