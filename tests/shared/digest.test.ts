import { expect, test } from 'vitest';
import { isSameSecret, sha256Hex } from '../../shared/digest.ts';

test('names texts and bytes alike, as long as is asked for', () => {
  // printf abc | sha256sum
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(sha256Hex('abc')).toBe(abc);
  expect(sha256Hex(Buffer.from('abc'), 16)).toBe(abc.slice(0, 16));
});

test('knows a secret again, and takes nothing for it that is shorter, longer or empty', () => {
  expect(isSameSecret('s3cret', 's3cret')).toBe(true);
  for (const other of ['', 's3cre', 's3crets', 'S3cret', 's3cret\0'])
    expect(isSameSecret(other, 's3cret'), other).toBe(false);
});
