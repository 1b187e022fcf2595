// Whisper models in ggml form: those that can be downloaded, and those that are there, in $HERALD_HOME/models.
import { promises as fs } from 'node:fs';
import path from 'node:path';

export interface KnownModel {
  name: string;
  bytes: number;
  sha256: string;
  /** For people who choose. */
  about: string;
}

/**
 * Sizes and checksums are those of https://huggingface.co/ggerganov/whisper.cpp (the SHA-256 of each file is its Git LFS id; read
 * 2026-11-21). Names with `.en` know English only and are better at it; q5 are quantized: a third of the size, a little less exact.
 */
export const KNOWN_MODELS: readonly KnownModel[] = [
  model('tiny', 77_691_713, 'be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21', 'quick, many errors'),
  model('tiny.en', 77_704_715, '921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f', 'quick, English'),
  model('base', 147_951_465, '60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe', 'a good start'),
  model('base.en', 147_964_211, 'a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002', 'English'),
  model('base-q5_1', 59_707_625, '422f1ae452ade6f30a004d7e5c6a43195e4433bc370bf23fac9cc591f01a8898', 'small file'),
  model(
    'small',
    487_601_967,
    '1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b',
    'clearly better, slower',
  ),
  model('small.en', 487_614_201, 'c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d', 'English'),
  model('small-q5_1', 190_085_487, 'ae85e4a935d7a567bd102fe55afc16bb595bdb618e11b2fc7591bc08120411bb', 'small file'),
  model('medium', 1_533_763_059, '6c14d5adee5f86394037b4e4e8b59f1673b6cee10e3cf0b11bbdbee79c156208', 'slow'),
  model(
    'medium.en',
    1_533_774_781,
    'cc37e93478338ec7700281a7ac30a10128929eb8f427dda2e865faa8f6da4356',
    'slow, English',
  ),
  model('medium-q5_0', 539_212_467, '19fea4b380c3a618ec4723c3eef2eb785ffba0d0538cf43f8f235e7b3b34220f', 'slow'),
  model(
    'large-v3-turbo',
    1_624_555_275,
    '1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69',
    'the best for its time',
  ),
  model(
    'large-v3-turbo-q5_0',
    574_041_195,
    '394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2',
    'nearly as good, a third of the size',
  ),
  model('large-v3', 3_095_033_483, '64d182b440b98d5203c4f9bd541544d84c605196c4f7b845dfa11fb23594d1e2', 'very slow'),
  model(
    'large-v3-q5_0',
    1_081_140_203,
    'd75795ecff3f83b5faa89d1900604ad8c780abd5739fae406de19f23ecd98ad1',
    'very slow',
  ),
];

export const DEFAULT_MODEL = 'base';

export interface InstalledModel {
  name: string;
  file: string;
  bytes: number;
  installedAt: number;
}

export function modelsDir(home: string): string {
  return path.join(home, 'models');
}

/** Where a model of this name lies. Throws nothing; names are checked by `isModelName`. */
export function modelFile(home: string, name: string): string {
  return path.join(modelsDir(home), `ggml-${name}.bin`);
}

/** Names become parts of file names and addresses. */
export function isModelName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

/** The latest first. Empty when there are none, or none that can be read. */
export async function listModels(home: string): Promise<readonly InstalledModel[]> {
  const folder = modelsDir(home);
  const names = await fs.readdir(folder).catch(() => []);
  const found: InstalledModel[] = [];
  for (const entry of names) {
    const name = /^ggml-(.+)\.bin$/.exec(entry)?.[1];
    if (name === undefined) continue;
    const file = path.join(folder, entry);
    const info = await fs.stat(file).catch(() => undefined);
    if (info?.isFile()) found.push({ name, file, bytes: info.size, installedAt: info.mtimeMs });
  }
  return found.toSorted((a, b) => b.installedAt - a.installedAt || a.name.localeCompare(b.name));
}

/** The model to use: the configured name or path, else the one that was installed last. */
export async function chooseModel(home: string, wanted: string | undefined): Promise<InstalledModel | undefined> {
  const installed = await listModels(home);
  if (wanted === undefined) return installed[0];
  const named = installed.find((one) => one.name === wanted);
  if (named || !path.isAbsolute(wanted)) return named;
  const info = await fs.stat(wanted).catch(() => undefined);
  if (!info?.isFile()) return undefined;
  return { name: path.basename(wanted), file: wanted, bytes: info.size, installedAt: info.mtimeMs };
}

/** The first four bytes of a ggml file as whisper.cpp reads them. */
const MAGIC = 0x67676d6c;

/** Whether a file begins as a model does. False when it cannot be read. */
export async function looksLikeModel(file: string): Promise<boolean> {
  try {
    await using handle = await fs.open(file, 'r');
    const head = Buffer.alloc(4);
    await handle.read(head, 0, head.length, 0);
    return head.readUInt32LE() === MAGIC;
  } catch {
    return false;
  }
}

function model(name: string, bytes: number, sha256: string, about: string): KnownModel {
  return { name, bytes, sha256, about };
}
