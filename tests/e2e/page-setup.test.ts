// Connecting a chat platform from the page, as its owner would: a wrong token, a right one, the restart, and then a conversation that
// goes on over there while the page looks on.
import fs from 'node:fs';
import path from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBotApi } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';
import { freePort } from '../support/free-port.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const CHROMIUM = '/usr/bin/chromium';
const missing = fs.existsSync(CHROMIUM) ? '' : ` (skipped: no ${CHROMIUM} on this machine)`;
const ANN = 301;

/** A port that is free now; the page must find the gateway again after its restart. */
describe.skipIf(missing !== '')(`setting up from the page${missing}`, () => {
  let model: ModelServer;
  let bot: BotApi;
  let browser: Browser;
  let page: Page;
  let home: string;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    model = await startModelServer({ script: (call) => ({ text: `Heard: ${call.user.slice(-60)}` }) });
    bot = await startBotApi();
    home = makeHome({
      gateway: { port: await freePort() },
      model: { provider: 'custom', base_url: model.openAiUrl, name: 'test-model', api_key: 'test-key-1234' },
      platforms: { telegram: { api_root: bot.url } },
    });
    gateway = await startGatewayProcess({ home });
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    });
    page = await browser.newPage();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await browser?.close();
    await bot?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  const lines = () => page.locator('#lines').innerText();
  const dialog = () => page.locator('#setup').innerText();
  const answer = async (text: string) => {
    await page.fill('#setup input', text);
    await page.press('#setup input', 'Enter');
  };

  it('is offered to the owner alone', async () => {
    await page.goto(gateway.url);
    await waitFor('the connection', async () => (await page.locator('#connection-text').innerText()) === 'Connected');
    expect(await page.locator('#setup-open').isVisible()).toBe(false);
    expect(await page.evaluate(async () => (await fetch('setup')).status)).toBe(404);
    const link = await waitFor('the link', () => /http:\/\/127\.0\.0\.1:\d+\/#link=\w+/.exec(gateway.output())?.[0]);
    await page.goto(link);
    await waitFor('the button', () => page.locator('#setup-open').isVisible());
  });

  it('asks, refuses a wrong token, takes the right one, and keeps it in .env', async () => {
    await page.click('#setup-open');
    await waitFor('the list', async () => (await dialog()).includes('Telegram'));
    await page.locator('#setup section', { hasText: 'Telegram' }).getByRole('button').click();
    await waitFor('the question', () => page.locator('#setup input').isVisible());
    expect(await page.locator('#setup input').getAttribute('type')).toBe('password');
    await answer('123456789:this-is-no-token-of-anybody');
    await waitFor('the refusal', async () => (await dialog()).includes('does not know this token'));
    await answer(bot.token);
    await waitFor('the end', async () => (await dialog()).includes('Saved'));
    expect(fs.readFileSync(path.join(home, '.env'), 'utf8')).toContain(bot.token);
    expect(fs.statSync(path.join(home, '.env')).mode & 0o777).toBe(0o600);
    expect(fs.readFileSync(path.join(home, 'config.yaml'), 'utf8')).not.toContain(bot.token);
  });

  it('restarts into the connected platform', { timeout: 40_000 }, async () => {
    await page.getByRole('button', { name: 'Back to the list' }).click();
    await page.getByRole('button', { name: 'Restart now' }).click();
    await waitFor('a poll', () => bot.isPolling(), 20_000);
    await waitFor('the state', async () => /Telegram\s+Connected/.test(await dialog()), 20_000);
    await page.getByRole('button', { name: 'Close' }).click();
  });

  it('shows at once what is said over there', { timeout: 30_000 }, async () => {
    const ann = bot.user(ANN, 'Ann');
    ann.dm.sendText('hi');
    const asked = await bot.waitForText(ANN, 'pairing code is');
    await page.fill('#text', `/pair approve ${/code is (\w{8})/.exec(asked.text ?? '')?.[1] ?? ''} me`);
    await page.press('#text', 'Enter');
    await waitFor('the approval', async () => /let in|now yours|linked/i.test(await lines()));
    ann.dm.sendText('from my phone');
    await bot.waitForText(ANN, 'Heard: from my phone');
    await waitFor('both lines', async () => {
      const text = await lines();
      return text.includes('Heard: from my phone') && text.includes('via telegram');
    });
    const text = await lines();
    expect(text.indexOf('from my phone')).toBeLessThan(text.indexOf('Heard: from my phone'));
    await page.reload();
    await waitFor('the same after a reload', async () => (await lines()).includes('Heard: from my phone'));
  });
});
