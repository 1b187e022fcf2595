// Markdown to HTML: what it looks like, and that nothing in a text can become markup of its own.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMarkdown, type Block } from '../../../adapters/markdown.ts';
import { renderHtml, safeHref } from '../../../adapters/web/render.ts';

const render = (text: string) => renderHtml(parseMarkdown(text));

describe('renderHtml', () => {
  it('renders each kind of block', () => {
    expect(render('# Title\n\nText **b** *i* ~~s~~ `c`')).toBe(
      '<h2 dir="auto">Title</h2>\n<p dir="auto">Text <strong>b</strong> <em>i</em> <s>s</s> <code>c</code></p>',
    );
    expect(render('- a\n- b\n  1. c')).toBe('<ul dir="auto"><li>a</li><li>b<ol dir="auto"><li>c</li></ol></li></ul>');
    expect(render('3. x\n4. y')).toBe('<ol dir="auto" start="3"><li>x</li><li>y</li></ol>');
    expect(render('- [x] done\n- [ ] open')).toBe(
      '<ul dir="auto"><li class="task"><input type="checkbox" disabled checked> done</li>' +
        '<li class="task"><input type="checkbox" disabled> open</li></ul>',
    );
    expect(render('```ts\na < b\n```')).toBe(
      '<figure class="code"><figcaption>ts</figcaption><pre tabindex="0"><code>a &lt; b</code></pre></figure>',
    );
    expect(render('| a | b |\n|---|---|\n| 1 | **2** |')).toBe(
      '<div class="table" tabindex="0"><table><thead><tr><th dir="auto">a</th><th dir="auto">b</th></tr></thead>' +
        '<tbody><tr><td dir="auto">1</td><td dir="auto"><strong>2</strong></td></tr></tbody></table></div>',
    );
    expect(render('> quote\n\n---')).toBe('<blockquote dir="auto"><p dir="auto">quote</p></blockquote>\n<hr>');
  });

  it('links to the web and to mail only, without telling where from', () => {
    expect(render('[here](https://example.org/?a=1&b="2")')).toContain(
      '<a href="https://example.org/?a=1&amp;b=%222%22" target="_blank" rel="noopener noreferrer nofollow">here</a>',
    );
    const bad = [
      'javascript:alert(1)',
      'JAVASCRIPT:alert(1)',
      ' javascript:alert(1)',
      'java\nscript:alert(1)',
      'data:text/html,x',
    ];
    for (const href of [...bad, 'vbscript:x', 'file:///etc/passwd', '//evil.example', '/relative', 'blob:x', '']) {
      expect(safeHref(href)).toBeUndefined();
      const link: Block = {
        type: 'paragraph',
        children: [{ type: 'link', href, children: [{ type: 'text', text: 'label' }] }],
      };
      expect(renderHtml([link])).toBe('<p dir="auto">label</p>');
    }
    expect(safeHref('mailto:a@example.org')).toBe('mailto:a@example.org');
  });

  it('shows remote images as links, so that reading an answer fetches nothing', () => {
    const html = render('![a cat](https://example.org/cat.png)');
    expect(html).not.toContain('<img');
    expect(html).toContain('href="https://example.org/cat.png"');
    expect(html).toContain('a cat');
  });

  it('writes only its own tags and attributes, whatever the text', () => {
    const tag =
      /^<(?:\/?(?:p|h[2-6]|strong|em|s|code|pre|figure|figcaption|ul|ol|li|blockquote|table|thead|tbody|tr|th|td|div|a|hr|br|input)(?: (?:dir="auto"|tabindex="0"|class="(?:code|table|task)"|start="-?\d+"|type="checkbox"|disabled|checked|target="_blank"|rel="noopener noreferrer nofollow"|href="(?:https?|mailto|tel):[^"<>]*"))*)>$/;
    const pieces = fc.constantFrom(
      '<script>alert(1)</script>',
      '<img src=x onerror=alert(1)>',
      '"><svg onload=alert(1)>',
      "' onmouseover='alert(1)",
      '[x](javascript:alert(1))',
      '[x](https://a.example/"onclick="alert(1))',
      '![x](data:text/html,<script>)',
      '```html\n<b>\n```\n',
      '```"><script>\nx\n```\n',
      '| <b> | `<i>` |\n|---|---|\n| " | \' |\n',
      '&lt;b&gt; &amp;#60;',
      '\n',
      '> ',
      '- ',
      '**',
      '`',
    );
    const text = fc
      .array(fc.oneof(pieces, fc.string({ unit: 'grapheme', maxLength: 12 })), { maxLength: 20 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (source) => {
        const html = render(source);
        for (const found of html.match(/<[^>]*>?/g) ?? []) expect(found).toMatch(tag);
        expect(html.replace(/<[^>]*>/g, '')).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
      }),
      { numRuns: 300 },
    );
  });
});
