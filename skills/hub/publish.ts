// Giving a skill to others: a clean folder or zip with nothing but its files, or an entry among the skills of a site.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ensureDir, fileError, writeFileAtomic } from '../../data/files.ts';
import { sha256Hex } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import { makeRedactor } from '../../shared/redact.ts';
import { parseSkill } from '../format.ts';
import { SKILL_FILE } from '../paths.ts';
import { scanFiles, type HubContext } from './context.ts';
import { collectFiles, hashFiles } from './files.ts';
import { appendAudit, hubFolders, parseJson, readText } from './record.ts';
import type { SkillFiles } from './types.ts';

export interface Publication {
  name: string;
  /** Absolute: a folder that gets a folder of the skill's name, or a file that ends in .zip. */
  to?: string | undefined;
  /** Absolute: the top of a site, whose /.well-known/agent-skills gets the skill. */
  site?: string | undefined;
}

export interface Published {
  name: string;
  /** What was written: files and folders. */
  written: readonly string[];
  files: readonly string[];
  hash: string;
}

const SCHEMA = 'https://schemas.agentskills.io/discovery/0.2.0/schema.json';
/** Times in archives are always the same, so that the same skill is the same file. */
const ZIP_TIME = '1980-01-01T12:00:00';

/** Checks and writes it. Rejects with AppError `bad_input` (no valid skill), `not_allowed` (secrets, dangerous, something is there already). */
export async function publishSkill(
  context: HubContext,
  given: SkillFiles,
  publication: Publication,
): Promise<Published> {
  const { name, to, site } = publication;
  const files = await checkPublishable(context, given, name);
  const written: string[] = [];
  if (to !== undefined && /\.zip$/i.test(to)) {
    refuseExisting(to);
    ensureDir(path.dirname(to));
    writeFileAtomic(to, await zipOf(files, `${name}/`), 0o644);
    written.push(to);
  } else if (to !== undefined) written.push(writeFolder(files, to, name));
  if (site !== undefined) written.push(...(await writeSite(files, site, name)));
  const hash = hashFiles(files).whole;
  appendAudit(hubFolders(context.home), { at: context.clock.now(), action: 'publish', name, hash });
  return { name, written, files: [...files.keys()], hash };
}

async function checkPublishable(context: HubContext, given: SkillFiles, name: string): Promise<SkillFiles> {
  const collected = collectFiles();
  for (const [file, content] of given) collected.add(file, content);
  const files = collected.files();
  const text = new TextDecoder().decode(files.get(SKILL_FILE));
  await parseSkill(text, { file: SKILL_FILE, mode: 'strict', name });
  const secrets = findSecrets(files, context.secrets ?? []);
  if (secrets.length > 0)
    throw new AppError(
      'not_allowed',
      `It holds what looks like a key or password: ${secrets.slice(0, 10).join(', ')}. Take it out first; nothing was published.`,
    );
  const { verdict, findings } = scanFiles(files);
  if (verdict === 'dangerous')
    throw new AppError(
      'not_allowed',
      `Others could not install it, because it looks dangerous: ${findings.slice(0, 5).join('; ')}. Nothing was published.`,
    );
  return files;
}

/** file:line of what looks like a secret or is one of `known`; the secrets themselves are not told. */
function findSecrets(files: SkillFiles, known: readonly string[]): readonly string[] {
  const redactor = makeRedactor(known);
  const found: string[] = [];
  for (const [file, content] of files) {
    const text = new TextDecoder().decode(content);
    if (redactor.redact(text) === text) continue;
    const lines = text
      .split('\n')
      .flatMap((line, index) => (redactor.redact(line) === line ? [] : [`${file}:${index + 1}`]));
    found.push(...(lines.length === 0 ? [file] : lines));
  }
  return found;
}

function writeFolder(files: SkillFiles, to: string, name: string): string {
  const target = path.join(to, name);
  refuseExisting(target);
  ensureDir(to);
  const temporary = path.join(to, `.${name}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    for (const [file, content] of files) {
      const full = path.join(temporary, ...file.split('/'));
      fs.mkdirSync(path.dirname(full), { recursive: true });
      fs.writeFileSync(full, content, { flag: 'wx' });
    }
    fs.renameSync(temporary, target);
  } catch (error) {
    fs.rmSync(temporary, { recursive: true, force: true });
    throw fileError(error, target);
  }
  return target;
}

function refuseExisting(target: string): void {
  if (fs.existsSync(target))
    throw new AppError(
      'not_allowed',
      `${target} is there already. Choose another place or take it away; nothing was published.`,
    );
}

async function zipOf(files: SkillFiles, prefix: string): Promise<Uint8Array> {
  const { zipSync } = await import('fflate');
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return zipSync(Object.fromEntries(sorted.map(([file, content]) => [`${prefix}${file}`, content])), {
    mtime: ZIP_TIME,
    level: 9,
  });
}

const indexSchema = z.looseObject({ skills: z.array(z.looseObject({ name: z.string() })) });

/** Entries of other skills stay. https://github.com/cloudflare/agent-skills-discovery-rfc, version 0.2.0, read 2026-11-21. */
async function writeSite(files: SkillFiles, site: string, name: string): Promise<readonly string[]> {
  const folder = path.join(site, '.well-known', 'agent-skills');
  const indexFile = path.join(folder, 'index.json');
  const before = readText(indexFile);
  const index = before === undefined ? { skills: [] } : indexSchema.safeParse(parseJson(before)).data;
  if (!index)
    throw new AppError(
      'bad_input',
      `${indexFile} is no index of skills. Mend it or take it away; nothing was published.`,
    );
  const skill = files.get(SKILL_FILE) ?? new Uint8Array();
  const isAlone = files.size === 1;
  const artifact = isAlone ? skill : await zipOf(files, '');
  const relative = isAlone ? `${name}/${SKILL_FILE}` : `${name}.zip`;
  const file = path.join(folder, ...relative.split('/'));
  ensureSiteFolder(path.dirname(file));
  writeFileAtomic(file, artifact, 0o644);
  const { description } = await parseSkill(new TextDecoder().decode(skill), { file: SKILL_FILE, mode: 'strict', name });
  const entry = {
    name,
    type: isAlone ? 'skill-md' : 'archive',
    description,
    url: relative,
    digest: `sha256:${sha256Hex(artifact)}`,
  };
  const others = index.skills.filter((one) => one.name !== name);
  const skills = [...others, entry].sort((a, b) => (a.name < b.name ? -1 : 1));
  writeFileAtomic(indexFile, `${JSON.stringify({ $schema: SCHEMA, ...index, skills }, null, 2)}\n`, 0o644);
  return [file, indexFile];
}

/** A web server of another user must be able to read it. */
function ensureSiteFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw fileError(error, folder);
  }
}
