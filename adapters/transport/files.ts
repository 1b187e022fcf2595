// Files of messages, on their way in and out.
import { stat } from 'node:fs/promises';
import type { MediaKind, StoredFile } from '../../shared/messages.ts';
import { UnsendableError } from './failures.ts';

/** What to call a file of this MIME type. */
export function mediaKindOf(mime: string): MediaKind {
  const [family] = mime.split('/');
  return family === 'image' || family === 'audio' || family === 'video' ? family : 'document';
}

/** Rejects with UnsendableError for a file that is gone or empty. */
export async function expectFile({ path, name }: StoredFile): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile())
    throw new UnsendableError('bad_request', `The file ${safeFileName(name)} is not there any more.`);
  if (found.size === 0) throw new UnsendableError('bad_request', `The file ${safeFileName(name)} is empty.`);
}

/** Without what would leave its folder, or end the name or its line in the header that carries it. */
export function safeFileName(name: string): string {
  return name.replace(/[\r\n"\\/]+/g, '_').slice(-120) || 'file';
}
