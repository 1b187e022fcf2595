// Installs a model: by the name of a known one, by a name and a checksum, or from a file that is there already.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { ensureDir } from '../../../data/files.ts';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { isModelName, KNOWN_MODELS, looksLikeModel, modelFile, type InstalledModel } from '../transcription/models.ts';
import { download } from './download.ts';

export interface ModelInput {
  home: string;
  /** Name, or path of a file. */
  wanted: string;
  /** Of a file that is not one of the known ones. */
  sha256?: string | undefined;
  /** Folder of the files at their host. */
  baseUrl: string;
  clock: Clock;
  fetch: typeof fetch;
  signal: AbortSignal;
  onProgress(done: number, total: number | undefined): void;
}

/** Throws AppError `not_found` for a name that cannot be meant; to be asked before anything long is begun. */
export function expectModel(wanted: string, sha256: string | undefined): void {
  if (!isFile(wanted) && checksumFor(wanted, sha256) === undefined) throw unknownModel(wanted);
}

function isFile(wanted: string): boolean {
  return wanted.includes(path.sep) || wanted.endsWith('.bin');
}

function checksumFor(name: string, given: string | undefined): string | undefined {
  const sha256 = given?.toLowerCase() ?? KNOWN_MODELS.find((model) => model.name === name)?.sha256;
  return isModelName(name) && /^[0-9a-f]{64}$/.test(sha256 ?? '') ? sha256 : undefined;
}

/** Rejects with AppError: what `download` says, `bad_input` or `not_found` for a model that cannot be meant. */
export async function installModel(input: ModelInput): Promise<Omit<InstalledModel, 'installedAt'>> {
  const { name, file } = isFile(input.wanted) ? await copyModel(input) : await downloadModel(input);
  if (!(await looksLikeModel(file))) {
    await fs.rm(file, { force: true });
    throw new AppError('bad_input', `${input.wanted} is no Whisper model in ggml form. Nothing was installed.`);
  }
  return { name, file, bytes: (await fs.stat(file)).size };
}

async function downloadModel(input: ModelInput): Promise<{ name: string; file: string }> {
  const { wanted: name } = input;
  const known = KNOWN_MODELS.find((model) => model.name === name);
  const sha256 = checksumFor(name, input.sha256);
  if (sha256 === undefined) throw unknownModel(name);
  const file = modelFile(input.home, name);
  const bytes = input.sha256 === undefined ? known?.bytes : undefined;
  await download({ ...input, url: `${input.baseUrl.replace(/\/+$/, '')}/ggml-${name}.bin`, file, sha256, bytes });
  return { name, file };
}

async function copyModel({ home, wanted }: ModelInput): Promise<{ name: string; file: string }> {
  const from = path.resolve(wanted);
  const name = path
    .basename(from)
    .replace(/\.bin$/, '')
    .replace(/^ggml-/, '');
  if (!isModelName(name)) throw unknownModel(wanted);
  if (!(await looksLikeModel(from)))
    throw new AppError('bad_input', `${from} is no Whisper model in ggml form. Nothing was installed.`);
  const file = modelFile(home, name);
  ensureDir(path.dirname(file));
  await fs.copyFile(from, `${file}.part`);
  await fs.rename(`${file}.part`, file);
  return { name, file };
}

function unknownModel(name: string): AppError {
  const names = KNOWN_MODELS.map((model) => model.name).join(', ');
  return new AppError(
    'not_found',
    `I know no model ${JSON.stringify(name)}. There are: ${names}. Another one needs its checksum (--sha256), or a path to its file.`,
  );
}
