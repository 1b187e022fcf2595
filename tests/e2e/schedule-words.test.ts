// Jobs in words, end to end: a sentence on the Telegram server becomes a job whose plan is read back with buttons; a button confirms it, and
// its report arrives there when it is due, also after kill -9 in between.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import type { Message } from 'grammy/types';
import { startBotApi } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import type { CallSeen, ScriptedReply } from '../support/model-server-script.ts';
import { RECORDINGS_DIR } from '../support/recordings.ts';

const ANN = 101;
const SENTENCE = 'Every weekday at 9 check Hacker News for AI and send me a summary on Telegram';

describe('jobs in words, end to end', () => {
  let model: ModelServer;
  let bot: BotApi;
  let home: string;
  let gateway: GatewayProcess;
  /** What tools gave the model, latest last. */
  const results: string[] = [];

  const start = async () => {
    gateway = await startGatewayProcess({ home });
    await waitFor('a poll', () => bot.isPolling());
  };
  const texts = () => bot.messages(ANN).map(({ message }) => message.text ?? '');
  const count = (part: string) => texts().filter((text) => text.includes(part)).length;
  const schedule = (args: Record<string, unknown>): ScriptedReply => ({
    toolCalls: [{ name: 'use_tool', arguments: { name: 'schedule', arguments: args } }],
  });

  function script(call: CallSeen): ScriptedReply {
    const { user, toolResults } = call;
    for (const { text } of toolResults) results.push(text);
    if (toolResults.length > 0) return { text: `Tool said: ${toolResults.at(-1)?.text.slice(0, 30) ?? ''}` };
    if (user.includes('Hacker News for AI and send'))
      return schedule({
        action: 'create',
        when: 'every weekday at 9',
        what: 'Summarise what is new about AI on Hacker News',
        deliver: 'telegram',
        name: 'HN',
      });
    if (user.includes('yes, confirm it')) return schedule({ action: 'resume', job: 'HN' });
    if (user.includes('in a moment'))
      return schedule({ action: 'create', when: 'in 9 seconds', what: 'Look at the queue', name: 'queue' });
    if (user.includes('quietly'))
      return schedule({ action: 'create', when: 'in 9 seconds', what: 'Look at the silent thing', name: 'quiet' });
    if (user.includes('Look at the queue')) return { text: 'Two letters wait in the queue.' };
    if (user.includes('Look at the silent thing')) return { text: '[SILENT]' };
    return { text: `Heard: ${user.slice(-60)}` };
  }

  /** Presses a button under the plan of a job, which is the last message with its name. */
  async function press(name: string, label: string): Promise<void> {
    const isPlan = ({ text = '', reply_markup }: Message) => text.startsWith(`${name}:`) && reply_markup !== undefined;
    const found = await bot.until(`the plan of ${name}`, () =>
      bot
        .messages(ANN)
        .map(({ message }) => message)
        .findLast(isPlan),
    );
    const button = found.reply_markup?.inline_keyboard.flat().find(({ text }) => text === label);
    bot.user(ANN).dm.press(found.message_id, button && 'callback_data' in button ? button.callback_data : label);
  }

  beforeAll(async () => {
    model = await startModelServer({ script });
    bot = await startBotApi({ recordTo: RECORDINGS_DIR });
    home = makeHome({
      agent: { timezone: 'Europe/Vienna' },
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
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await bot?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a sentence becomes a plan that is read back; only the person begins it', { timeout: 60_000 }, async () => {
    const ann = bot.user(ANN);
    ann.dm.sendText('/timezone America/New_York');
    await bot.waitForText(ANN, 'Your time zone is America/New_York now');
    ann.dm.sendText(SENTENCE);
    const plan = await bot.waitForText(ANN, 'HN: every weekday at 09:00 (America/New_York)', 20_000);
    expect(plan.text?.match(/\w{3} \d+ \w{3} \d{4}, 09:00/g)).toHaveLength(3);
    expect(plan.text).toContain('goes to: your telegram chat');
    expect(plan.text).toContain('costs at most $0.50 each time');
    expect(plan.text).toContain('It begins when you confirm it');
    expect(plan.reply_markup?.inline_keyboard.flat().map(({ text }) => text)).toEqual(['Confirm', 'Change', 'Remove']);
    await bot.waitForText(ANN, 'Tool said: Made as job', 20_000);
    ann.dm.sendText('yes, confirm it');
    await bot.waitForText(ANN, 'Tool said: ', 20_000);
    await waitFor('the refusal', () => results.some((text) => text.includes('who alone confirms it')));
    await press('HN', 'Confirm');
    await bot.waitForText(ANN, 'HN is confirmed, next', 20_000);
    expect(count('HN: every weekday')).toBe(1);
  });

  it(
    'its report arrives when it is due, after kill -9 in between; a reply goes on from there; silence is silent',
    { timeout: 90_000 },
    async () => {
      const ann = bot.user(ANN);
      const asked = Date.now();
      ann.dm.sendText('in a moment, please');
      await press('queue', 'Confirm');
      await bot.waitForText(ANN, 'queue is confirmed', 20_000);
      ann.dm.sendText('quietly');
      await press('quiet', 'Confirm');
      await bot.waitForText(ANN, 'quiet is confirmed', 20_000);
      await gateway.kill('SIGKILL');
      await start();
      await bot.waitForText(ANN, 'Two letters wait in the queue.', 30_000);
      expect(Date.now() - asked).toBeGreaterThanOrEqual(8_500);
      ann.dm.sendText('which ones?');
      await bot.waitForText(ANN, 'Heard: which ones?', 20_000);
      expect(JSON.stringify(model.calls.at(-1))).toContain('Two letters wait in the queue.');
      await waitFor('the silent run', () => model.calls.some((call) => call.user.includes('Look at the silent thing')));
      for (let i = 0; i < 20 && count('delivery silent') === 0; i++) {
        ann.dm.sendText('/cron runs quiet');
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      expect(count('delivery silent')).toBeGreaterThan(0);
      expect([count('Two letters wait in the queue.'), count('[SILENT]')]).toEqual([1, 1]);
    },
  );
});
