// The chat page in a real headless Chromium: how it looks, who can use it, and what no text can make it do.
import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeInBrowser, inPage, say, seen, until } from './browser-support.ts';

/** Contrast of text to its background, for each kind of text. */
const CONTRASTS = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => {
    const [r, g, b] = rgb(color).map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgb(color)[3] > 0) return color;
    }
    return 'white';
  };
  const kinds = ['.out p', '.out code', '.out a', '.out blockquote p', '.in .text', '.meta', '.connection'];
  return kinds.map((selector) => {
    const element = document.querySelector(selector);
    const [a, b] = [light(getComputedStyle(element).color), light(back(element))];
    return [selector, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  });
})()`;

describeInBrowser('the look and the safety of the chat page', ({ core, open, problems }) => {
  it('lets nothing in a text run, load or restyle the page', async () => {
    const attacks = [
      '<script>window.hit = 1</script>',
      '<img src=x onerror="window.hit = 1">',
      '<svg onload="window.hit = 1">',
      '[click](javascript:window.hit=1)',
      '[click](data:text/html,<script>window.hit=1</script>)',
      '![x](https://evil.example/pixel.png)',
      '"><iframe src="javascript:window.hit=1"></iframe>',
      '<style>body{display:none}</style><base href="https://evil.example/">',
      '```"><img src=x onerror=window.hit=1>\n</code></pre><script>window.hit=1</script>\n```',
      '| <img src=x onerror=window.hit=1> |\n|---|\n| <script>window.hit=1</script> |',
      '&lt;script&gt;window.hit=1&lt;/script&gt; &#60;img src=x onerror=window.hit=1&#62;',
    ];
    const requests: string[] = [];
    core().respond = async (turn) => {
      await turn.draft(turn.message.text, ['<img src=x onerror="window.hit = 1">']);
      await turn.answer(turn.message.text, {
        buttons: [[{ label: '<img src=x onerror="window.hit = 1">', data: 'x' }]],
      });
    };
    const page = await open();
    page.on('request', (request) => requests.push(request.url()));
    for (const [index, attack] of attacks.entries()) {
      await say(page, attack.replaceAll('\n', ' '));
      await until(async () => (await page.locator('#lines .entry.out').count()) > index, 'the answer is shown');
    }
    await page.reload();
    await page.locator('#connection[data-state=online]').waitFor();
    for (const link of await page.locator('#lines a[href]').all()) {
      expect(await link.getAttribute('href')).toMatch(/^https:\/\/evil\.example\//);
    }
    expect(await page.evaluate(`'hit' in window`)).toBe(false);
    expect(await page.locator('#lines').locator('script, iframe, svg, style, base, img').count()).toBe(0);
    expect(requests.filter((url) => !url.startsWith(core().url))).toEqual([]);
    // The policy itself, should the escaping ever fail.
    await page.evaluate(`{
      const host = document.createElement('div');
      host.innerHTML = '<img src="x" onerror="window.hit = 1"><img src="https://evil.example/pixel.png">';
      const script = document.createElement('script');
      script.textContent = 'window.hit = 1';
      document.body.append(host, script);
    }`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await page.evaluate(`'hit' in window`)).toBe(false);
    expect(problems.every((line) => /Content Security Policy/.test(line))).toBe(true);
    problems.length = 0;
  });

  it.each([390, 320])('fits a width of %i without sideways scrolling', async (width) => {
    core().respond = (turn) =>
      turn.answer(
        `${'longword'.repeat(40)}\n\nhttps://example.org/${'path/'.repeat(40)}\n\n\`\`\`\n${'code '.repeat(80)}\n\`\`\`\n\n| ${'column | '.repeat(12)}\n|${'---|'.repeat(12)}\n| ${'cell | '.repeat(12)}`,
        { buttons: [Array.from({ length: 6 }, (_, i) => ({ label: `A rather long label ${i}`, data: `b${i}` }))] },
      );
    const page = await open({ viewport: { width, height: 700 }, isMobile: true, hasTouch: true });
    await page.fill('#text', 'x'.repeat(300));
    await page.tap('#send');
    await page.locator('#lines .entry.out').waitFor();
    const widths = '[document.documentElement, document.body, scroller].map((element) => element.scrollWidth)';
    const wide = await inPage(page, widths, z.array(z.number()));
    for (const value of wide) expect(value).toBeLessThanOrEqual(width);
    // Code and tables scroll within themselves.
    expect(await page.locator('.code pre').evaluate((element) => element.scrollWidth > element.clientWidth)).toBe(true);
    for (const id of ['#send', '#attach', '#text']) {
      const box = await page.locator(id).boundingBox();
      expect(box?.height ?? 0).toBeGreaterThanOrEqual(38);
    }
  });

  it.each(['light', 'dark'] as const)('is readable in %s', async (colorScheme) => {
    core().respond = (turn) => turn.answer('Plain text, `code` and [link](https://example.org).\n\n> quote');
    const page = await open({ colorScheme });
    await say(page, 'hello');
    await page.locator('#lines .entry.out').waitFor();
    const contrasts = await inPage(page, CONTRASTS, z.array(z.tuple([z.string(), z.number()])));
    // WCAG 2.2, 1.4.3: 4.5 to 1 for text.
    for (const [selector, ratio] of contrasts) expect(ratio, selector).toBeGreaterThanOrEqual(4.5);
    const dark = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(dark).toBe(colorScheme === 'dark' ? 'rgb(22, 24, 28)' : 'rgb(247, 247, 245)');
  });

  it('can be used with the keyboard and names its parts for screen readers', async () => {
    const page = await open();
    await say(page, 'hello');
    await seen(page, 'You said: hello');
    expect(await page.getByRole('log', { name: 'Messages' }).count()).toBe(1);
    expect(await page.getByRole('textbox', { name: 'Message' }).count()).toBe(1);
    expect(await page.getByRole('status').first().innerText()).toBe('Connected');
    for (const name of ['Attach files', 'Send'])
      expect(await page.getByRole('button', { name, exact: true }).count()).toBe(1);
    const unnamed = await page.evaluate(`
      [...document.querySelectorAll('button, input:not([hidden]), textarea, img, a')].filter((element) => {
        const name = element.getAttribute('aria-label') ?? element.getAttribute('alt') ?? element.textContent;
        return name === null || (name.trim() === '' && element.tagName !== 'IMG');
      }).length`);
    expect(unnamed).toBe(0);
    const focused: string[] = [];
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press('Shift+Tab');
      focused.push(await inPage(page, "document.activeElement?.id ?? ''", z.string()));
    }
    expect(focused).toContain('attach');
    expect(focused).toContain('scroller');
  });
});
