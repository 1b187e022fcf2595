// The chat page in a real headless Chromium: what a person does with it. The core behind the real server and adapter is scripted.
import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeInBrowser, inPage, lines, say, seen, until } from './browser-support.ts';

describeInBrowser('the chat page', ({ core, open }) => {
  it('sends with Enter, streams a draft, and shows the answer formatted in its place', async () => {
    const release = Promise.withResolvers<void>();
    core().respond = async (turn) => {
      await turn.typing();
      await turn.draft('The **beginning** of', ['searching past messages']);
      await release.promise;
      await turn.answer(
        '# Result\n\nIt is **bold**, `code` and [a link](https://example.org/).\n\n```ts\nlet a = 1 < 2;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |',
      );
    };
    const page = await open();
    await say(page, 'What is <b>it</b>?\nsecond line');
    const draft = page.locator('#drafts .entry');
    await draft.locator('strong', { hasText: 'beginning' }).waitFor();
    expect(await draft.locator('.tools').innerText()).toBe('searching past messages');
    expect(await page.locator('#stop').isVisible()).toBe(true);
    release.resolve();
    const answer = page.locator('#lines .entry.out').last();
    await answer.locator('h2', { hasText: 'Result' }).waitFor();
    expect(await draft.count()).toBe(0);
    expect(await answer.locator('strong').innerText()).toBe('bold');
    expect(await answer.locator('pre code').innerText()).toBe('let a = 1 < 2;');
    expect(await answer.locator('td').allInnerTexts()).toEqual(['1', '2']);
    expect(await answer.locator('a').getAttribute('rel')).toBe('noopener noreferrer nofollow');
    expect(await page.locator('#lines .entry.in .text').innerText()).toBe('What is <b>it</b>?\nsecond line');
    await until(() => page.locator('#stop').isHidden(), 'the stop button hides');
    expect(await page.locator('#waiting .entry').count()).toBe(0);
  });

  it('shows the history after a reload, and older lines on scrolling back', async () => {
    const page = await open();
    await say(page, 'first');
    await seen(page, 'You said: first');
    const [message] = core().record.received;
    for (let i = 0; i < 120; i++) {
      core().record.timeline.push({
        key: `old-${i}`,
        direction: 'out',
        at: Date.now(),
        text: `line **${i}**`,
        kind: 'answer',
        files: [],
        buttons: [],
      });
    }
    await page.reload();
    await seen(page, 'line 119');
    expect(await lines(page)).toEqual(Array.from({ length: 50 }, (_, i) => `line ${70 + i}`));
    await until(
      () => inPage(page, 'scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 5', z.boolean()),
      'the end is shown',
    );
    for (let round = 0; round < 4; round++) {
      const before = (await lines(page)).length;
      await page.evaluate('scroller.scrollTo(0, 0)');
      await until(
        async () => (await lines(page)).length > before || (await page.locator('#older').isHidden()),
        'older lines come',
      );
    }
    expect(await lines(page)).toEqual([
      'first',
      'You said: first',
      ...Array.from({ length: 120 }, (_, i) => `line ${i}`),
    ]);
    expect(message?.text).toBe('first');
    await say(page, 'still the same person');
    await until(() => core().record.received.length === 2, 'the message arrives');
    expect(core().record.received[1]?.sender.id).toBe(message?.sender.id);
  });

  it('keeps what is written while the server is away, and sends it once when it is back', async () => {
    const page = await open();
    await say(page, 'before');
    await seen(page, 'You said: before');
    await core().stop();
    await page.locator('#connection[data-state=offline], #connection[data-state=connecting]').waitFor();
    await say(page, 'while down 1');
    await say(page, 'while down 2');
    await until(
      async () => (await page.locator('#connection-text').innerText()).includes('2 to send'),
      'the page says what waits',
    );
    expect(await page.locator('#waiting .entry .text').allInnerTexts()).toEqual(['while down 1', 'while down 2']);
    await core().start();
    await seen(page, 'You said: while down 2');
    await page.locator('#connection[data-state=online]').waitFor();
    expect(core().record.received.map((message) => message.text)).toEqual(['before', 'while down 1', 'while down 2']);
    expect((await lines(page)).filter((line) => line.includes('while down 1')).sort()).toEqual([
      'You said: while down 1',
      'while down 1',
    ]);
    expect(await page.locator('#waiting .entry').count()).toBe(0);
  });

  it('keeps what is not sent over a reload, and over an acknowledgement that got lost', async () => {
    const page = await open();
    core().record.loseNextAck(1);
    await say(page, 'ack lost');
    await seen(page, 'You said: ack lost');
    await until(async () => (await page.locator('#waiting .entry').count()) === 0, 'nothing waits');
    core().record.failNext(3);
    await say(page, 'disk was full');
    await seen(page, 'You said: disk was full');
    expect(core().record.received.map((message) => message.text)).toEqual(['ack lost', 'disk was full']);
    // The server refuses for a while, and the page is closed meanwhile.
    core().record.failNext(1_000);
    await say(page, 'closed too early');
    await page.locator('#waiting .entry', { hasText: 'closed too early' }).waitFor();
    await page.goto('about:blank');
    await core().stop();
    await core().start();
    await page.goto(core().url);
    await seen(page, 'You said: closed too early');
    expect(core().record.received.map((message) => message.text)).toEqual([
      'ack lost',
      'disk was full',
      'closed too early',
    ]);
    expect((await lines(page)).filter((line) => line === 'closed too early')).toHaveLength(1);
    expect(await page.evaluate('Object.keys(localStorage)')).toEqual([]);
  });

  it('keeps a message while the gateway starts up behind its port', async () => {
    const page = await open();
    // Two each: the page waits twice as long after each refusal.
    for (const [text, statuses] of [
      ['too early', [404, 502]],
      ['still too early', [401, 429]],
    ] as const) {
      const left: number[] = [...statuses];
      await page.route('**/messages', (route) => route.fulfill({ status: left.shift() ?? 500, body: 'not yet' }), {
        times: statuses.length,
      });
      await say(page, text);
      await seen(page, `You said: ${text}`);
      expect(left).toEqual([]);
    }
    expect(core().record.received.map((message) => message.text)).toEqual(['too early', 'still too early']);
    expect(await page.locator('#waiting .entry').count()).toBe(0);
  });

  it('tells when the server refuses a message for good, and lets go of it', async () => {
    const page = await open();
    await page.route(
      '**/messages',
      (route) => route.fulfill({ status: 400, json: { error: { code: 'bad_input', message: 'Not like this.' } } }),
      { times: 1 },
    );
    await say(page, 'refused');
    const entry = page.locator('#waiting .entry.refused', { hasText: 'Not like this.' });
    await entry.waitFor();
    await entry.getByText('Send again').click();
    await seen(page, 'You said: refused');
    expect(core().record.received.map((message) => message.text)).toEqual(['refused']);
  });

  it('uploads files by button, paste and drop, shows images, and offers the agent’s files', async () => {
    const page = await open();
    const pixel = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    await page.setInputFiles('#picker', [{ name: 'pixel.png', mimeType: 'image/png', buffer: pixel }]);
    for (const how of ['paste', 'drop']) {
      await page.evaluate(`{
        const data = new DataTransfer();
        data.items.add(new File(['by ${how}'], '${how}.txt', { type: 'text/plain' }));
        const event = ${
          how === 'paste'
            ? "new ClipboardEvent('paste', { clipboardData: data, bubbles: true })"
            : "new DragEvent('drop', { dataTransfer: data, bubbles: true })"
        };
        document.getElementById('text').dispatchEvent(event);
      }`);
    }
    await until(async () => (await page.locator('#attachments li small').count()) === 3, 'three files are ready');
    await say(page, 'look');
    const got = await core().record.waitFor((message) => message.text === 'look');
    expect(got.attachments.map(({ kind, name }) => [kind, name])).toEqual([
      ['image', 'pixel.png'],
      ['document', 'paste.txt'],
      ['document', 'drop.txt'],
    ]);
    await until(
      () => inPage(page, "document.querySelector('#lines .entry.in img')?.naturalWidth === 1", z.boolean()),
      'the image is shown',
    );
    expect(await page.locator('#attachments li').count()).toBe(0);

    await page.setInputFiles('#picker', [
      { name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(1024 * 1024 + 1) },
    ]);
    await page.locator('#notice', { hasText: 'large.bin is larger than 1.0 MB' }).waitFor();

    core().respond = async (turn) => {
      const report = `${process.cwd()}/package.json`;
      await turn.answer('here', {
        files: [{ kind: 'document', path: report, name: 'report.json', mime: 'application/json', bytes: 3 }],
      });
    };
    await say(page, 'send me the report');
    const link = page.locator('#lines .entry.out a.file');
    await link.waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    expect(download.suggestedFilename()).toBe('report.json');
  });

  it('presses buttons once, replies, and completes commands', async () => {
    core().respond = async (turn) => {
      if (turn.message.kind === 'button') return turn.answer(`Pressed ${turn.message.button?.data}`);
      await turn.answer('May I?', {
        buttons: [
          [
            { label: 'Allow', data: 'allow:1' },
            { label: 'Deny', data: 'deny:1' },
          ],
        ],
      });
    };
    const page = await open();
    await say(page, 'question');
    await page.getByRole('button', { name: 'Allow' }).click();
    await seen(page, 'Pressed allow:1');
    expect(await page.getByRole('button', { name: 'Deny' }).isDisabled()).toBe(true);
    expect(core().record.received.filter((message) => message.kind === 'button')).toHaveLength(1);

    const entry = page.locator('#lines .entry.out').first();
    await entry.hover();
    await entry.getByRole('button', { name: 'Reply' }).click();
    await say(page, 'about that');
    const reply = await core().record.waitFor((message) => message.text === 'about that');
    expect(reply.replyTo).toMatchObject({ mine: true, text: 'May I?' });

    await page.locator('#text').pressSequentially('/sta');
    expect(await page.locator('#suggestions li').allInnerTexts()).toEqual([expect.stringContaining('/status')]);
    await page.press('#text', 'Enter');
    expect(await page.inputValue('#text')).toBe('/status ');
    await page.press('#text', 'Enter');
    await core().record.waitFor((message) => message.text === '/status');
  });

  it('sends the code of a pairing link once, and takes it out of the address', async () => {
    const page = await open({}, '/#link=ABCD2345');
    // A first visit has no cookie yet: the browser must become one device, whose chat it shows.
    await seen(page, 'You said: /link ABCD2345');
    expect(page.url()).toBe(`${core().url}/`);
    await page.reload();
    await seen(page, 'You said: /link ABCD2345');
    await page.locator('#connection[data-state=online]').waitFor();
    expect(core().record.received).toHaveLength(1);
    expect(await inPage(page, 'history.length', z.number())).toBeLessThanOrEqual(2);
  });

  it('shows the same chat in two windows of one browser', async () => {
    const page = await open();
    const second = await page.context().newPage();
    await second.goto(core().url);
    await second.locator('#connection[data-state=online]').waitFor();
    await say(page, 'from the first');
    await seen(second, 'from the first');
    await seen(second, 'You said: from the first');
    await say(second, 'from the second');
    await seen(page, 'You said: from the second');
    for (const window of [page, second]) {
      expect(await lines(window)).toEqual([
        'from the first',
        'You said: from the first',
        'from the second',
        'You said: from the second',
      ]);
    }
    const stranger = await open();
    expect(await lines(stranger)).toEqual([]);
  });

  it('copies code', async () => {
    core().respond = (turn) => turn.answer('```sh\nnpm install\nnpm start\n```');
    const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await say(page, 'how?');
    const copy = page.locator('.code .copy');
    await copy.click();
    await until(async () => (await copy.innerText()) === 'Copied', 'the button says so');
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('npm install\nnpm start');
  });
});
