// Commands about data while no gateway runs: they open it themselves, one at a time, and give it back.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withData } from '../../cli/client.ts';
import { takeWriterLock } from '../../data/lock.ts';
import { accountId, chatId, userId } from '../../shared/ids.ts';
import { makeTempHome, removeHome, runCli } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const commands = openCommandRunner();
afterAll(() => commands.close());
let home: string;
beforeEach(() => {
  home = makeTempHome();
});
afterEach(() => removeHome(home));
const run = (...args: string[]) => commands.run(args, { home });

const account = accountId('bot');
/** Somebody asks for a code in a direct message. */
function askForCode(user: string): Promise<string> {
  return withData(home, async ({ pairing }) => {
    const address = { platform: 'somewhere', account, chat: chatId(user), kind: 'dm' } as const;
    const asked = await pairing.requestCode(
      { platform: 'somewhere', account, user: userId(user), name: user },
      address,
    );
    if (!asked.ok) throw new Error(asked.reason);
    return asked.code;
  });
}

describe('without a gateway', () => {
  it('pairs, lists and revokes', async () => {
    const code = await askForCode('eve');
    expect((await run('pairing', 'list')).stdout).toMatch(/somewhere +eve +eve +asked \d s ago/);
    const approved = await run('pairing', 'approve', 'somewhere', code.toLowerCase());
    expect([approved.code, approved.stdout]).toEqual([0, expect.stringMatching(/eve .* is paired now as owner/)]);
    expect((await run('pairing', 'approve', 'somewhere', code)).code).toBe(5);
    expect((await run('pairing', 'revoke', 'somewhere', 'eve')).code).toBe(0);
    expect((await run('pairing', 'list')).stdout).toMatch(/Paired: nobody/);
  });

  it('does not let control characters of a name reach the terminal', async () => {
    const code = await askForCode('eve');
    await withData(home, async ({ db }) => {
      await db.query.updateTable('pairing_codes').set({ user_name: 'Eve\u001b[2J\nroot' }).execute();
    });
    const listed = (await run('pairing', 'list')).stdout;
    expect(listed).not.toContain('\u001b');
    expect(listed).toMatch(/Eve\[2J root/);
    expect((await run('pairing', 'approve', 'somewhere', code)).stdout).not.toContain('\u001b');
  });

  it('says for everything else that it needs one', async () => {
    await askForCode('eve');
    for (const args of [['send', 'x'], ['stop'], ['restart'], ['reload'], ['status']]) {
      const { code, stderr } = await run(...args);
      expect([args, code]).toEqual([args, 3]);
      expect(stderr).toMatch(/herald start/);
    }
  });

  it('backs up to a file of its own, private to the user', async () => {
    await askForCode('eve');
    const { file } = JSON.parse((await run('backup', '--json')).stdout) as { file: string };
    expect(path.dirname(file)).toBe(path.join(home, 'backups'));
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });

  it('waits its turn, and lets many commands at once all succeed', async () => {
    await askForCode('eve');
    const results = await Promise.all(Array.from({ length: 6 }, () => runCli(['pairing', 'list', '--json'], { home })));
    expect(results.map((result) => [result.code, result.stderr])).toEqual(results.map(() => [0, '']));
  });

  it('names the owner of the data when it is held for long', async () => {
    await askForCode('eve');
    const lock = takeWriterLock(home, { pid: process.pid, startedAt: Date.now(), purpose: 'backup' });
    try {
      const { code, stderr } = await run('pairing', 'list');
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^herald: db_locked: .*backup.*process/)]);
    } finally {
      lock.release();
    }
    expect((await run('pairing', 'list')).code).toBe(0);
  });

  it('does not take a socket that nobody serves for a gateway', async () => {
    await askForCode('eve');
    const lock = takeWriterLock(home, {
      pid: process.pid,
      startedAt: Date.now(),
      purpose: 'gateway',
      socket: path.join(home, 'gone.sock'),
    });
    try {
      const { code, stderr } = await run('status');
      expect([code, stderr]).toEqual([3, expect.stringMatching(/just starting or stopping/)]);
    } finally {
      lock.release();
    }
  });

  it('tells a damaged database and leaves it as it is', async () => {
    const file = path.join(home, 'herald.db');
    fs.writeFileSync(file, 'not a database at all, but long enough to be read as one'.repeat(100));
    const before = fs.readFileSync(file);
    const { code, stderr } = await run('sessions', 'list');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^herald: db_corrupt: /)]);
    expect(fs.readFileSync(file).equals(before)).toBe(true);
    const doctor = await run('doctor');
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/^fail database/m)]);
  });
});
