// The key that signs the record: made once, private, and never replaced by surprise.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSigner, openVerifier } from '../../../gateway/compose/signer.ts';

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-signer-'));
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const hash = createHash('sha256').update('entry').digest('hex');

test('is the same after a restart, and tells its own signatures from others', () => {
  const first = openSigner(home);
  const signature = first.sign(hash);
  const again = openSigner(home);
  expect(again.publicKey).toBe(first.publicKey);
  expect(again.verify(hash, signature)).toBe(true);
  expect(again.verify(createHash('sha256').update('other').digest('hex'), signature)).toBe(false);
  expect(again.verify(hash, '00'.repeat(64))).toBe(false);
});

test('is not made for proving alone', () => {
  expect(() => openVerifier(home)).toThrow(expect.objectContaining({ code: 'not_found' }));
  expect(fs.readdirSync(home)).toEqual([]);
  const signer = openSigner(home);
  expect(openVerifier(home).verify(hash, signer.sign(hash))).toBe(true);
});

test('lies in a file that only its owner reads', () => {
  openSigner(home);
  const file = path.join(home, 'keys', 'ledger.pem');
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(fs.statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
});

test.each([
  ['nothing', ''],
  ['no key', 'hello'],
  ['half a key', '-----BEGIN PRIVATE KEY-----\nMC4CAQ'],
])('a file with %s is refused and left as it is', (_name, content) => {
  fs.mkdirSync(path.join(home, 'keys'));
  const file = path.join(home, 'keys', 'ledger.pem');
  fs.writeFileSync(file, content);
  expect(() => openSigner(home)).toThrow(expect.objectContaining({ code: 'config_unreadable' }));
  expect(fs.readFileSync(file, 'utf8')).toBe(content);
});
