// Archives of strangers, read in memory: nothing is written while reading, links and bombs are refused, limits are those of a skill.
import { crc32, gunzipSync } from 'node:zlib';
import { AppError } from '../../../shared/errors.ts';
import { collectFiles, isLitter, MAX_SKILL_BYTES, pathProblem } from '../files.ts';
import type { SkillFiles } from '../types.ts';

/** Of an archive as it is downloaded. */
export const MAX_ARCHIVE_BYTES = MAX_SKILL_BYTES;
/** Headers and padding of tar come on top of what the files hold. */
const MAX_TAR_BYTES = MAX_SKILL_BYTES + 2 * 1024 * 1024;

/** The files of a zip or tar.gz. Rejects with AppError `bad_input` or `too_large`. */
export async function readArchive(bytes: Uint8Array): Promise<SkillFiles> {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return readZip(bytes);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return readTar(unpack(bytes));
  throw broken('It is neither a zip nor a tar.gz');
}

interface ZipEntry {
  name: string;
  crc: number;
  bytes: number;
}

async function readZip(bytes: Uint8Array): Promise<SkillFiles> {
  const entries = listZip(bytes);
  const files = collectFiles();
  let expected = 0;
  for (const { name, bytes: size } of entries.values()) {
    files.expect(name, size);
    if (!isLitter(name)) expected += size;
  }
  // No more than this is ever unpacked: the library fills a buffer of the size that the directory states.
  if (expected > MAX_SKILL_BYTES) throw tooLarge();
  const { unzipSync } = await import('fflate');
  const unpacked = reading(() =>
    unzipSync(bytes, { filter: ({ name, originalSize }) => isWanted(entries.get(name), originalSize) }),
  );
  for (const [name, content] of Object.entries(unpacked)) {
    const entry = entries.get(name);
    if (!entry || content.byteLength !== entry.bytes || crc32(content) !== entry.crc)
      throw broken(`${JSON.stringify(name)} is not what its directory says`);
    files.add(name, content);
  }
  return files.files();
}

function isWanted(entry: ZipEntry | undefined, originalSize: number): boolean {
  return entry !== undefined && !isLitter(entry.name) && entry.bytes === originalSize;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LINK = 0o120000;
const TYPE_BITS = 0o170000;

/** The central directory, without folders: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT §4.3.12 and §4.3.16. */
function listZip(bytes: Uint8Array): Map<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const entries = new Map<string, ZipEntry>();
  for (let index = 0; index < count; index++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== DIRECTORY_ENTRY)
      throw broken('Its directory is damaged');
    const nameBytes = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    if ((view.getUint16(at + 8, true) & 1) !== 0) throw broken(`${JSON.stringify(name)} is encrypted`);
    const type = (view.getUint32(at + 38, true) >>> 16) & TYPE_BITS;
    if (type === LINK) throw isLink(name);
    if (!name.endsWith('/')) {
      if (entries.has(name)) throw broken(`${JSON.stringify(name)} is in it twice`);
      entries.set(name, { name, crc: view.getUint32(at + 16, true), bytes: view.getUint32(at + 24, true) });
    }
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/** Its last 22 bytes, before a comment of up to 65,535. */
function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - 22 - 0xffff);
  for (let at = view.byteLength - 22; at >= first; at--) if (view.getUint32(at, true) === END_OF_DIRECTORY) return at;
  throw broken('Its directory is missing');
}

function unpack(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_TAR_BYTES });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw broken('It cannot be unpacked', cause);
  }
}

const BLOCK = 512;

/** ustar with the pax and GNU ways of long names: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html. */
function readTar(bytes: Uint8Array): SkillFiles {
  const files = collectFiles();
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= bytes.byteLength;) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = octal(header, 124, 12);
    if (checksum(header) !== octal(header, 148, 8)) throw broken('A header of it is damaged');
    const content = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (content.byteLength !== size) throw broken('It ends too early');
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const name = (longName ?? tarName(header)).replace(/^(?:\.\/)+/, '');
    const type = String.fromCharCode(header[156] ?? 0);
    switch (type) {
      case 'x':
        longName = paxPath(content) ?? longName;
        continue;
      case 'L':
        longName = field(content, 0, content.byteLength);
        continue;
      case 'g':
        continue;
      case '5':
        checkFolder(name);
        break;
      case '0':
      case '\0':
        files.expect(name, size);
        files.add(name, content);
        break;
      case '1':
      case '2':
        throw isLink(name);
      default:
        throw broken(`${JSON.stringify(name)} is not a file`);
    }
    longName = undefined;
  }
  return files.files();
}

/** Nothing is made of it, but it tells what the archive is up to. */
function checkFolder(name: string): void {
  const path = name.replace(/\/+$/, '');
  const problem = path === '' || path === '.' || isLitter(name) ? undefined : pathProblem(path);
  if (problem !== undefined) throw broken(`The folder ${JSON.stringify(name)} is refused: ${problem}`);
}

function tarName(header: Uint8Array): string {
  const prefix = field(header, 257, 5) === 'ustar' ? field(header, 345, 155) : '';
  const name = field(header, 0, 100);
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Records "<length> path=<value>\n" of a pax header. */
function paxPath(content: Uint8Array): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < content.byteLength;) {
    const space = content.indexOf(0x20, at);
    const length = space < 0 ? NaN : Number(field(content, at, space - at));
    if (!Number.isInteger(length) || length <= space - at || at + length > content.byteLength)
      throw broken('A header of it is damaged');
    const record = new TextDecoder().decode(content.subarray(space + 1, at + length - 1));
    if (record.startsWith('path=')) path = record.slice('path='.length);
    at += length;
  }
  return path;
}

function octal(bytes: Uint8Array, at: number, length: number): number {
  const text = field(bytes, at, length).trim();
  if (!/^[0-7]*$/.test(text)) throw broken('A header of it is damaged');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

/** Sum of all bytes of the header, its own field counted as spaces. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum;
}

/** Text up to the first zero byte. */
function field(bytes: Uint8Array, at: number, length: number): string {
  const part = bytes.subarray(at, at + length);
  const end = part.indexOf(0);
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end));
}

function reading<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw broken('It cannot be unpacked', cause);
  }
}

function isLink(name: string): AppError {
  return broken(`${JSON.stringify(name)} is a link`);
}

function broken(why: string, cause?: unknown): AppError {
  return new AppError('bad_input', `The archive is refused. ${why}. Nothing was installed.`, { cause });
}

function tooLarge(): AppError {
  return new AppError('too_large', 'What the archive holds is larger than 10 MiB. Nothing was installed.');
}
