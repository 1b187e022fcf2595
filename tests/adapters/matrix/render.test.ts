import { describe, expect, it } from 'vitest';
import { MAX_CONTENT_BYTES } from '../../../adapters/matrix/capabilities.ts';
import { writeCommands } from '../../../adapters/matrix/send/commands.ts';
import { makeEdit, makeText } from '../../../adapters/matrix/send/content.ts';
import { renderHtml } from '../../../adapters/matrix/send/render.ts';
import { parseMarkdown, serializeMarkdown } from '../../../adapters/markdown.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { readHtml } from '../../support/matrix/seen.ts';

const render = (markdown: string) => renderHtml(parseMarkdown(markdown));

describe('HTML', () => {
  it.each([
    ['# One & <two>', '<h1>One &amp; &lt;two&gt;</h1>'],
    ['**b _i_** ~~s~~ `c<d`', '<p><strong>b <em>i</em></strong> <del>s</del> <code>c&lt;d</code></p>'],
    ['[a "b"](https://x.test/?a=1&b="c")', '<p><a href="https://x.test/?a=1&amp;b=%22c%22">a &quot;b&quot;</a></p>'],
    ['![alt](https://x.test/i.png)', '<p><a href="https://x.test/i.png">alt</a></p>'],
    ['```ts\nif (a < b)\n```', '<pre><code class="language-ts">if (a &lt; b)\n</code></pre>'],
    ['```a"onclick="x\ny\n```', '<pre><code>y\n</code></pre>'],
    ['> q\n> > r', '<blockquote>\n<p>q</p>\n<blockquote>\n<p>r</p>\n</blockquote>\n</blockquote>'],
    ['- a\n- [x] b\n  1. c', '<ul>\n<li>a</li>\n<li>☑ b\n<ol>\n<li>c</li>\n</ol></li>\n</ul>'],
    ['3. c\n4. d', '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>'],
    [
      '| a | b |\n| - | - |\n| 1 | **2** |',
      '<table>\n<thead>\n<tr><th>a</th><th>b</th></tr>\n</thead>\n<tbody>\n<tr><td>1</td><td><strong>2</strong></td></tr>\n</tbody>\n</table>',
    ],
    ['---', '<hr>'],
    ['*a*\nb', '<p><em>a</em><br>b</p>'],
  ])('of %j', (markdown, html) => expect(render(markdown)).toBe(html));

  it('is left out where there is nothing to format', () => {
    expect(render('just <b>text</b> &amp;\nin lines\n\nand paragraphs')).toBeUndefined();
  });

  it('of hostile text has no tags but ours', () => {
    for (const markdown of [
      '**<script>alert(1)</script>**',
      '*x* [y](javascript:alert(1)) <img src=mxc://a/b onerror=x>',
      '**x** [<b>](https://x.test/"><script>)',
      '`</code></p><mx-reply>` **x**',
    ])
      expect(() => readHtml(render(markdown) ?? '')).not.toThrow();
  });
});

describe('commands', () => {
  it('are written as they can be typed, and nothing else is', () => {
    const names = new Set(['help', 'approve']);
    const write = (markdown: string) => serializeMarkdown(writeCommands(parseMarkdown(markdown), names));
    expect(write('- `/help` or **`/approve x`**\n- `/etc/passwd` `/other` /help')).toBe(
      '- `!help` or **`!approve x`**\n- `/etc/passwd` `/other` /help',
    );
    expect(write('| a |\n| - |\n| `/help` |\n\n> `/help`')).not.toContain('/help');
  });
});

describe('contents', () => {
  const size = (content: unknown) => Buffer.byteLength(JSON.stringify(content));

  it('a silent message is a notice, and no text names anybody', () => {
    expect(makeText({ ...makeOutbound('@room hi'), silent: true })).toEqual({
      msgtype: 'm.notice',
      body: '@room hi',
      'm.mentions': {},
    });
  });

  it('formatting that does not fit is left out, the text never', () => {
    const signs = '"&<'.repeat(5_300);
    const content = makeText(makeOutbound(`**x** ${signs}`));
    expect(content).toMatchObject({ body: `x ${signs}` });
    expect(content?.['formatted_body']).toBeUndefined();
    expect(makeText(makeOutbound('**x** short'))).toMatchObject({ format: 'org.matrix.custom.html' });
    expect(() => makeText(makeOutbound('x'.repeat(70_000)))).toThrow('does not fit');
  });

  it('an edit of the longest text fits', () => {
    const text = `**x** ${'word "&< '.repeat(1_750)}`;
    const content = makeEdit('$a', makeOutbound(text));
    expect(size(content)).toBeLessThanOrEqual(MAX_CONTENT_BYTES);
    expect(content).toMatchObject({ 'm.relates_to': { rel_type: 'm.replace', event_id: '$a' } });
    expect(JSON.stringify(content)).toContain('word \\"&< word');
  });

  it('a thread says which message it belongs to, and whether that is an answer', () => {
    const at = { thread: '$root', replyTo: undefined, author: undefined };
    expect(makeText(makeOutbound('x'), at)?.['m.relates_to']).toEqual({
      rel_type: 'm.thread',
      event_id: '$root',
      is_falling_back: true,
      'm.in_reply_to': { event_id: '$root' },
    });
    expect(makeText(makeOutbound('x'), { ...at, replyTo: '$q', author: '@ann:b' })).toMatchObject({
      'm.mentions': { user_ids: ['@ann:b'] },
      'm.relates_to': { is_falling_back: false, 'm.in_reply_to': { event_id: '$q' } },
    });
  });
});
