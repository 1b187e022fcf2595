// What HTML becomes as markdown: the forms that readers of text miss when they are lost, and what is large.
import { describe, expect, it } from 'vitest';
import { pageKind } from '../../../../agent/tools/web/extract/page-kind.ts';
import { readJob } from '../../../../agent/tools/web/extract/worker.ts';

const read = async (html: string, format: 'markdown' | 'text' = 'markdown') =>
  (await readJob({ kind: 'html', html: `<body>${html}</body>`, url: 'https://x.example/a/', format })).text;

describe('markdown', () => {
  it.each([
    [
      '<table><caption>Sizes</caption><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>x|y</td></tr></tbody></table>',
      'Sizes\n\n| a | b |\n| --- | --- |\n| 1 | x\\|y |',
    ],
    [
      '<table><tr><td colspan="2">wide</td></tr><tr><td><p>a</p><p>b</p></td><td><code>c</code></td></tr></table>',
      '| wide |  |\n| --- | --- |\n| a<br>b | `c` |',
    ],
    ['<table><tr><td><p>only</p></td></tr><tr><td><p>column</p></td></tr></table>', 'only\n\ncolumn'],
    [
      '<ul><li><input type="checkbox" checked> done</li><li><input type="checkbox"> open</li></ul>',
      '-   [x] done\n-   [ ] open',
    ],
    ['<p>a <del>b</del> <b>c</b></p>', 'a ~~b~~ **c**'],
    ['<pre><code class="language-py">x = 1\n\ny</code></pre>', '```py\nx = 1\n\ny\n```'],
    ['<p>a</p><form><input value="v"><select><option>o</option></select><button>Go</button></form>', 'a'],
    [
      '<p><a href="b?c=d">link</a> <a href="javascript:x()">no</a> <a href="#top">top</a></p>',
      '[link](https://x.example/a/b?c=d) no [top](https://x.example/a/#top)',
    ],
  ])('%s', async (html, markdown) => {
    expect(await read(html)).toBe(markdown);
  });

  it.each([
    ['a table of 5,000 rows', `<table>${'<tr><td>a</td><td>b</td></tr>'.repeat(5_000)}</table>`],
    ['a long run of spaces', `<pre>${' '.repeat(300_000)}x</pre>`],
    ['many scripts without an end', '<script>'.repeat(20_000)],
    ['a tag with many attributes', `<p ${'a=b '.repeat(50_000)}>x`],
    ['many comments', '<!-- x -->'.repeat(20_000)],
  ])('takes little time for %s', async (_what, html) => {
    const before = performance.now();
    await read(html);
    expect(performance.now() - before).toBeLessThan(8_000);
  });
});

describe('the kind of what was fetched', () => {
  it.each([
    ['text/html', '<p>', 'html'],
    ['application/octet-stream', '%PDF-1.7', 'pdf'],
    ['application/zip', 'PK\u0003\u0004', 'other'],
    ['text/xml', '<?xml version="1.0"?>\n<!-- a --><rss version="2.0">', 'feed'],
    ['application/xml', '<note>', 'text'],
    ['application/ld+json', '{}', 'json'],
    ['', '<!DOCTYPE html><html>', 'html'],
    ['', 'plain words', 'text'],
    ['application/octet-stream', 'a\u0000b', 'other'],
    ['image/png', 'x', 'other'],
    ['text/plain', '<html>', 'text'],
  ])('%s %j is %s', (type, body, kind) => {
    expect(pageKind(type, Buffer.from(body), 'https://x.example/')).toBe(kind);
  });

  it('is found in no time, whatever comes first', () => {
    const before = performance.now();
    pageKind('text/xml', Buffer.from('<!-- -->'.repeat(200)), 'https://x.example/');
    pageKind('text/xml', Buffer.from('<!--'.repeat(300)), 'https://x.example/');
    expect(performance.now() - before).toBeLessThan(500);
  });
});
