// Sealed file ids: only what was made here for this chat opens.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanName, contentDisposition, loadKey, makeFileSeal, refOf } from '../../../adapters/local-chat/files.ts';
import { chatId } from '../../../shared/ids.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import type { StoredFile } from '../../../shared/messages.ts';

const chat = chatId('chat-1');
const file: StoredFile = {
  kind: 'image',
  path: '/home/someone/.herald/blobs/ab/cdef',
  name: 'photo.png',
  mime: 'image/png',
  bytes: 123,
};
const key = Buffer.alloc(32, 7);

describe('file ids', () => {
  it('open to the same file, stay the same, and show neither path nor name', () => {
    const seal = makeFileSeal(key);
    const sealed = seal.seal(chat, file);
    expect(seal.unseal(chat, sealed.id)).toEqual(file);
    expect(makeFileSeal(key).seal(chat, file)).toEqual(sealed);
    expect(Buffer.from(sealed.id, 'base64url').toString('latin1')).not.toMatch(/herald|photo/);
    expect(Object.keys(sealed)).not.toContain('path');
    expect(seal.unsealRef(refOf(chat, sealed.id))).toEqual(file);
  });

  it('do not open in another chat, with another key, or changed', () => {
    const seal = makeFileSeal(key);
    const { id } = seal.seal(chat, file);
    expect(seal.unseal(chatId('chat-2'), id)).toBeUndefined();
    expect(makeFileSeal(Buffer.alloc(32, 8)).unseal(chat, id)).toBeUndefined();
    const raw = Buffer.from(id, 'base64url');
    fc.assert(
      fc.property(fc.nat(raw.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(raw);
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(seal.unseal(chat, changed.toString('base64url'))).toBeUndefined();
      }),
    );
    for (const ref of ['', 'no-such-file', '/', `${chat}/`, `${chat}/${id}x`, id])
      expect(seal.unsealRef(ref)).toBeUndefined();
  });

  it('use a key that is made once', async () => {
    const { cursor } = makeRecordingHost().host;
    const first = await loadKey(cursor, 'file-key');
    expect(first).toHaveLength(32);
    expect(await loadKey(cursor, 'file-key')).toEqual(first);
    expect(await loadKey(cursor, 'other-key')).not.toEqual(first);
  });
});

describe('names of files', () => {
  it.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\x.txt', 'x.txt'],
    ['a\u0000b\r\n\u202etxt.exe', 'abtxt.exe'],
    ['..', 'file'],
    ['', 'file'],
    ['Übersicht.pdf', 'Übersicht.pdf'],
  ])('%j becomes %j', (name, clean) => expect(cleanName(name)).toBe(clean));

  it('never break the header that carries them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
        const value = contentDisposition('attachment', name);
        expect(value).toMatch(
          /^attachment; filename="[\x20\x21\x23-\x5b\x5d-\x7e]*"; filename\*=UTF-8''[A-Za-z0-9!.~_%-]*$/,
        );
        expect(() => new Headers({ 'content-disposition': value })).not.toThrow();
      }),
    );
  });
});
