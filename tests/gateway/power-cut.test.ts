// A power cut takes back the commits that no sync had covered. What a platform or a person was told must not be among them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DATABASE_FILE } from '../../data/db.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../support/gateway.ts';

const gateways: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
});

/** A disk that keeps what was synced, and syncs when the test lets it. */
function makeDisk() {
  const waiting: (() => void)[] = [];
  const disk = {
    isHeld: false,
    /** Bytes of the log that are safe. */
    safe: 0,
    async syncFile(fd: number) {
      const { size } = fs.fstatSync(fd);
      if (disk.isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
      disk.safe = Math.max(disk.safe, size);
    },
    release() {
      disk.isHeld = false;
      for (const resolve of waiting.splice(0)) resolve();
    },
    /** The home as it is found after the power went now. */
    cutPower(home: string): string {
      const left = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-power-'));
      fs.cpSync(home, left, { recursive: true, filter: (file) => !file.endsWith('-shm') });
      fs.truncateSync(path.join(left, `${DATABASE_FILE}-wal`), disk.safe);
      return left;
    },
  };
  return disk;
}

async function open(options: Partial<Parameters<typeof openTestGateway>[0]> = {}) {
  const fake = makeFakePlatform();
  const disk = makeDisk();
  const gateway = await openTestGateway({ platforms: [fake], syncFile: (fd) => disk.syncFile(fd), ...options });
  gateways.push(gateway);
  return { fake, disk, gateway };
}

const states = async (gateway: TestGateway) =>
  (await gateway.db.query.selectFrom('inbox').select('state').orderBy('seq').execute()).map((row) => row.state);

describe('a power cut', () => {
  it('takes no message that the platform was told is taken', async () => {
    const { fake, disk, gateway } = await open();
    await gateway.pair(fake, 'ann');
    let left: string | undefined;
    disk.isHeld = true;
    const said = fake.say('hello').then((result) => {
      left = disk.cutPower(gateway.home);
      return result;
    });
    await gateway.settle();
    expect(left).toBeUndefined();
    disk.release();
    expect(await said).toBe('new');
    const later = await open({ ...(left !== undefined && { home: left }) });
    await later.gateway.settle();
    expect(later.fake.texts()).toEqual(['echo: hello']);
    expect(await states(later.gateway)).toEqual(['answered']);
  });

  it('takes nothing that an answer follows from: it is sent once all of that is safe, and not sent again', async () => {
    const { fake, disk, gateway } = await open();
    await gateway.pair(fake, 'ann');
    await fake.say('hello');
    disk.isHeld = true;
    await gateway.settle();
    expect(fake.sent).toEqual([]);
    const unsent = await open({ home: disk.cutPower(gateway.home) });
    await unsent.gateway.settle();
    expect(unsent.fake.texts()).toEqual(['echo: hello']);
    disk.release();
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: hello']);
    const sent = await open({ home: disk.cutPower(gateway.home) });
    await sent.gateway.settle();
    expect(await states(sent.gateway)).toEqual(['answered']);
    expect(sent.fake.texts()).toEqual([expect.stringContaining('I cannot tell whether this message reached you')]);
  });

  it('takes no position that an adapter was told is kept', async () => {
    const { fake, disk, gateway } = await open();
    await fake.host().cursor.set('offset', '42');
    const later = await open({ home: disk.cutPower(gateway.home) });
    expect(await later.fake.host().cursor.get('offset')).toBe('42');
  });
});
