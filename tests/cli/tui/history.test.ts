// The history file: what is kept, for whom, and that a broken file does no harm.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openHistory } from '../../../cli/tui/history.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'herald-history-'));
  file = path.join(folder, 'sub', 'history');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('keeps entries of several lines for the next time, readable by the owner alone', async () => {
  const first = await openHistory(file);
  await first.add('one');
  await first.add('two\nlines "quoted"');
  expect((await openHistory(file)).entries).toEqual(['one', 'two\nlines "quoted"']);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

it('leaves out repetitions, blanks, codes, and what begins with a blank', async () => {
  const history = await openHistory(file);
  for (const text of ['a', 'a', '', '  ', ' secret', '/link ABCD2345', '/pair approve ABCD2345', '/status'])
    await history.add(text);
  expect((await openHistory(file)).entries).toEqual(['a', '/status']);
  expect(await readFile(file, 'utf8')).not.toContain('ABCD2345');
});

it('keeps the last thousand', async () => {
  const first = await openHistory(file);
  await first.add('x');
  await writeFile(file, Array.from({ length: 1200 }, (_, i) => `${JSON.stringify(`n${i}`)}\n`).join(''));
  expect((await openHistory(file)).entries).toHaveLength(1000);
  const again = await openHistory(file);
  expect([again.entries[0], again.entries.at(-1)]).toEqual(['n200', 'n1199']);
});

it('survives lines that are broken and a file that cannot be written', async () => {
  const first = await openHistory(file);
  await first.add('good');
  await writeFile(file, '"good"\nbroken\n{"a":1}\n\n"also good"\n');
  expect((await openHistory(file)).entries).toEqual(['good', 'also good']);
  const blocked = await openHistory(path.join(file, 'not-a-folder'));
  await blocked.add('still works');
  expect(blocked.entries).toEqual(['still works']);
});
