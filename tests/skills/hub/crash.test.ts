// kill -9 at every step of a change leaves the old skill or the new one, whole, and nothing in quarantine.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMPILE_CACHE } from '../../support/built.ts';
import { skillText } from '../../support/skill-hub.ts';
import { useHubBench } from './bench.ts';

const bench = useHubBench();
const PROGRAM = fileURLToPath(new URL('install-program.ts', import.meta.url));
const STEPS = ['staged', 'intended', 'set-aside', 'moved', 'recorded', 'done'] as const;

function writeSource(body: string): void {
  const folder = path.join(bench.home, 'source', 'pdf');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'SKILL.md'), skillText('pdf', body));
  fs.writeFileSync(path.join(folder, 'notes.md'), body);
}

function killAt(what: 'install' | 'remove' | 'rollback', step: string): void {
  const { signal, stderr } = spawnSync(process.execPath, [PROGRAM, bench.home, what, step], {
    timeout: 30_000,
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: COMPILE_CACHE },
    encoding: 'utf8',
  });
  expect([signal, stderr]).toEqual(['SIGKILL', '']);
}

const contentOf = async () => {
  const skill = await bench.hub.open('pdf');
  expect(skill?.state ?? 'ok').toBe('ok');
  return skill && new TextDecoder().decode(skill.files.get('notes.md'));
};
const quarantined = () => fs.readdirSync(path.join(bench.home, 'skills', 'hub', 'quarantine'));

describe('a kill while', () => {
  it.each(['staged', 'set-aside', 'recorded'] as const)(
    'installing, once %s, leaves no skill or the whole one',
    async (step) => {
      writeSource('Old.');
      killAt('install', step);
      expect(await contentOf()).toBe(step === 'staged' ? undefined : 'Old.');
      const done = await bench.hub.install(`folder:${path.join(bench.home, 'source')}`, { force: false });
      expect(done.status).toBe(step === 'staged' ? 'installed' : 'unchanged');
      expect(await contentOf()).toBe('Old.');
      expect(quarantined()).toEqual([]);
    },
  );

  it.each(STEPS)('updating, once %s, leaves the old or the new', async (step) => {
    writeSource('Old.');
    await bench.hub.install(`folder:${path.join(bench.home, 'source')}`, { force: false });
    writeSource('New.');
    killAt('install', step);
    expect(await contentOf()).toBe(step === 'staged' ? 'Old.' : 'New.');
    if (step === 'staged') return;
    expect(await bench.hub.rollback('pdf')).toMatchObject({ state: 'ok' });
    expect(await contentOf()).toBe('Old.');
    expect(quarantined()).toEqual([]);
  });

  it.each(['set-aside'])('removing or going back, once %s, is carried out', async (step) => {
    for (const body of ['Old.', 'New.']) {
      writeSource(body);
      await bench.hub.install(`folder:${path.join(bench.home, 'source')}`, { force: false });
    }
    killAt('rollback', step);
    expect(await contentOf()).toBe('Old.');
    killAt('remove', step);
    expect(await contentOf()).toBeUndefined();
    expect(fs.readdirSync(path.join(bench.home, 'skills', 'hub', 'archive'))).toHaveLength(1);
    expect(quarantined()).toEqual([]);
  });
});
