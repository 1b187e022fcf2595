// Looking back as the configuration sets it up, and in the whole gateway: what a process left behind is looked at by the next one.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openAgentMemory } from '../../../agent/memory/open.ts';
import { openData } from '../../../data/db.ts';
import { createPerson } from '../../../data/process/people.ts';
import { finishTurn } from '../../../data/process/turns.ts';
import { listReviews } from '../../../data/review/marks.ts';
import { personScope } from '../../../data/scope.ts';
import { createSession } from '../../../data/sessions.ts';
import { loadConfig } from '../../../config/load.ts';
import { startGateway } from '../../../gateway/compose.ts';
import { openConfiguredReviews } from '../../../gateway/compose/review.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeSettings, startTurn } from '../../agent/fixture.ts';
import { answer, ended, idle, openDesk, say, talk, used } from '../../agent/review/fixture.ts';
import { openSkillLibrary } from '../../../skills/library.ts';

test('the gateway looks at what an earlier process left, keeps it, and ends', { timeout: 60_000 }, async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-review-'));
  onTestFinished(() => fs.rmSync(home, { recursive: true, force: true }));
  const before = await openData({ home });
  const person = (await createPerson(before.db, { name: 'Ann', role: 'owner' })).id;
  const scope = personScope(person);
  const session = await createSession(before.db, scope);
  const turn = await startTurn({ db: before.db, person, scope, session });
  const messages = [say('Please remember that the key is under the mat'), answer()];
  await finishTurn(before.db, { turn, state: 'done', messages, outbox: [], inbox: [] });
  await before.close();

  const gateway = await startGateway({ home, port: 0 });
  const isKept = () =>
    fs.existsSync(path.join(home, 'memories')) && textsIn(path.join(home, 'memories')).includes('the mat');
  await expect.poll(isKept, { timeout: 30_000 }).toBe(true);
  await gateway.actions.stop('the test is over');
  expect(await gateway.done).toBe(0);

  const after = await openData({ home });
  expect(await listReviews(after.db, scope, { limit: 5 })).toMatchObject([{ state: 'done', kept: 1 }]);
  await after.close();
});

function textsIn(folder: string): string {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

test('config.yaml says when, and what becomes of drafts; the person is told in their chat', async () => {
  const desk = await openDesk();
  const ann = await desk.addSpeaker('Ann');
  fs.writeFileSync(path.join(desk.dir, 'config.yaml'), JSON.stringify({ review: { idle_minutes: 5 } }));
  const loaded = await loadConfig({ manifests: [], home: desk.dir, env: {} });
  const settings = { ...makeSettings(desk.dir, []), models: { chain: [], demo: true } };
  const memory = openAgentMemory({ db: desk.db, log: silentLog, settings: () => settings });
  const skills = openSkillLibrary({ db: desk.db, folders: () => [] });
  const posted: unknown[] = [];
  const reviews = openConfiguredReviews({
    db: desk.db,
    clock: desk.clock,
    log: silentLog,
    loaded: () => loaded,
    agentSettings: () => settings,
    meter: () => ({ call: () => Promise.reject(new Error('the demo asks no model')) }),
    memory: () => memory,
    skills: () => skills,
    redact: (text) => text,
    actions: () => ({
      async post(to, text, options) {
        posted.push({ to, text, ...options });
        return '';
      },
    }),
  });
  onTestFinished(() => reviews.source.close?.());
  for (let i = 0; i < 3; i++) {
    const one = { ...ann, session: await createSession(desk.db, ann.scope) };
    const turn = await talk(desk, one, [
      say('Release the shop'),
      ...used('terminal', { command: 'npm test' }),
      ...used('read_file', { path: 'report.txt' }),
      answer(),
    ]);
    await reviews.source.ended?.(ended(one, turn));
    await idle(desk, { reviews }, 5 * 60_000);
  }
  expect(posted).toMatchObject([
    {
      to: { platform: 'testchat' },
      kind: 'notice',
      person: ann.person,
      text: expect.stringContaining('keep a new skill'),
      buttons: [[{}, {}]],
    },
  ]);
});
