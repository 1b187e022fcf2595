// A backup holds what a person's skills are made of, and putting it back by copying brings them back.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import { backupHome } from '../../../skills/backup.ts';
import { withStore } from '../../../skills/hub/store.ts';
import { openSkillLibrary } from '../../../skills/library.ts';
import { makePerson, makeSpeaker } from '../../data/conversation.ts';
import { openTemporaryData, temporaryFolder } from '../../data/temporary-data.ts';
import { createSkill, skillText } from '../fixture.ts';
import { failure, useHubBench } from './bench.ts';

const bench = useHubBench();
const REFERENCE = 'ann/skills/pdf';

async function homeWithSkills() {
  const { home } = bench;
  bench.server.repositories.set('ann/skills', {
    files: { 'pdf/SKILL.md': skillText('pdf'), 'pdf/scripts/run.sh': 'echo 3\n' },
  });
  expect(await bench.hub.install(REFERENCE, { force: false })).toMatchObject({ status: 'installed' });
  await bench.hub.trust('pdf', true);
  fs.mkdirSync(path.join(home, 'skills', 'bundles'), { recursive: true });
  fs.writeFileSync(path.join(home, 'skills', 'bundles', 'paper.yaml'), 'skills: [pdf]\n');
  const data = await openTemporaryData({ home });
  const library = openSkillLibrary({ db: data.db, folders: () => [] });
  const ann = await makeSpeaker(data.db, await makePerson(data.db, 'ann'));
  await createSkill(library, ann.scope, 'brew-tea');
  const backup = (file?: string) =>
    backupHome({ home, clock: systemClock, copyDatabase: (target) => data.backup(target) }, file);
  return { home, ann, backup };
}

test('own skills, installed ones with their trust, and bundles are there again in a home made of a backup', async () => {
  const { home, ann, backup } = await homeWithSkills();
  const { file, skills } = await backup();
  expect(skills).toBe(`${file}.skills`);
  expect(path.dirname(file)).toBe(path.join(home, 'backups'));
  expect(fs.statSync(skills ?? '').mode & 0o077).toBe(0);
  expect(fs.readdirSync(path.dirname(file)).toSorted()).toEqual([path.basename(file), path.basename(skills ?? '')]);

  const restored = temporaryFolder();
  fs.copyFileSync(file, path.join(restored, 'herald.db'));
  fs.cpSync(skills ?? '', path.join(restored, 'skills'), { recursive: true });
  const { db } = await openTemporaryData({ home: restored });
  const library = openSkillLibrary({ db, folders: () => [] });
  expect((await library.list(ann.scope)).map(({ name }) => name)).toEqual(['brew-tea']);
  const hub = bench.open({ home: restored });
  expect(await hub.open('pdf')).toMatchObject({ trust: 'trusted', state: 'ok' });
  expect(fs.readFileSync(path.join(restored, 'skills/installed/pdf/scripts/run.sh'), 'utf8')).toBe('echo 3\n');
  expect(fs.existsSync(path.join(restored, 'skills/bundles/paper.yaml'))).toBe(true);
  // Nothing of the other home's locks or half-made folders came along, and skills can be changed again.
  expect(await hub.trust('pdf', false)).toMatchObject({ trust: 'community' });
});

test('a copy of the same name holds what is there now, links are kept as links', async () => {
  const { home, backup } = await homeWithSkills();
  const file = path.join(temporaryFolder(), 'copy.db');
  await backup(file);
  const outside = path.join(temporaryFolder(), 'secret');
  fs.writeFileSync(outside, 'not of Herald');
  fs.symlinkSync(outside, path.join(home, 'skills', 'bundles', 'link.yaml'));
  fs.rmSync(path.join(home, 'skills', 'bundles', 'paper.yaml'));
  await backup(file);
  expect(fs.readdirSync(`${file}.skills/bundles`)).toEqual(['link.yaml']);
  expect(fs.readlinkSync(`${file}.skills/bundles/link.yaml`)).toBe(outside);
  expect(fs.readdirSync(path.dirname(file)).toSorted()).toEqual(['copy.db', 'copy.db.skills']);
  fs.rmSync(path.join(home, 'skills'), { recursive: true });
  expect(await backup(file)).toEqual({ file });
  expect(fs.existsSync(`${file}.skills`)).toBe(false);
});

test('it waits for an installation, and never copies one in the middle', async () => {
  const { home, backup } = await homeWithSkills();
  const half = path.join(home, 'skills', 'installed', 'half');
  let copied: ReturnType<typeof backup> | undefined;
  await withStore({ home, clock: systemClock }, async () => {
    fs.mkdirSync(half);
    copied = backup();
    await new Promise((resolve) => setTimeout(resolve, 50));
    fs.rmSync(half, { recursive: true });
  });
  const { skills } = (await copied) ?? {};
  expect(fs.readdirSync(path.join(skills ?? '', 'installed'))).toEqual(['pdf']);
});

test('what cannot be copied is said, with what was', async () => {
  const { home, backup } = await homeWithSkills();
  const inside = await failure(backup(path.join(home, 'skills', 'copy.db')));
  expect(inside).toMatchObject({ code: 'bad_input', publicMessage: expect.stringMatching(/Nothing was copied/) });
  const file = path.join(temporaryFolder(), 'copy.db');
  fs.writeFileSync(path.join(home, 'skills', 'hub', 'pending.json'), 'damaged');
  const failed = await failure(backup(file));
  expect(failed.publicMessage).toMatch(/database was copied to .*copy\.db, the skills were not/);
  expect(fs.readdirSync(path.dirname(file))).toEqual(['copy.db']);
});
