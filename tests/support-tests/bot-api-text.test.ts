// Text as Telegram parses it: formatting, error texts with byte offsets, cleaning, and what it finds by itself.
import type { MessageEntity } from 'grammy/types';
import { describe, expect, it } from 'vitest';
import { formatText, MESSAGE_TEXT } from '../support/bot-api/entities.ts';

const parse = (parseMode: string) => (source: string) => formatText({ source, parseMode }, MESSAGE_TEXT);
const html = parse('HTML');
const markdown = parse('MarkdownV2');
const plain = parse('');

/** type@offset+length, with what else the entity holds. */
function brief(entities: readonly MessageEntity[]): string[] {
  return entities.map((entity) => {
    const more = 'url' in entity ? ` ${entity.url}` : 'language' in entity ? ` ${entity.language ?? ''}` : '';
    return `${entity.type}@${entity.offset}+${entity.length}${more}`;
  });
}

describe('HTML', () => {
  it.each([
    [
      '<b>a</b> <strong>b</strong> <i>c</i> <em>d</em>',
      'a b c d',
      ['bold@0+1', 'bold@2+1', 'italic@4+1', 'italic@6+1'],
    ],
    [
      '<u>a</u><ins>b</ins><s>c</s><del>d</del>',
      'abcd',
      ['underline@0+1', 'underline@1+1', 'strikethrough@2+1', 'strikethrough@3+1'],
    ],
    ['<span class="tg-spoiler">a</span><tg-spoiler>b</tg-spoiler>', 'ab', ['spoiler@0+1', 'spoiler@1+1']],
    ['<a href="https://x.org/?a=1&amp;b=2">go</a>', 'go', ['text_link@0+2 https://x.org/?a=1&b=2']],
    ['<a href="javascript:alert(1)">go</a>', 'go', []],
    ['<pre><code class="language-ts">let a;</code></pre>', 'let a;', ['pre@0+6 ts']],
    ['<pre>x</pre> <code>y</code>', 'x y', ['pre@0+1', 'code@2+1']],
    ['<blockquote expandable>q</blockquote>', 'q', ['expandable_blockquote@0+1']],
    ['&lt;b&gt; &amp; &quot;x&quot; &#65;&#x42; &nbsp; & done', '<b> & "x" AB &nbsp; & done', []],
    ['😀<b>é</b>', '😀é', ['bold@2+1']],
    ['<b>a<i>b</i></b>', 'ab', ['bold@0+2', 'italic@1+1']],
    ['<b></b>x', 'x', []],
    ['<b>one <code>two</code> three</b>', 'one two three', ['bold@0+4', 'code@4+3', 'bold@7+6']],
  ])('%s', (source, text, entities) => {
    const parsed = html(source);
    expect(parsed.text).toBe(text);
    expect(brief(parsed.entities)).toEqual(entities);
  });

  it.each([
    ['a < b', 'Unsupported start tag "" at byte offset 2'],
    ['a <b', 'Unclosed start tag at byte offset 2'],
    ['é<x>', 'Unsupported start tag "x" at byte offset 2'],
    ['1 <2> 3', 'Unsupported start tag "2" at byte offset 2'],
    ['<b>a', 'Can\'t find end tag corresponding to start tag "b"'],
    ['a</b>', 'Unexpected end tag at byte offset 1'],
    ['<b><i>a</b></i>', 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'],
    ['<b>a</b', 'Unclosed end tag at byte offset 4'],
    ['<span>a</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'],
    ['<a href="x>y', 'Unclosed start tag "a" at byte offset 0'],
  ])('refuses %s', (source, words) => {
    expect(() => html(source)).toThrow(`Bad Request: can't parse entities: ${words}`);
  });
});

describe('MarkdownV2', () => {
  it.each([
    [
      '*a* _b_ __c__ ~d~ ||e||',
      'a b c d e',
      ['bold@0+1', 'italic@2+1', 'underline@4+1', 'strikethrough@6+1', 'spoiler@8+1'],
    ],
    ['*a _b_*', 'a b', ['bold@0+3', 'italic@2+1']],
    ['1\\. \\*no\\* \\\\', '1. *no* \\', []],
    ['[go](https://x.org/a_\\(b\\))', 'go', ['text_link@0+2 https://x.org/a_(b)']],
    ['`a*b.` x', 'a*b. x', ['code@0+4']],
    ['```ts\nlet a;```', 'let a;', ['pre@0+6 ts']],
    ['```\nlet a;\n```', 'let a;', ['pre@0+6']],
    ['>one\n>two\nthree', 'one\ntwo\nthree', ['blockquote@0+7']],
    ['>one\n>two||', 'one\ntwo', ['expandable_blockquote@0+7']],
    ['>a\n**>b', 'a\nb', ['blockquote@0+1', 'blockquote@2+1']],
  ])('%s', (source, text, entities) => {
    const parsed = markdown(source);
    expect(parsed.text).toBe(text);
    expect(brief(parsed.entities)).toEqual(entities);
  });

  it.each([
    ['Done.', "Character '.' is reserved and must be escaped with the preceding '\\'"],
    ['a > b', "Character '>' is reserved and must be escaped with the preceding '\\'"],
    ['é *a', "Can't find end of Bold entity at byte offset 3"],
    ['`a', "Can't find end of Code entity at byte offset 0"],
    ['*a _b* c_', "Can't find end of Italic entity at byte offset 8"],
    ['[a](https://x.org', "Can't find end of a URL at byte offset 3"],
  ])('refuses %s', (source, words) => {
    expect(() => markdown(source)).toThrow(`Bad Request: can't parse entities: ${words}`);
  });
});

describe('text without markup', () => {
  it('is cleaned and trimmed', () => {
    expect(plain('\n a\r\nb\u0007c\u202ed \n').text).toBe('a\nb cd');
    expect(plain('x\ud800y').text).toBe('x\ufffdy');
  });

  it('shrinks the entities of what it trims', () => {
    expect(brief(html('<b>  a </b>').entities)).toEqual(['bold@0+1']);
  });

  it('takes entities as they are given', () => {
    const given = [
      { type: 'bold', offset: 0, length: 2 },
      { type: 'url', offset: 3, length: 1 },
    ];
    const parsed = formatText({ source: 'ab c', parseMode: '', given }, MESSAGE_TEXT);
    expect(brief(parsed.entities)).toEqual(['bold@0+2']);
  });

  it.each([
    ['see https://x.org/a?b=c.', ['url@4+19']],
    ['mail me@x.org', ['email@5+8']],
    ['/start@herald_test_bot now', ['bot_command@0+22']],
    ['a/b no/command', []],
    ['hi @herald_test_bot!', ['mention@3+16']],
    ['#tag $USD #1', ['hashtag@0+4', 'cashtag@5+4']],
  ])('finds what is in %s', (source, entities) => {
    expect(brief(plain(source).entities)).toEqual(entities);
  });

  it('finds nothing in code', () => {
    expect(brief(html('<code>@somebody /help</code>').entities)).toEqual(['code@0+15']);
  });
});
