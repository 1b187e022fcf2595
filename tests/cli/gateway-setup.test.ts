// herald gateway setup in a terminal, and doctor --live: a platform is connected, the gateway restarted into it, and messages proven to
// go both ways.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startBotApi } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';
import { startGatewayProcess, type GatewayProcess } from '../support/gateway-process.ts';
import { answerQuestions } from './answer-questions.ts';
import { makeTempHome, removeHome, runCli } from './run-cli.ts';

const ANN = 401;
let home: string;
let bots: BotApi;
let gateway: GatewayProcess | undefined;

beforeEach(async () => {
  home = makeTempHome();
  bots = await startBotApi();
  fs.writeFileSync(
    path.join(home, 'config.yaml'),
    `# kept\ngateway: {port: 0}\nplatforms:\n  telegram:\n    api_root: ${bots.url}\n`,
  );
});
afterEach(async () => {
  await gateway?.kill('SIGKILL');
  gateway = undefined;
  await bots.close();
  removeHome(home);
});

it('asks, checks, saves, restarts the gateway and shows that it is connected', { timeout: 40_000 }, async () => {
  gateway = await startGatewayProcess({ home });
  const { code, screen } = await answerQuestions(
    home,
    ['gateway', 'setup', 'telegram'],
    [
      [/Telegram: token/, '123456789:this-is-no-token-of-anybody\r'],
      [/does not know this token[^]*Telegram: token/, `${bots.token}\r`],
      [/herald_test_bot[^]*Restart the gateway now/, '\r'],
      [/Telegram is connected[^]*wait for your answer/, 'n'],
    ],
  );
  expect(code).toBe(0);
  expect(screen).not.toContain(bots.token);
  expect(fs.readFileSync(path.join(home, 'config.yaml'), 'utf8')).toMatch(/# kept[^]*enabled: true/);
  expect(bots.isPolling()).toBe(true);
});

it('needs a terminal, and knows its platforms', async () => {
  const piped = await runCli(['gateway', 'setup', 'telegram'], { home });
  expect([piped.code, piped.stderr]).toEqual([2, expect.stringContaining('no terminal')]);
  const { code, screen } = await answerQuestions(
    home,
    ['gateway', 'setup', 'telegraph'],
    [[/no platform "telegraph"/, '']],
  );
  expect(code).not.toBe(0);
  expect(screen).toContain('telegram');
});

it('doctor --live writes to the owner, and is content with an answer', { timeout: 40_000 }, async () => {
  fs.writeFileSync(path.join(home, '.env'), `TELEGRAM_BOT_TOKEN=${bots.token}\n`, { mode: 0o600 });
  gateway = await startGatewayProcess({ home });
  const live = () => runCli(['doctor', '--live', '--platform', 'telegram', '--json'], { home });
  expect((await live()).stdout).toContain('no owner yet');
  const ann = bots.user(ANN, 'Ann');
  const code = /code: +(\w+)|#link=(\w+)/.exec((await runCli(['pairing', 'link'], { home })).stdout);
  ann.dm.sendText(`/link ${code?.[1] ?? code?.[2] ?? ''}`);
  await bots.waitForText(ANN, 'owner');
  const proof = live();
  await bots.waitForText(ANN, 'check by');
  ann.dm.sendText('here I am');
  const { stdout } = await proof;
  expect(JSON.parse(stdout)).toMatchObject({
    findings: expect.arrayContaining([{ check: 'live', level: 'ok', message: 'telegram: sent and received' }]),
  });
});
