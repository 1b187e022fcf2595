// The main job, as a newcomer does it: start, open the link, talk, kill -9 in the middle of an answer, start again, and get that
// answer exactly once. The real gateway as a process, a real browser, a scripted model server that answers slowly.
import fs from 'node:fs';
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBrokenStory } from '../support/broken-story.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const CHROMIUM = '/usr/bin/chromium';
const missing = existsSync(CHROMIUM) ? '' : ` (skipped: no ${CHROMIUM} on this machine)`;
const LONG = Array.from({ length: 40 }, (_, index) => `part-${index + 1}`).join(' ');
const brokenStory = makeBrokenStory(LONG);

describe.skipIf(missing !== '')(`a newcomer's first minutes${missing}`, () => {
  let model: ModelServer;
  let browser: Browser;
  let home: string;
  let gateway: GatewayProcess;
  let page: Page;

  beforeAll(async () => {
    model = await startModelServer({
      script: (call) =>
        call.user.includes('long story') ? brokenStory(call) : { text: `You said **${call.user.slice(0, 60)}**.` },
    });
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    });
    home = makeHome({
      model: { provider: 'custom', base_url: model.openAiUrl, name: 'test-model', api_key: 'test-key-1234' },
    });
    gateway = await startGatewayProcess({ home });
    page = await browser.newPage();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await browser?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  const say = async (text: string) => {
    await page.fill('#text', text);
    await page.press('#text', 'Enter');
  };
  const lines = () => page.locator('#lines').innerText();

  it('the printed link makes the browser the owner’s', async () => {
    const link = await waitFor('the link', () => /http:\/\/127\.0\.0\.1:\d+\/#link=\w+/.exec(gateway.output())?.[0]);
    await page.goto(link);
    await waitFor('to be paired', async () => /owner/i.test(await lines()));
    expect(page.url()).not.toContain('link=');
  });

  it('a message is answered, formatted', async () => {
    await say('hello there');
    await waitFor(
      'the answer',
      async () => (await page.locator('#lines strong', { hasText: 'hello there' }).count()) === 1,
    );
  });

  it('an answer that kill -9 cut off arrives exactly once after the next start', { timeout: 60_000 }, async () => {
    await say('tell me a long story');
    await waitFor('the stream', async () => (await page.locator('#drafts').innerText()).includes('part-3'));
    await gateway.kill('SIGKILL');
    await say('and this while you were away');
    const port = new URL(gateway.url).port;
    fs.writeFileSync(
      `${home}/config.yaml`,
      JSON.stringify({
        ...JSON.parse(fs.readFileSync(`${home}/config.yaml`, 'utf8')),
        gateway: { port: Number(port) },
      }),
    );
    gateway = await startGatewayProcess({ home });
    await waitFor(
      'both answers',
      async () => {
        const text = await lines();
        return text.includes('part-40') && text.includes('You said and this while you were away.');
      },
      30_000,
    );
    await page.reload();
    await waitFor('the page', async () => (await lines()).includes('part-40'));
    const text = await lines();
    expect(text.split('part-40')).toHaveLength(2);
    expect(text.split('You said and this while you were away.')).toHaveLength(2);
    expect(text.split('You said hello there.')).toHaveLength(2);
  });

  it('another browser is a stranger: a code, and nothing else', async () => {
    const other = await (await browser.newContext()).newPage();
    await other.goto(gateway.url);
    await other.fill('#text', 'show me everything');
    await other.press('#text', 'Enter');
    const code = await waitFor(
      'a code',
      async () => /pairing code is (\w{8})/.exec(await other.locator('#lines').innerText())?.[1],
    );
    expect(await other.locator('#lines').innerText()).not.toContain('part-1');
    await say(`/pair approve ${code} me`);
    await waitFor('the welcome', async () => /let in/i.test(await other.locator('#lines').innerText()));
    await other.fill('#text', 'now me');
    await other.press('#text', 'Enter');
    await waitFor('an answer', async () => (await other.locator('#lines').innerText()).includes('You said now me.'));
  });
});
