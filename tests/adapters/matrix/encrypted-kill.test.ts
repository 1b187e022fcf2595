// Real processes, real kill -9 at moments of chance, the real database: every message is received once and answered once.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../data/temporary-data.ts';
import { makeSealedPerson } from '../../support/matrix/sealed-person.ts';
import { startHomeserver } from '../../support/matrix/server.ts';

const SCRIPT = fileURLToPath(new URL('../../support/matrix/sealed-bot.ts', import.meta.url));
const KILLS = 2;

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

it('killed again and again, nothing is lost or said twice, and both sides still read each other', async () => {
  const seed = 1 + Math.floor(Math.random() * 2_000_000_000);
  console.info(`seed ${seed}`);
  let state = seed;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const server = await startHomeserver();
  const home = temporaryFolder();
  const start = () => spawn(process.execPath, [SCRIPT, home, server.url, server.token], { stdio: 'ignore' });
  let bot = start();
  // Also when the test's time is over.
  onTestFinished(() => kill(bot));
  try {
    const ann = await makeSealedPerson(server.world, server.botId, { name: 'Ann' });
    await ann.sync();
    const room = ann.invite();
    const until = async (passes: () => boolean) => {
      for (let look = 0; look < 3_000 && !passes(); look++) await pause(10);
      expect(passes()).toBe(true);
    };
    await until(() => server.world.membership(room, server.botId) === 'join');
    const sent = () => room.events.filter(({ sender, type }) => sender === server.botId && type === 'm.room.encrypted');
    let said = 0;
    // Whoever was never there has no place from which to go on: what was said before the first sync was kept is history.
    await ann.say(room, `message ${said++}`);
    await until(() => sent().length === 1);
    for (let round = 0; round < KILLS; round++) {
      const { length } = server.requests;
      for (let index = 0; index < 3; index++) await ann.say(room, `message ${said++}`);
      // It is under way, not only starting.
      await until(() => server.requests.length > length + 2);
      await pause(random() * 150);
      await kill(bot);
      await ann.say(room, `message ${said++}`);
      bot = start();
    }
    await until(() => sent().length >= said);
    const numbers = Array.from({ length: said }, (_, index) => index);
    const answers = (await ann.read(room)).events.filter(
      ({ sender, type }) => sender === server.botId && type === 'm.room.message',
    );
    expect(answers.map(({ content }) => String(content['body'])).toSorted()).toEqual(
      numbers.map((index) => `answer to message ${index}`).toSorted(),
    );
    const inbox = fs.readFileSync(path.join(home, 'inbox.txt'), 'utf8').trim().split('\n');
    expect(inbox.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(
      numbers.map((index) => `message ${index}`),
    );
  } finally {
    await kill(bot);
    await server.close();
  }
}, 120_000);
