// The bundled skills keep the rules that they ask of others.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { listFolderFiles, openSkillFolder, readFolderFile } from '../../skills/folder.ts';
import { parseSkill } from '../../skills/format.ts';
import { describeFindings, scanSkill } from '../../skills/guard.ts';
import { WRITABLE_FOLDERS } from '../../skills/paths.ts';

const ROOT = path.resolve('skills/builtin');
const names = fs.readdirSync(ROOT);

test('all of them are found, without any note', async () => {
  const { skills, notes } = await openSkillFolder(ROOT).list();
  expect(skills.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  expect(names.length).toBeGreaterThanOrEqual(5);
  expect(notes).toEqual([]);
});

test.each(names)('%s: strict, short, complete, and nothing for the guard', async (name) => {
  const dir = path.join(ROOT, name);
  const text = fs.readFileSync(path.join(dir, 'SKILL.md'), 'utf8');
  const parsed = await parseSkill(text, { file: 'SKILL.md', mode: 'strict', name });
  expect(parsed.warnings).toEqual([]);
  expect(text.length).toBeLessThan(4_000);
  for (const part of ['## When to use', '## Procedure', '## Pitfalls', '## Verification'])
    expect(parsed.body).toContain(part);
  const files = new Map<string, Uint8Array>([['SKILL.md', Buffer.from(text)]]);
  for (const file of await listFolderFiles(dir)) {
    expect(WRITABLE_FOLDERS).toContain(file.path.split('/')[0]);
    expect(parsed.body).toContain(file.path);
    files.set(file.path, await readFolderFile(dir, file.path));
  }
  expect(describeFindings(scanSkill(files).findings)).toBe('');
});
