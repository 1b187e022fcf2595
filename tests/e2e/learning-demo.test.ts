// The demo that shows newcomers how Herald learns: it runs from the beginning to the end, and leaves nothing behind.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { COMPILE_CACHE } from '../support/built.ts';

const DEMO = fileURLToPath(new URL('../../demo/learning.ts', import.meta.url));
const run = promisify(execFile);

it(
  'remembers, learns a skill from repeated work, asks before it holds, uses it and shows what it is worth',
  { timeout: 90_000 },
  async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-demo-test-'));
    onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, TMPDIR: folder, NODE_COMPILE_CACHE: COMPILE_CACHE };
    // Rejects when it exits with anything but 0.
    const { stdout, stderr } = await run(process.execPath, [DEMO], { env, timeout: 80_000 });
    expect(stderr).toBe('');
    const [, said = '', worked = '', proposed = '', used = '', shown = '', back = ''] = stdout.split(/^== \d\. /m);
    expect(said).toMatch(/Prefers short answers \(preference, 75 %/);
    expect(worked.match(/I had to look around first: 4 steps/g)).toHaveLength(3);
    expect(proposed).toContain('+1. Call write_file with `packing-lima.md`');
    expect(proposed).toMatch(/Taken: version 1 of make-packing-list-for-lima holds/);
    expect(used).toContain('I followed the skill make-packing-list-for-lima: 2 steps');
    expect(used).toContain('the boat is called Zephyr');
    expect(used).toMatch(/This is what I found:[\s\S]*packing list for Rome/);
    expect(shown).toMatch(/make-packing-list-for-lima v1 +active +1 \(1 verified\) +100 %/);
    expect(back).toContain('is gone');
    expect(fs.readdirSync(folder).filter((name) => name.startsWith('herald-demo'))).toEqual([]);
  },
);
