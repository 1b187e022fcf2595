// Sites that publish skills under /.well-known: both versions of the discovery format. Digests are checked where there are any.
// https://github.com/cloudflare/agent-skills-discovery-rfc (0.1: files of each skill; 0.2: one artifact with a digest), read 2026-11-21.
import { z } from 'zod';
import { sha256Hex } from '../../../shared/digest.ts';
import { AppError } from '../../../shared/errors.ts';
import { collectFiles, filesBelow, MAX_FILE_BYTES, MAX_FILES, pathProblem } from '../files.ts';
import { SKILL_FILE } from '../../paths.ts';
import { formatReference } from '../reference.ts';
import type { FetchedSkill, FoundSkill, HubFetch, Offer, Reference, SkillFiles, SkillSource } from '../types.ts';
import { MAX_ARCHIVE_BYTES, readArchive } from './archive.ts';
import { topOfArchive } from './direct.ts';
import { download, downloadJson } from './download.ts';

const PATHS: readonly string[] = ['.well-known/agent-skills/index.json', '.well-known/skills/index.json'];
const MAX_INDEX_BYTES = 4 * 1024 * 1024;
const MAX_ENTRIES = 2_000;
const KNOWN_SCHEMA = /^https:\/\/schemas\.agentskills\.io\/discovery\/0\.[12]\.\d+\//;

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const heading = { name: z.string().regex(NAME), description: z.string().max(4_096).default('') };
const entrySchema = z.union([
  z.object({ ...heading, type: z.enum(['skill-md', 'archive']), url: z.string(), digest: z.string() }),
  z.object({ ...heading, files: z.array(z.string()).min(1).max(MAX_FILES) }),
]);
type Entry = z.infer<typeof entrySchema>;

const indexSchema = z.object({ $schema: z.string().optional(), skills: z.array(z.unknown()).max(MAX_ENTRIES) });

type SiteReference = Extract<Reference, { source: 'well-known' }>;

interface Index {
  address: string;
  entries: readonly Entry[];
}

interface Visit {
  fetch: HubFetch;
  signal: AbortSignal | undefined;
}

export function makeWellKnownSource(fetch: HubFetch): SkillSource<'well-known'> {
  return { open: (reference, signal) => openSite({ fetch, signal }, reference) };
}

async function openSite(visit: Visit, reference: SiteReference): Promise<Offer> {
  const index = await findIndex(visit, reference.base);
  const wanted = reference.skill;
  const entries = index.entries.filter(({ name }) => wanted === undefined || name === wanted);
  const skills = entries.map(({ name, description }): FoundSkill => {
    return { name, description, reference: formatReference({ ...reference, skill: name }), trust: 'community' };
  });
  return {
    skills,
    async fetch(skill) {
      const entry = entries[skills.indexOf(skill)];
      if (!entry) throw new AppError('internal', 'This skill is not of this site.');
      return fetchEntry(visit, index, { entry, identifier: skill.reference });
    },
  };
}

/** Below the address first, then at the top of the site. */
async function findIndex({ fetch, signal }: Visit, base: string): Promise<Index> {
  const { origin } = new URL(base);
  const bases = base === origin ? [origin] : [base, origin];
  for (const address of bases.flatMap((one) => PATHS.map((path) => `${one}/${path}`))) {
    const wanted = { schema: indexSchema, what: 'an index of skills', maxBytes: MAX_INDEX_BYTES, signal };
    const answer = await downloadJson(fetch, address, wanted).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'not_found') return undefined;
      throw error;
    });
    if (!answer) continue;
    const { $schema, skills } = answer.value;
    if ($schema !== undefined && !KNOWN_SCHEMA.test($schema))
      throw new AppError(
        'bad_input',
        `The skills of ${new URL(base).hostname} are listed in a format that this Herald does not know. Nothing was changed.`,
      );
    const entries = skills.flatMap((one) => {
      const parsed = entrySchema.safeParse(one);
      return parsed.success ? [parsed.data] : [];
    });
    return { address: answer.response.url, entries };
  }
  throw new AppError(
    'not_found',
    `${new URL(base).hostname} publishes no skills (${PATHS.join(', ')}). Nothing was changed.`,
  );
}

async function fetchEntry(
  visit: Visit,
  index: Index,
  { entry, identifier }: { entry: Entry; identifier: string },
): Promise<FetchedSkill> {
  const base: Pick<FetchedSkill, 'source' | 'identifier' | 'trust'> = {
    source: 'well-known',
    identifier,
    trust: 'community',
  };
  if ('files' in entry) return { ...base, files: await fetchFiles(visit, index, entry), revision: undefined };
  const wanted = /^sha256:([0-9a-f]{64})$/i.exec(entry.digest)?.[1]?.toLowerCase();
  if (wanted === undefined)
    throw new AppError('bad_input', `The site gives no usable digest of ${entry.name}. Nothing was installed.`);
  const { body } = await download(visit.fetch, new URL(entry.url, index.address).href, {
    what: `skill ${entry.name}`,
    maxBytes: entry.type === 'archive' ? MAX_ARCHIVE_BYTES : MAX_FILE_BYTES,
    signal: visit.signal,
  });
  if (sha256Hex(body) !== wanted)
    throw new AppError('bad_input', `${entry.name} is not what the site's digest says. Nothing was installed.`);
  const files = entry.type === 'archive' ? topOfArchive(await readArchive(body)) : new Map([[SKILL_FILE, body]]);
  return { ...base, files, revision: `sha256:${wanted}` };
}

async function fetchFiles(
  { fetch, signal }: Visit,
  index: Index,
  entry: Extract<Entry, { files: string[] }>,
): Promise<SkillFiles> {
  const files = collectFiles();
  for (const path of entry.files) {
    const problem = pathProblem(path);
    if (problem !== undefined)
      throw new AppError(
        'bad_input',
        `The file ${JSON.stringify(path)} is refused: ${problem}. Nothing was installed.`,
      );
  }
  for (const path of entry.files) {
    const address = new URL(`${entry.name}/${path.split('/').map(encodeURIComponent).join('/')}`, index.address).href;
    const { body } = await download(fetch, address, { what: `file ${path}`, maxBytes: MAX_FILE_BYTES, signal });
    files.add(path, body);
  }
  return filesBelow(files.files(), '');
}
