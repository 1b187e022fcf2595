// Jobs end to end: the real gateway as a process, a loopback Bot API server, a scripted model server. A reminder and a prompt arrive when
// they are due, once, also when the process is killed in between.
import fs from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { openData } from '../../data/db.ts';
import { takeWriterLock } from '../../data/lock.ts';
import { listDmChats } from '../../data/process/chats.ts';
import { findOwner } from '../../data/process/people.ts';
import { newRowId } from '../../data/row-id.ts';
import { addJob } from '../../data/schedule/jobs.ts';
import { listOccurrences } from '../../data/schedule/occurrences.ts';
import { personScope } from '../../data/scope.ts';
import { jobTexts } from '../../scheduler/stored.ts';
import type { Work } from '../../scheduler/types.ts';
import { systemClock } from '../../shared/clock.ts';
import { startBotApi } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { RECORDINGS_DIR } from '../support/recordings.ts';
import { POLICY } from '../scheduler/bench.ts';

const ANN = 101;

describe('jobs, end to end', () => {
  let model: ModelServer;
  let bot: BotApi;
  let home: string;
  let gateway: GatewayProcess;
  /** The report was begun once, and stalled. */
  let isReported = false;

  const start = async () => {
    gateway = await startGatewayProcess({ home });
    await waitFor('a poll', () => bot.isPolling());
  };
  const texts = () => bot.messages(ANN).map(({ message }) => message.text ?? '');
  const count = (part: string) => texts().filter((text) => text.includes(part)).length;

  /** While no gateway runs. */
  async function addJobs(jobs: readonly { name: string; at: number; work: Work }[]): Promise<void> {
    const lock = takeWriterLock(home, { pid: process.pid, startedAt: Date.now(), purpose: 'test' });
    const data = await openData({ home, clock: systemClock });
    try {
      const owner = await findOwner(data.db);
      const [chat] = owner ? await listDmChats(data.db, owner.id) : [];
      if (!owner || !chat) throw new Error('nobody is paired');
      for (const { name, at, work } of jobs)
        await addJob(data.db, personScope(owner.id), {
          ...jobTexts({
            name,
            schedule: { rule: { kind: 'once', at }, text: '', timezone: 'UTC' },
            work,
            condition: undefined,
            delivery: { targets: [{ kind: 'origin' }] },
            permissions: { role: 'owner', tools: ['clock'] },
            policy: POLICY,
            origin: chat.address,
            createdBy: 'person',
          }),
          id: newRowId(at),
          state: 'active',
          first: { scheduledAt: at, dueAt: at, cause: 'schedule' },
        });
    } finally {
      await data.close();
      lock.release();
    }
  }

  async function runs() {
    const data = await openData({ home, clock: systemClock });
    try {
      const owner = await findOwner(data.db);
      return owner ? await listOccurrences(data.db, personScope(owner.id), { limit: 20 }) : [];
    } finally {
      await data.close();
    }
  }

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('slow report') && !isReported) {
          isReported = true;
          return { text: 'The rep', fault: 'stall' };
        }
        if (call.user.includes('news')) return { text: 'Three things happened.' };
        if (call.user.includes('slow report')) return { text: 'The report is ready.' };
        return { text: `Heard: ${call.user.slice(-60)}` };
      },
    });
    bot = await startBotApi({ recordTo: RECORDINGS_DIR });
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { telegram: { api_root: bot.url } },
    });
    fs.writeFileSync(`${home}/.env`, `TELEGRAM_BOT_TOKEN=${bot.token}\nANTHROPIC_API_KEY=test-key-1234\n`, {
      mode: 0o600,
    });
    await start();
    const ann = bot.user(ANN, 'Ann');
    ann.dm.sendText('hi');
    const asked = await bot.waitForText(ANN, 'pairing code is');
    const code = /code is (\w{8})/.exec(asked.text ?? '')?.[1] ?? '';
    await runCommand(home, 'pairing', 'approve', 'telegram', code);
    await bot.waitForText(ANN, 'paired');
    ann.dm.sendText('hello');
    await bot.waitForText(ANN, 'Heard: hello');
    await gateway.kill('SIGTERM');
  }, 60_000);

  afterEach(() => gateway.kill('SIGKILL'));
  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await bot?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it(
    'a reminder and the answer to a prompt arrive when they are due, and a reply goes on from there',
    { timeout: 60_000 },
    async () => {
      const at = Date.now() + 6_000;
      await addJobs([
        { name: 'tea', at, work: { kind: 'reminder', text: 'Take the tea out.' } },
        { name: 'news', at, work: { kind: 'prompt', prompt: 'What is in the news?' } },
      ]);
      await start();
      await bot.waitForText(ANN, 'Take the tea out.', 20_000);
      await bot.waitForText(ANN, 'Three things happened.', 20_000);
      expect(Date.now()).toBeGreaterThanOrEqual(at);
      expect([count('Take the tea out.'), count('Three things happened.')]).toEqual([1, 1]);
      bot.user(ANN).dm.sendText('tell me more');
      await bot.waitForText(ANN, 'Heard: tell me more');
      const asked = JSON.stringify(model.calls.at(-1));
      expect(asked).toContain('Three things happened.');
      await gateway.kill('SIGTERM');
      expect((await runs()).map(({ state, delivery }) => [state, delivery])).toEqual([
        ['done', 'sent'],
        ['done', 'sent'],
      ]);
    },
  );

  it(
    'kill -9 before and during: after the next start each arrives once, and what was cut off is told',
    { timeout: 60_000 },
    async () => {
      const at = Date.now() + 4_000;
      await addJobs([
        { name: 'stretch', at: at + 1_500, work: { kind: 'reminder', text: 'Stand up.' } },
        { name: 'report', at, work: { kind: 'prompt', prompt: 'Write the slow report.' } },
      ]);
      await start();
      const asked = model.calls.length;
      await waitFor('the question', () =>
        model.calls.slice(asked).some((call) => JSON.stringify(call).includes('slow report')),
      );
      await gateway.kill('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at + 2_000 - Date.now())));
      await start();
      await bot.waitForText(ANN, 'Stand up.', 20_000);
      await bot.waitForText(ANN, 'The report is ready.', 20_000);
      const told = 'Herald was stopped while the job "report" ran';
      await bot.waitForText(ANN, told, 20_000);
      expect(['Stand up.', 'The report is ready.', told].map(count)).toEqual([1, 1, 1]);
    },
  );
});
