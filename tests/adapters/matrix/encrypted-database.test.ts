// The keys of encrypted rooms in the real database, over a restart of all of it.
import { expect, it } from 'vitest';
import { openData } from '../../../data/db.ts';
import { getCursor, listCursors, updateCursors } from '../../../data/process/cursors.ts';
import type { AdapterHost } from '../../../adapters/contract.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { temporaryFolder } from '../../data/temporary-data.ts';
import { makeSealedPerson } from '../../support/matrix/sealed-person.ts';
import { startHomeserver } from '../../support/matrix/server.ts';
import { addressOf, makeAdapter } from './matrix-harness.ts';

const OWNER = { platform: 'matrix', account: 'default' };

it('both sides read each other before and after the database was closed', async () => {
  const server = await startHomeserver();
  const home = temporaryFolder();
  const ann = await makeSealedPerson(server.world, server.botId, { name: 'Ann' });
  await ann.sync();
  const room = ann.invite();
  const read: unknown[] = [];

  async function live(round: number): Promise<void> {
    const { db, close } = await openData({ home });
    const record = makeRecordingHost();
    const cursor: AdapterHost['cursor'] = {
      get: (key) => getCursor(db, OWNER.platform, OWNER.account, key),
      set: (key, value) => updateCursors(db, { ...OWNER, values: { [key]: value } }),
      update: (values) => updateCursors(db, { ...OWNER, values }),
      list: (prefix) => listCursors(db, { ...OWNER, prefix }),
    };
    const adapter = makeAdapter(server);
    await adapter.start({ ...record.host, cursor });
    for (let look = 0; look < 500 && server.world.membership(room, server.botId) !== 'join'; look++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await ann.say(room, `question ${round}`);
    await record.waitFor(({ text }) => text === `question ${round}`);
    const to = addressOf(room, 'dm');
    const sent = await adapter.send(to, makeOutbound(`answer ${round}`), AbortSignal.timeout(10_000));
    expect(sent).toMatchObject({ ok: true });
    await adapter.stop();
    await record.close();
    await close();
  }

  try {
    for (const round of [1, 2, 3]) await live(round);
    for (const { sender, content } of (await ann.read(room)).events)
      if (sender === server.botId && content['body'] !== undefined) read.push(content['body']);
    expect(read).toEqual(['answer 1', 'answer 2', 'answer 3']);
    expect(server.world.keys.devices.get(server.botId)?.size).toBe(1);
  } finally {
    await server.close();
  }
});
