// A disk that becomes full under a running gateway, on a real small file system: nothing is acknowledged that is not stored, nothing
// ends, and when there is room again everything is answered once.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/gateway-process.ts';
import { openBench, pairBrowser, type Bench } from './bad-input-support.ts';

const ANN = 101;
const DISK = '24m';
/** More than any memory or cache on the way holds back. */
const BULK = 'lorem ipsum '.repeat(50_000);

/** A file system of its own; undefined where this user may not mount one. */
function mountSmallDisk(): string | undefined {
  const folder = fs.mkdtempSync('/tmp/herald-e2e-disk-');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK},mode=700`, 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    fs.rmdirSync(folder);
    return undefined;
  }
}

function unmount(folder: string): void {
  execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
  fs.rmdirSync(folder);
}

/** Tried once for the title; the tests mount their own, so that none is left when they are not run. */
const probe = process.platform === 'linux' ? mountSmallDisk() : undefined;
if (probe !== undefined) unmount(probe);
const missing = probe === undefined ? ' (skipped: this user may not mount a file system)' : '';

describe.skipIf(probe === undefined)(`a full disk${missing}`, () => {
  let home = '';
  let ballast = '';
  let bench: Bench;

  beforeAll(async () => {
    home = mountSmallDisk() ?? '';
    ballast = path.join(home, 'ballast');
    bench = await openBench({
      home,
      script: (call) => ({
        text: `Heard: ${call.user.trim().slice(-40)}`,
        ...(call.user.includes('slowly') ? { delayMs: 400, chunkChars: 10 } : {}),
      }),
    });
    await bench.start();
    bench.bot.user(ANN, 'Ann').dm.sendText('warm up');
    await bench.bot.waitForText(ANN, 'Heard: warm up');
    await bench.settled();
  }, 60_000);

  afterAll(async () => {
    await bench?.close();
    if (home !== '') unmount(home);
  });

  const answers = (part: string) => bench.texts(ANN).filter((text) => text.includes(part)).length;

  /** Not a byte is left: the log of writes is emptied first, so that it has no room of its own. */
  function fill(): void {
    const raw = new Database(path.join(home, 'herald.db'), { timeout: 5_000 });
    raw.pragma('wal_checkpoint(TRUNCATE)');
    raw.close();
    const fd = fs.openSync(ballast, 'w');
    try {
      for (const size of [1 << 20, 1 << 12, 1])
        for (const chunk = Buffer.alloc(size); ;)
          try {
            fs.writeSync(fd, chunk);
          } catch {
            break;
          }
    } finally {
      fs.closeSync(fd);
    }
  }
  const free = () => fs.rmSync(ballast, { force: true });

  async function expectAlive(): Promise<void> {
    expect(bench.gateway().child.exitCode).toBeNull();
    expect((await fetch(`${bench.gateway().url}/health`)).status).toBe(200);
    const { adapters } = await bench.status();
    for (const adapter of adapters) expect(adapter).toMatchObject({ restarts: 0 });
  }

  it(
    'messages are not acknowledged; with room again they arrive and are answered once',
    { timeout: 60_000 },
    async () => {
      const ann = bench.bot.user(ANN);
      fill();
      ann.dm.sendText('into the full disk');
      bench.bot.inject({
        message: {
          message_id: 8_001,
          date: Math.floor(Date.now() / 1_000),
          chat: { id: ANN, type: 'private' },
          from: ann.user,
          text: `${BULK} the bulk`,
        },
      });
      const refused = await bench.say(`${BULK} at the terminal`, { id: 'terminal-bulk-1' });
      expect(refused.status).toBe(507);
      expect(refused.body).toMatchObject({
        error: { code: 'disk_full', message: expect.stringMatching(/No space left.*free some space/s) },
      });
      // Long enough for several attempts.
      await waitFor('the trouble to be noticed', () => bench.gateway().output().includes('could not be stored'), 5_000);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(bench.bot.pendingUpdates()).toHaveLength(2);
      expect(answers('full disk')).toBe(0);
      await expectAlive();
      free();
      await bench.bot.waitForText(ANN, 'into the full disk', 20_000);
      await bench.bot.waitForText(ANN, 'the bulk', 20_000);
      expect((await bench.say(`${BULK} at the terminal`, { id: 'terminal-bulk-1' })).status).toBe(202);
      await bench.waitForLine('at the terminal');
      await bench.settled();
      expect(bench.bot.pendingUpdates()).toHaveLength(0);
      expect([answers('into the full disk'), answers('the bulk')]).toEqual([1, 1]);
    },
  );

  it('a turn that was running waits for room, and is answered once', { timeout: 60_000 }, async () => {
    bench.bot.user(ANN).dm.sendText('tell me slowly');
    await waitFor('the turn', async () => (await bench.status()).runningTurns === 1);
    fill();
    await waitFor('the answer to be held up', () => /holds up a turn/.test(bench.gateway().output()), 15_000);
    expect(answers('tell me slowly')).toBe(0);
    await expectAlive();
    free();
    await bench.bot.waitForText(ANN, 'tell me slowly', 20_000);
    const status = await bench.settled();
    expect(answers('tell me slowly')).toBe(1);
    expect(status.inbox['dead'] ?? 0).toBe(0);
    expect(bench.texts(ANN).filter((text) => /wrong|could not/i.test(text))).toEqual([]);
  });

  it('what went out while the disk was full is not sent again', { timeout: 60_000 }, async () => {
    bench.bot.fail({ method: 'sendMessage', delayMs: 1_500, times: 1 });
    bench.bot.user(ANN).dm.sendText('the last word');
    await waitFor('the send to begin', async () => (await bench.status()).outbox['sending'] === 1);
    fill();
    await bench.bot.waitForText(ANN, 'the last word');
    await waitFor('its end to be held up', () => /holds up the end of a send/.test(bench.gateway().output()), 10_000);
    free();
    const status = await bench.settled(20_000);
    expect(answers('the last word')).toBe(1);
    expect(status.outbox['uncertain'] ?? 0).toBe(0);
    expect(answers('cannot tell')).toBe(0);
  });

  it('a file that does not fit is refused, and leaves nothing behind', { timeout: 30_000 }, async () => {
    const before = fs.readdirSync(path.join(home, 'files'));
    const { url } = bench.gateway();
    const cookie = await pairBrowser(bench);
    fill();
    const answer = await fetch(`${url}/files?name=big.bin`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(3 << 20),
    });
    expect([answer.status, await answer.text()]).toEqual([507, expect.stringContaining('disk_full')]);
    expect(fs.readdirSync(path.join(home, 'files'))).toEqual(before);
    free();
  });

  it(
    'the command line says it, and a start on the full disk ends with one clear line',
    { timeout: 60_000 },
    async () => {
      fill();
      const doctor = await bench.herald('doctor');
      expect(doctor.code).toBe(1);
      expect(doctor.stdout).toMatch(/free for .*\n.*Free some space/);
      await bench.gateway().kill('SIGKILL');
      const start = await bench.herald('start');
      expect(start.code).toBe(1);
      expect(start.stderr.trimEnd().split('\n')).toEqual([
        expect.stringMatching(/^herald: disk_full: No space left .*free some space/),
      ]);
      free();
      await bench.start();
      bench.bot.user(ANN).dm.sendText('all is well');
      await bench.bot.waitForText(ANN, 'Heard: all is well');
    },
  );
});
