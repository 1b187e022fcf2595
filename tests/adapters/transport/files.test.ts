// Names and kinds of files, and whether there is something to send.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { expectFile, mediaKindOf, safeFileName } from '../../../adapters/transport/files.ts';
import type { StoredFile } from '../../../shared/messages.ts';

it.each([
  ['a.png', 'a.png'],
  ['../../etc/passwd', '.._.._etc_passwd'],
  ['a"\r\nX-Evil: 1', 'a_X-Evil: 1'],
  ['', 'file'],
  [`${'x'.repeat(200)}.png`, `${'x'.repeat(116)}.png`],
])('the name %j is written %j', (name, safe) => {
  expect(safeFileName(name)).toBe(safe);
});

it.each([
  ['image/png', 'image'],
  ['audio/ogg; codecs=opus', 'audio'],
  ['video/mp4', 'video'],
  ['imagery/x', 'document'],
  ['', 'document'],
])('%j is an %s', (mime, kind) => {
  expect(mediaKindOf(mime)).toBe(kind);
});

it('a file must be there and hold something', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'herald-files-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = async (name: string, content?: string): Promise<StoredFile> => {
    const at = path.join(folder, name);
    if (content !== undefined) await writeFile(at, content);
    return { kind: 'document', path: at, name, mime: 'text/plain', bytes: 0 };
  };
  await expectFile(await file('full', 'x'));
  const refusal = (message: string) => ({ name: 'UnsendableError', code: 'bad_request', message });
  await expect(expectFile(await file('void', ''))).rejects.toMatchObject(refusal('The file void is empty.'));
  const gone = refusal('The file gone is not there any more.');
  await expect(expectFile(await file('gone'))).rejects.toMatchObject(gone);
  await expect(expectFile({ ...(await file('gone')), path: folder })).rejects.toMatchObject(gone);
});
