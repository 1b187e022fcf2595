// A process that can be killed: the adapter on the real database, which writes down what it receives and answers each message. Answers of
// what was written down before are sent again at the start; their keys make them the same messages.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeMatrixAdapter } from '../../../adapters/matrix/adapter.ts';
import { matrixSettings } from '../../../adapters/matrix/settings.ts';
import { openData } from '../../../data/db.ts';
import { getCursor, listCursors, updateCursors } from '../../../data/process/cursors.ts';
import { accountId, chatId } from '../../../shared/ids.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';

const [home = '', homeserver = '', token = ''] = process.argv.slice(2);
const account = accountId('default');
const owner = { platform: 'matrix', account };
const inbox = path.join(home, 'inbox.txt');
const known = new Set(fs.existsSync(inbox) ? fs.readFileSync(inbox, 'utf8').split('\n') : []);

const { db } = await openData({ home });
const cursor = {
  get: (key: string) => getCursor(db, owner.platform, account, key),
  set: (key: string, value: string) => cursor.update({ [key]: value }),
  async update(values: Readonly<Record<string, string | undefined>>) {
    await updateCursors(db, { ...owner, values });
    await db.flush();
  },
  list: (prefix: string) => listCursors(db, { ...owner, prefix }),
};
const settings = matrixSettings.parse({ homeserver, access_token: token });
const adapter = makeMatrixAdapter({ platform: 'matrix', account, settings, fetch });

async function answer(line: string): Promise<void> {
  const { id, chat, text } = JSON.parse(line) as { id: string; chat: string; text: string };
  const message = { ...makeOutbound(`answer to ${text}`), key: `answer-${id.slice(1, 40)}` };
  const to = { platform: 'matrix', account, chat: chatId(chat), kind: 'dm' as const };
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await adapter.send(to, message, AbortSignal.timeout(30_000))).ok) return;
    await pause(100);
  }
}

await adapter.start({
  ...makeRecordingHost().host,
  cursor,
  async receive({ id, chat, text }) {
    const line = JSON.stringify({ id, chat, text });
    if (known.has(line)) return 'duplicate';
    known.add(line);
    fs.appendFileSync(inbox, `${line}\n`, { flush: true });
    void answer(line);
    return 'new';
  },
});
for (const line of known) if (line !== '') void answer(line);
