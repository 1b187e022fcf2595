// Files of the terminal chat: where received ones are saved, and what kind a sent one is.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { cleanName } from '../../adapters/local-chat/files.ts';
import type { ChatFile } from '../../adapters/local-chat/protocol.ts';
import { AppError } from '../../shared/errors.ts';
import type { ChatClient } from './client.ts';

const MAX_SAME_NAME = 200;

const TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  wav: 'audio/wav',
  m4a: 'audio/mp4',
  mp4: 'video/mp4',
  webm: 'video/webm',
  pdf: 'application/pdf',
  json: 'application/json',
  csv: 'text/csv',
  md: 'text/markdown',
  txt: 'text/plain',
};

/** The type by the name's ending; unknown ones are plain bytes. */
export function guessMime(file: string): string {
  return TYPES[path.extname(file).slice(1).toLowerCase()] ?? 'application/octet-stream';
}

/** Saves a file of the chat in `folder` without overwriting anything; resolves with its path. Rejects when it cannot be had or saved. */
export async function saveFile(client: Pick<ChatClient, 'download'>, file: ChatFile, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { name, ext } = path.parse(cleanName(file.name));
  for (let count = 0; count < MAX_SAME_NAME; count++) {
    const target = path.join(folder, `${name}${count === 0 ? '' : `-${count}`}${ext}`);
    try {
      await client.download(file, target);
      return target;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
  throw new AppError('bad_input', `There are too many files named ${file.name} in ${folder}. Move some away.`);
}
