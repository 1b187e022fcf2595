// A home folder that cannot be used, and databases that are broken: one clear line, the documented exit code, nothing changed on disk,
// and a start once it is mended. Commands run in one process; that a process of its own prints and ends in the same way is shown once for each.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { CliResult } from '../cli/run-cli.ts';
import { openCommandRunner } from '../cli/run-command.ts';
import { makeHome, requestSocket, startGatewayProcess, waitFor } from '../support/gateway-process.ts';
import { runHerald } from './bad-input-support.ts';

/** "nobody" on Linux, for whom a folder of root's is read-only. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

function makeFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-e2e-home-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const commands = openCommandRunner();
afterAll(() => commands.close());
const command = (home: string, ...args: string[]) => commands.run(args, { home });

function expectOneLine(result: CliResult, code: number, line: RegExp): void {
  expect(result.stdout).toBe('');
  expect(result.stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(line)]);
  expect(result.code).toBe(code);
}

/** Every file below a folder with a digest of its bytes. */
function digestOf(folder: string): Record<string, string> {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => fs.statSync(path.join(folder, name)).isFile());
  const digest = (name: string) =>
    createHash('sha256')
      .update(fs.readFileSync(path.join(folder, name)))
      .digest('hex');
  return Object.fromEntries(files.map((name) => [name, digest(name)]));
}

describe('a home folder that cannot be used', () => {
  it('is a file', async () => {
    const file = path.join(makeFolder(), 'herald');
    fs.writeFileSync(file, 'my diary');
    expectOneLine(
      await runHerald(file, ['start']),
      78,
      /^herald: config_unreadable: .*herald is not a folder.*HERALD_HOME/,
    );
    expect(fs.readFileSync(file, 'utf8')).toBe('my diary');
    const doctor = await command(file, 'doctor');
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/is not a folder/);
  });

  it('lies below a file', async () => {
    const file = path.join(makeFolder(), 'file');
    fs.writeFileSync(file, '');
    expectOneLine(await command(path.join(file, 'herald'), 'start'), 78, /not a folder/);
  });

  it.each(['config.yaml', '.env'])('holds a folder in place of %s', async (name) => {
    const home = makeFolder();
    fs.mkdirSync(path.join(home, name));
    expectOneLine(await command(home, 'start'), 78, new RegExp(`^herald: config_unreadable: .*${name} is not a file`));
  });

  it.each(['config.yaml', '.env'])('holds bytes that are no text in %s', async (name) => {
    const home = makeFolder();
    fs.writeFileSync(path.join(home, name), Buffer.from([0xff, 0xfe, 0x00, 0xd8]));
    expectOneLine(await command(home, 'start'), 78, new RegExp(`^herald: config_invalid: .*${name} is not UTF-8`));
  });

  describe('of somebody else', () => {
    const uid = isRoot ? NOBODY : undefined;
    /** Whether that account can run the program at all: a checkout may be private. */
    let canRun = false;
    beforeAll(async () => {
      canRun = process.platform !== 'win32' && (await runHerald(os.tmpdir(), ['version'], uid)).code === 0;
    });
    const seal = (home: string, mode: number) => {
      fs.chmodSync(home, mode);
      onTestFinished(() => fs.chmodSync(home, 0o700));
    };

    it('may not be written', async (context) => {
      if (!canRun) return context.skip('another account cannot run this checkout');
      const home = makeFolder();
      fs.writeFileSync(path.join(home, 'config.yaml'), 'gateway: {port: 0}\n', { mode: 0o644 });
      seal(home, isRoot ? 0o755 : 0o500);
      const before = fs.readdirSync(home);
      expectOneLine(
        await runHerald(home, ['start'], uid),
        1,
        /^herald: home_unwritable: Cannot write .*EACCES.*HERALD_HOME/,
      );
      expect(fs.readdirSync(home)).toEqual(before);
      expect((await runHerald(home, ['doctor'], uid)).stdout).toMatch(/cannot be written/);
    });

    it('may not even be looked into', async (context) => {
      if (!canRun) return context.skip('another account cannot run this checkout');
      const home = makeFolder();
      seal(home, isRoot ? 0o700 : 0o000);
      expectOneLine(await runHerald(home, ['start'], uid), 78, /^herald: config_unreadable: .*EACCES.*belongs to you/);
    });

    it('has a file of secrets that may not be read', async (context) => {
      if (!canRun) return context.skip('another account cannot run this checkout');
      const home = makeFolder();
      if (uid !== undefined) fs.chownSync(home, uid, uid);
      fs.writeFileSync(path.join(home, '.env'), 'OPENAI_API_KEY=x\n', { mode: isRoot ? 0o600 : 0o000 });
      expectOneLine(
        await runHerald(home, ['start'], uid),
        78,
        /^herald: config_unreadable: .*\.env cannot be read \(EACCES\)/,
      );
    });
  });

  it('on a file system that is read-only', async (context) => {
    const home = makeFolder();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', home], { stdio: 'ignore' });
    } catch {
      return context.skip('this user may not mount a file system');
    }
    onTestFinished(() => void execFileSync('umount', ['-l', home]));
    expectOneLine(await command(home, 'start'), 1, /^herald: home_unwritable: Cannot write .*EROFS/);
  });
});

describe('a database that is broken', () => {
  /** A home with one conversation, stopped in order, with a copy of its database in backups/. */
  let template: string;
  const copied = 'copied.db';

  beforeAll(async () => {
    template = makeHome({ model: { provider: 'demo' } });
    const gateway = await startGatewayProcess({ home: template });
    const body = { id: 'the-only-message', text: 'remember the brown bear' };
    await requestSocket(gateway.socket, { path: '/terminal/default/messages', body });
    await waitFor('the answer', async () => {
      const status = await requestSocket(gateway.socket, { path: '/status' });
      return status.body.includes('"answered":1');
    });
    expect((await command(template, 'backup', path.join(template, 'backups', copied))).code).toBe(0);
    await gateway.kill('SIGTERM');
  }, 60_000);
  afterAll(() => fs.rmSync(template, { recursive: true, force: true }));

  function copyHome(): { home: string; file: string } {
    const home = makeFolder();
    fs.cpSync(template, home, { recursive: true, filter: (name) => !name.endsWith('.sock') });
    return { home, file: path.join(home, 'herald.db') };
  }

  const overwrite = (file: string, at: number, bytes: Uint8Array) => {
    const fd = fs.openSync(file, 'r+');
    fs.writeSync(fd, bytes, 0, bytes.length, at);
    fs.closeSync(fd);
  };
  const garbage = (size: number) => Buffer.from(Array.from({ length: size }, (_, i) => (i * 97 + 13) % 251));

  const DAMAGES: Record<string, (file: string) => void> = {
    'a header of garbage': (file) => overwrite(file, 0, garbage(100)),
    'garbage throughout': (file) => fs.writeFileSync(file, garbage(60_000)),
    'pages of garbage in the middle': (file) => overwrite(file, 4_096 * 3, garbage(4_096 * 8)),
    'a cut through the middle': (file) => fs.truncateSync(file, Math.floor(fs.statSync(file).size / 2)),
    'a cut within the first page': (file) => fs.truncateSync(file, 2_000),
    'nothing in it, where there was more once': (file) => fs.truncateSync(file, 0),
    'a text in its place': (file) => fs.writeFileSync(file, 'select * from everything;\n'.repeat(500)),
    'a log of writes of garbage': (file) => fs.writeFileSync(`${file}-wal`, garbage(30_000)),
    'a folder in its place': (file) => {
      fs.rmSync(file);
      fs.mkdirSync(file);
    },
  };

  const line =
    /^herald: db_corrupt: The database .*herald\.db is damaged\. It was left as it is\. Restore a copy: .*backups/;

  it.each(Object.entries(DAMAGES))('%s: refused, and left as it is', async (_, damage) => {
    const { home, file } = copyHome();
    damage(file);
    const data = Object.entries(digestOf(home)).filter(([name]) => /^herald\.db(-wal)?$|^backups/.test(name));
    expectOneLine(await command(home, 'start'), 1, line);
    expect(digestOf(home)).toMatchObject(Object.fromEntries(data));
    expect(fs.statSync(file).isDirectory()).toBe(data.every(([name]) => name !== 'herald.db'));
  });

  it('is told by every command, and mended as the line says', { timeout: 60_000 }, async () => {
    const { home, file } = copyHome();
    overwrite(file, 0, garbage(100));
    expectOneLine(await command(home, 'sessions', 'list'), 1, line);
    const doctor = await command(home, 'doctor');
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/herald\.db is damaged.*backups/s)]);
    // The damaged file away, the copy in its place.
    for (const end of ['', '-wal', '-shm']) fs.rmSync(`${file}${end}`, { force: true });
    fs.copyFileSync(path.join(home, 'backups', copied), file);
    const found = await command(home, 'sessions', 'search', 'brown bear');
    expect([found.code, found.stdout]).toEqual([0, expect.stringContaining('brown bear')]);
  });

  it('a newer schema: refused, left as it is', async () => {
    const { home, file } = copyHome();
    const raw = new Database(file);
    raw.pragma('user_version = 999');
    raw.close();
    const before = digestOf(home)['herald.db'];
    const newer =
      /^herald: db_newer: .*newer Herald \(schema 999, this one knows \d+\)\. It was left as it is\. Update Herald/;
    expectOneLine(await command(home, 'start'), 1, newer);
    expect(digestOf(home)['herald.db']).toBe(before);
    const doctor = await command(home, 'doctor');
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/newer Herald/)]);
  });

  it('moved away, a start begins anew', { timeout: 60_000 }, async () => {
    const { home, file } = copyHome();
    overwrite(file, 0, garbage(100));
    expectOneLine(await runHerald(home, ['start']), 1, line);
    fs.renameSync(file, `${file}.damaged`);
    // As from a shell: it sets for itself how memory is given out, for which it begins anew in the same process.
    const gateway = await startGatewayProcess({
      home,
      env: { MALLOC_ARENA_MAX: undefined, MALLOC_MMAP_THRESHOLD_: undefined },
    });
    if (process.platform === 'linux') {
      const environment = fs.readFileSync(`/proc/${gateway.child.pid}/environ`, 'utf8').split('\0');
      expect(environment).toContain('MALLOC_ARENA_MAX=1');
      expect(environment).toContain('MALLOC_MMAP_THRESHOLD_=131072');
    }
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
    await gateway.kill('SIGTERM');
  });

  it(
    'an empty file without any copy is what a first start on a full disk leaves: it begins anew',
    { timeout: 60_000 },
    async () => {
      const home = makeHome({ model: { provider: 'demo' } });
      onTestFinished(() => fs.rmSync(home, { recursive: true, force: true }));
      fs.writeFileSync(path.join(home, 'herald.db'), '');
      const gateway = await startGatewayProcess({ home });
      await gateway.kill('SIGTERM');
      expect(fs.statSync(path.join(home, 'herald.db')).size).toBeGreaterThan(0);
    },
  );
});
