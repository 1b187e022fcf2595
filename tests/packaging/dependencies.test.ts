// docs/dependencies.md against package.json and the lock file; licences of what ships.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = path.join(import.meta.dirname, '../..');
const readJson = (file: string): unknown => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'));

const names = z.record(z.string(), z.string()).default({});
const manifest = z
  .object({
    dependencies: names,
    optionalDependencies: names,
    devDependencies: names,
    allowScripts: z.record(z.string(), z.boolean()),
  })
  .parse(readJson('package.json'));
const { packages } = z
  .object({
    packages: z.record(
      z.string(),
      z.object({
        license: z.string().optional(),
        dev: z.boolean().optional(),
        optional: z.boolean().optional(),
        hasInstallScript: z.boolean().optional(),
      }),
    ),
  })
  .parse(readJson('package-lock.json'));

/** Licences that MIT code may ship with, none of which asks for anything but its notice. */
const SHIPPABLE: readonly string[] = [
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'PSF-2.0',
  'Unlicense',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'MIT-0',
  '(MIT OR EUPL-1.1+)',
  '(MIT OR GPL-3.0-or-later)',
  '(MIT AND Zlib)',
  'MIT OR Apache',
  'BSD',
];
/** Of optional packages, which whoever wants them installs; docs/dependencies.md says why. */
const OPTIONAL_ONLY = /^(GPL-3\.0|LGPL-3\.0-or-later|Apache-2\.0 AND LGPL-3\.0-or-later( AND MIT)?)$/;
/** MIT by their README; their package.json says nothing. */
const UNNAMED: readonly string[] = ['node_modules/middleware-handler', 'node_modules/rechoir'];

function readRows(): { name: string; why: string; licence: string }[] {
  const page = readFileSync(path.join(ROOT, 'docs/dependencies.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('|') && !/^\|( ?-+| package )/.test(line));
  return rows.map((row) => {
    const [, name = '', why = '', licence = ''] = row.split('|').map((cell) => cell.trim());
    return { name, why, licence };
  });
}

test('each package has its line, and no line is left over', () => {
  const wanted = [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.optionalDependencies),
    ...Object.keys(manifest.devDependencies),
  ];
  const rows = readRows();
  expect(rows.map((row) => row.name).toSorted()).toEqual(wanted.toSorted());
  for (const row of rows) expect(row.why.length, row.name).toBeGreaterThan(3);
});

test('the licences on the page are those of the lock file', () => {
  const told = Object.fromEntries(readRows().map((row) => [row.name, row.licence]));
  const real = Object.fromEntries(readRows().map((row) => [row.name, packages[`node_modules/${row.name}`]?.license]));
  expect(told).toEqual(real);
});

test('everything that ships has a licence that may ship', () => {
  const shipped = Object.entries(packages).filter(([at, entry]) => at !== '' && entry.dev !== true);
  expect(shipped.length).toBeGreaterThan(20);
  const refused = shipped.filter(
    ([at, { license = '', optional }]) =>
      !SHIPPABLE.includes(license) && !(optional === true && OPTIONAL_ONLY.test(license)) && !UNNAMED.includes(at),
  );
  expect(refused.map(([at, entry]) => `${at}: ${entry.license ?? 'none'}`)).toEqual([]);
});

test('versions are exact, and each package with an install script was decided upon', () => {
  const versions = Object.values({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
  });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  const scripted = Object.entries(packages).filter(([, entry]) => entry.hasInstallScript === true);
  // fsevents is optional and for macOS alone, where its binary comes with it.
  const undecided = scripted
    .map(([at]) => at.slice(at.lastIndexOf('node_modules/') + 13))
    .filter((name) => !(name in manifest.allowScripts) && name !== 'fsevents');
  expect(undecided).toEqual([]);
});
