// Archives of strangers: honest ones of all shapes are read, hostile ones refused, and no path ever leads out of the skill.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import path from 'node:path';
import { isLeftOut, MAX_FILES, pathProblem } from '../../../skills/hub/files.ts';
import { readArchive } from '../../../skills/hub/sources/archive.ts';
import { skillText } from '../../support/skill-hub.ts';
import { patchDirectory, paxRecord, tarGz, zip } from './archives.ts';
import { failure } from './bench.ts';

const SKILL = skillText('pdf');
const decoded = (files: ReadonlyMap<string, Uint8Array>) =>
  Object.fromEntries([...files].map(([file, content]) => [file, new TextDecoder().decode(content)]));

describe('honest archives', () => {
  it('reads zip and tar.gz with folders, long names and litter', async () => {
    const long = `references/${'long-'.repeat(25)}name.md`;
    const expected = { 'SKILL.md': SKILL, 'references/é.md': 'accents', [long]: 'long' };
    expect(decoded(await readArchive(zip({ ...expected, '__MACOSX/._SKILL.md': 'x', '.DS_Store': 'x' })))).toEqual(
      expected,
    );
    const tar = tarGz([
      { name: 'pax_global_header', type: 'g', content: '52 comment=0123456789012345678901234567890123456789\n' },
      { name: './', type: '5' },
      { name: './SKILL.md', content: SKILL },
      { name: 'references/', type: '5' },
      { name: 'references/é.md', content: 'accents' },
      { name: 'PaxHeader/x', type: 'x', content: paxRecord(long) },
      { name: long.slice(0, 100), content: 'long' },
      { name: '.DS_Store', content: 'x' },
    ]);
    expect(decoded(await readArchive(tar))).toEqual(expected);
    const gnu = tarGz([
      { name: '././@LongLink', type: 'L', content: `${long}\0` },
      { name: long.slice(0, 100), content: 'long' },
    ]);
    expect(decoded(await readArchive(gnu))).toEqual({ [long]: 'long' });
  });
});

describe('hostile archives', () => {
  const many = Object.fromEntries(Array.from({ length: MAX_FILES + 1 }, (_, index) => [`f${index}`, 'x']));
  const zeros = new Uint8Array(900_000);
  const bomb = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`f${index}`, zeros]));
  it.each<[string, Uint8Array, RegExp]>([
    ['a zip that climbs out', zip({ '../../.bashrc': 'x' }), /not within the skill/],
    ['a zip with an absolute path', zip({ '/etc/cron.d/x': 'x' }), /not within the skill/],
    ['a zip with a path of Windows', zip({ '..\\..\\x': 'x' }), /odd characters/],
    ['a zip with a link', zip({ 'SKILL.md': SKILL, keys: '../../.ssh/id_rsa' }, ['keys']), /is a link/],
    ['a zip with a name twice on disks without case', zip({ 'a.md': '1', 'A.md': '2' }), /there twice/],
    ['a zip of too many files', zip(many), /more than 200 files/],
    ['a zip bomb that says so', zip(bomb), /larger than 10 MiB/],
    ['a zip bomb that lies', patchDirectory(zip(bomb), 24, 10), /not what its directory says|cannot be unpacked/],
    ['a zip with another checksum', patchDirectory(zip({ 'SKILL.md': SKILL }), 16, 7), /not what its directory says/],
    ['a zip that is encrypted', patchDirectory(zip({ 'SKILL.md': SKILL }), 8, 1), /encrypted/],
    ['a zip without end', zip({ 'SKILL.md': SKILL }).subarray(0, 60), /directory is missing/],
    ['a tar that climbs out', tarGz([{ name: '../x', content: 'x' }]), /not within the skill/],
    [
      'a tar that climbs out by pax',
      tarGz([{ name: 'x', type: 'x', content: paxRecord('a/../../x') }, { name: 'x' }]),
      /not within/,
    ],
    ['a tar with a folder outside', tarGz([{ name: '../up/', type: '5' }]), /folder .* is refused/],
    ['a tar with a link', tarGz([{ name: 'x', type: '2', target: '/etc/passwd' }]), /is a link/],
    ['a tar with a hard link', tarGz([{ name: 'x', type: '1', target: 'SKILL.md' }]), /is a link/],
    ['a tar with a device', tarGz([{ name: 'x', type: '3' }]), /is not a file/],
    ['a tar bomb', tarGz(Object.keys(bomb).map((name) => ({ name, content: zeros }))), /larger than 10 MiB/],
    ['a tar with a large file', tarGz([{ name: 'x', content: new Uint8Array(1_100_000) }]), /larger than 1 MiB/],
    [
      'a tar with a bad header',
      tarGz([{ name: 'x', type: 'x', content: '9999999 path=x\n' }]),
      /header of it is damaged/,
    ],
    ['something else', Buffer.from('<html>not found</html>'), /neither a zip nor a tar.gz/],
    ['nothing', new Uint8Array(), /neither a zip nor a tar.gz/],
  ])('refuses %s', async (_, archive, message) => {
    const refused = await failure(readArchive(archive));
    expect(refused.publicMessage).toMatch(message);
    expect(refused.publicMessage).toContain('Nothing was installed');
    expect(['bad_input', 'too_large']).toContain(refused.code);
  });

  it('reads damaged archives to an end: an AppError or files, and only files within', async () => {
    const whole = [
      zip({ 'SKILL.md': SKILL, 'a/b.md': 'b' }),
      tarGz([{ name: 'SKILL.md', content: SKILL }, { name: 'a/b.md' }]),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...whole),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (archive, changes) => {
          const copy = Buffer.from(archive);
          for (const [at, byte] of changes) copy[at % copy.byteLength] = byte;
          const files = await readArchive(copy).catch((error: unknown) => {
            expect(error).toHaveProperty('code', expect.stringMatching(/^(?:bad_input|too_large)$/));
            return new Map<string, Uint8Array>();
          });
          for (const file of files.keys()) expectInside(file);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('paths', () => {
  it('allows no path that leads out of the skill, on any system', () => {
    const part = fc.oneof(
      fc.constantFrom(
        '..',
        '.',
        '',
        'a',
        '...',
        '.. ',
        '..\\',
        'C:',
        'con',
        'nul.txt',
        '~',
        '\u202e',
        '\0',
        '%2e%2e',
        '．．',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.constantFrom('/', '\\', '//'), (parts, separator) => {
        const file = parts.join(separator);
        if (pathProblem(file) === undefined) expectInside(file);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    'SKILL.md',
    'scripts/fill form.py',
    'assets/fonts/Ünïcode-1.2.ttf',
    'a/b/c/d/e.md',
    '_meta.json',
    '.claude/x.md',
  ])('allows %s', (file) => expect(pathProblem(file)).toBeUndefined());

  it.each(['.env', 'scripts/.hidden', '.git/config', 'x/__pycache__/y.pyc'])('takes %s over into no skill', (file) =>
    expect(isLeftOut(file)).toBe(true),
  );
});

function expectInside(file: string): void {
  const top = path.resolve('/skills/one');
  expect(path.posix.resolve(top, file).startsWith(`${top}/`)).toBe(true);
  const windows = path.win32.resolve('C:\\skills\\one', file);
  expect(windows.startsWith('C:\\skills\\one\\')).toBe(true);
  expect(file).not.toMatch(/[\\:\0]/);
}
