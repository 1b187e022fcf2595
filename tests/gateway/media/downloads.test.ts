// Names that people give their files must not decide where or whether a file is kept.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeFileStore, safeName } from '../../../gateway/media/downloads.ts';
import { temporaryFolder } from '../../data/temporary-data.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

test.each([
  ['many long letters', '漢'.repeat(300) + '.txt'],
  ['letters outside the basic plane', '𠀀'.repeat(300) + '.txt'],
  ['a long ending', `a.${'漢'.repeat(300)}`],
  ['folders', '../../../etc/passwd'],
  ['folders of Windows', '..\\..\\evil.txt'],
  ['nothing', ''],
  ['dots', '...'],
  ['a zero byte', 'a\0b.txt'],
])('a file whose name has %s is kept in the folder of files', async (_, name) => {
  const home = temporaryFolder();
  const store = makeFileStore({ home, clock: makeFakeClock(), maxBytes: 1_000 });
  const kept = await store.keep(name, 'text/plain', new Blob(['hello']).stream());
  expect(path.dirname(kept.path)).toBe(path.join(home, 'files'));
  expect(fs.readFileSync(kept.path, 'utf8')).toBe('hello');
  expect(fs.statSync(kept.path).mode & 0o777).toBe(0o600);
  expect(kept.name.isWellFormed()).toBe(true);
});

test('an ending survives the cut', () => {
  expect(safeName('漢'.repeat(300) + '.txt')).toMatch(/^漢{20,}\.txt$/);
});
