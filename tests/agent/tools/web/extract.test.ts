// Reading pages: each kind of content from a real server, through the real threads.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { webSchema } from '../../../../agent/tools/web/config.ts';
import { makeReader } from '../../../../agent/tools/web/extract/reader.ts';
import { makeWebTools } from '../../../../agent/tools/web/web-tools.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { openHome, type Home } from '../../fixture.ts';
import { makeDocx, makePdf } from '../../../support/web/documents.ts';
import { assess, runTool } from '../../../support/web/run-tool.ts';
import { openSite, reply, type Site } from '../../../support/web/site.ts';

const SENTENCE = 'A sentence of the article that says something of substance, with commas, and goes on for a while. ';
const ARTICLE = `<!doctype html><html><head><title>Big News | Paper</title>
<meta property="og:site_name" content="Paper"><meta name="author" content="Ann Writer">
<meta property="article:published_time" content="2026-11-20T10:00:00Z">
<script>var x = "<p>not text</p>";</script></head><body>
<nav><a href="/home">Home</a><a href="/about">About us</a></nav>
<article><h1>Big News</h1><p>${SENTENCE.repeat(4)}</p>
<table style="border:1px" bgcolor="#eee"><tr><th>Name</th><th>Size</th></tr><tr><td>one</td><td><ul><li>a</li><li>b</li></ul></td></tr></table>
<p>${SENTENCE.repeat(3)} See <a href="../more">more</a> and <a href="javascript:steal()">this</a>.</p>
<img src="/p.png" alt="A chart"><img src="/pixel.gif"><img src="data:image/png;base64,AAAA" alt="inline">
<pre><code class="language-js">let a = 1 &lt; 2;</code></pre></article><footer>Imprint</footer></body></html>`;

let home: Home;
let site: Site;
beforeAll(async () => {
  home = await openHome();
  site = await openSite(({ url }, response) => {
    const text = (body: string | Uint8Array, type: string) => reply(response, body, { type });
    switch (url) {
      case '/news/1':
        return reply(response, gzipSync(ARTICLE), { headers: { 'content-encoding': 'gzip' } });
      case '/list':
        return text('<title>Links</title><body><ul><li><a href="/a">One</a><li><a href="/b">Two</a></ul>', 'text/html');
      case '/layout':
        return text(
          '<title>Old</title><table><tr><td><h2>Head</h2><table><tr><td>k</td><td>v</td></tr><tr><td>k2</td><td>v2</td></tr></table></td></tr></table>',
          'text/html',
        );
      case '/pdf':
        return text(
          makePdf(['Hello from page one', 'Second page'], { title: 'A Report', author: 'Bob' }),
          'application/octet-stream',
        );
      case '/docx':
        return text(
          makeDocx(
            '<w:p><w:r><w:t>Plain words</w:t></w:r></w:p><w:p><w:r><w:rPr><w:b/></w:rPr><w:t>bold words</w:t></w:r></w:p>',
          ),
          'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
        );
      case '/broken.pdf':
        return text('%PDF-1.4 nothing of it', 'application/pdf');
      case '/json':
        return text('{"a":[1,2]}', 'application/json; charset=utf-8');
      case '/rss':
        return text(
          '<?xml version="1.0"?><rss version="2.0"><channel><title>My feed</title><item><title>Item &amp; one</title><link>https://x.example/1</link><pubDate>Sat, 21 Nov 2026</pubDate><description><![CDATA[<p>Some <b>words</b></p><script>x</script>]]></description></item></channel></rss>',
          'application/rss+xml',
        );
      case '/atom':
        return text(
          '<feed xmlns="http://www.w3.org/2005/Atom"><title>Atom feed</title><entry><title>E1</title><link href="/e1"/><updated>2026-11-21</updated><summary>Sum</summary></entry></feed>',
          'application/atom+xml',
        );
      case '/latin1':
        return text(Buffer.from('Grüße aus Köln', 'latin1'), 'text/plain; charset=iso-8859-1');
      case '/sjis':
        return text(
          Buffer.concat([
            Buffer.from('<html><head><meta charset="shift_jis"><title>x</title></head><body>'),
            Buffer.from([0x93, 0xfa, 0x96, 0x7b]),
            Buffer.from('</body></html>'),
          ]),
          'text/html',
        );
      case '/guess':
        return text(Buffer.from('caf\u00e9', 'latin1'), 'text/plain');
      case '/image':
        return text('x', 'image/png');
      case '/empty':
        return text('<html><body><div id="app"></div></body></html>', 'text/html');
      case '/big':
        return text('y'.repeat(30_000), 'text/plain');
      default:
        return reply(response, 'nothing here', { status: Number(url.slice(1)) || 404 });
    }
  });
});
afterAll(async () => {
  await site.close();
  await home.close();
});

function tools(extract: Record<string, unknown> = {}) {
  const allow_hosts = [`127.0.0.1:${site.port}`];
  return makeWebTools({
    settings: webSchema.parse({ allow_hosts, extract }),
    clock: systemClock,
    lookup: () => undefined,
  });
}

const read = (path: string, format?: string) =>
  runTool(home, tools(), ['web_extract', { urls: [`${site.url}${path}`], ...(format && { format }) }]);

describe('web_extract', () => {
  it('gives the main part of an article as markdown, with who wrote it and when', async () => {
    const { text, isError } = await read('/news/1');
    expect(isError).toBe(false);
    expect(text).toMatch(/^# Big News.*\nhttp:\/\/127\.0\.0\.1:\d+\/news\/1\nAnn Writer · 2026-11-20T10:00:00Z\n\n/);
    expect(text).toContain(SENTENCE.trim());
    expect(text).toMatch(/\| Name \| Size \|\n\| --- \| --- \|\n\| one \| a.*b.*\|/);
    expect(text).toContain(`[more](${site.url}/more)`);
    expect(text).toContain(`![A chart](${site.url}/p.png)`);
    expect(text).toContain('```js\nlet a = 1 < 2;\n```');
    expect(text).not.toMatch(/not text|javascript:|Imprint|About us|base64|pixel\.gif|<table|<div/);
  });

  it('gives plain text when asked to', async () => {
    const { text } = await read('/news/1', 'text');
    expect(text).toContain('See more and this.');
    expect(text).not.toMatch(/\]\(|!\[/);
  });

  it('gives pages that are no articles as a whole', async () => {
    expect((await read('/list')).text).toContain(`[One](${site.url}/a)`);
    const layout = (await read('/layout')).text;
    expect(layout).toContain('## Head');
    expect(layout).toMatch(/\| k\s+\| v\s+\|/);
    expect((await read('/empty')).text).toContain('made by scripts');
  });

  it('reads PDF and Word files', async () => {
    const pdf = await read('/pdf');
    expect(pdf.text).toMatch(
      /^# A Report\n.*\nBob · 2026-11-21\n\n\[page 1 of 2\]\n\nHello from page one\n\n\[page 2 of 2\]\n\nSecond page$/,
    );
    expect((await read('/docx')).text).toMatch(/Plain words\n\n\*\*bold words\*\*$/);
    expect(await read('/broken.pdf')).toMatchObject({ isError: true, text: expect.stringContaining('damaged') });
  });

  it('reads feeds, JSON and text', async () => {
    expect((await read('/rss')).text).toMatch(
      /^# My feed\n.*\n\n## Item & one\nSat, 21 Nov 2026 · https:\/\/x\.example\/1\nSome words/,
    );
    expect((await read('/atom')).text).toContain(`## E1\n2026-11-21 · ${site.url}/e1\nSum`);
    expect((await read('/json')).text).toContain('{"a":[1,2]}');
    expect((await read('/big')).text.length).toBeGreaterThan(30_000);
  });

  it('finds the character set in header and page, or guesses it', async () => {
    expect((await read('/latin1')).text).toContain('Grüße aus Köln');
    expect((await read('/sjis')).text).toContain('日本');
    expect((await read('/guess')).text).toContain('café');
  });

  it('reads several at once, and one that fails costs the others nothing', async () => {
    const urls = [`${site.url}/json`, `${site.url}/404`, `${site.url}/403`, `${site.url}/image`, 'http://127.0.0.1:1/'];
    const { text, isError } = await runTool(home, tools(), ['web_extract', { urls }]);
    expect(isError).toBe(false);
    const parts = text.split('\n\n---\n\n');
    expect(parts).toHaveLength(5);
    expect(parts[0]).toContain('{"a":[1,2]}');
    expect(parts[1]).toContain('no such page (404)');
    expect(parts[2]).toContain('refused');
    expect(parts[3]).toContain('image/png');
    expect(parts[4]).toContain('not of the public web');
    expect(await runTool(home, tools(), ['web_extract', { urls: urls.slice(1) }])).toMatchObject({ isError: true });
  });

  it('says what it goes to, and that its words are those of others', () => {
    const [, extract] = tools();
    expect(extract).toMatchObject({ name: 'web_extract', effect: 'pure', origin: 'foreign' });
    expect(assess(home, tools(), 'web_extract', { urls: ['https://a.example/x'] })).toEqual({
      effect: 'pure',
      touches: ['network'],
      addresses: ['https://a.example/x'],
    });
  });

  it('keeps to its limits', async () => {
    const urls = [`${site.url}/big`];
    const small = await runTool(home, tools({ max_bytes: 10_000 }), ['web_extract', { urls }]);
    expect(small).toMatchObject({ isError: true, text: expect.stringContaining('larger than') });
    const many = { urls: Array.from({ length: 6 }, (_, i) => `https://a.example/${i}`) };
    expect((await runTool(home, tools(), ['web_extract', many])).code).toBe('arguments');
  });
});

describe('the threads that read', () => {
  const job = (html: string) => ({ kind: 'html', html, url: 'https://x.example/', format: 'markdown' }) as const;

  it('end when they take too long, or too much memory', async () => {
    const deep = job(`<body>${'<div><p>text</p>'.repeat(60_000)}</body>`);
    const { signal } = new AbortController();
    const slow = makeReader(systemClock, { timeoutMs: 150, heapMb: 512, growthMb: 4_096 });
    await expect(slow(deep, signal)).rejects.toMatchObject({ code: 'too_large', publicMessage: /time/ });
    const narrow = makeReader(systemClock, { timeoutMs: 20_000, heapMb: 40, growthMb: 4_096 });
    await expect(narrow(deep, signal)).rejects.toMatchObject({ code: 'too_large', publicMessage: /memory/ });
  });

  it('end when the call is stopped, and make room for the next', async () => {
    const read = makeReader(systemClock);
    const controller = new AbortController();
    const slow = [1, 2, 3].map(() => read(job('<p>x</p>'.repeat(100_000)), controller.signal));
    setTimeout(() => controller.abort(), 100);
    const ends = await Promise.allSettled(slow);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect((await read(job('<p>fine</p>'), new AbortController().signal)).text).toBe('fine');
  });
});
