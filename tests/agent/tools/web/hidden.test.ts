// What a page's visitors do not see does not reach the model; what they see does.
import { describe, expect, it } from 'vitest';
import { dropInvisible } from '../../../../agent/tools/web/extract/invisible.ts';
import { readJob } from '../../../../agent/tools/web/extract/worker.ts';

const read = async (body: string, head = '') =>
  (
    await readJob({
      kind: 'html',
      html: `<html><head>${head}</head><body><p>visible</p>${body}</body></html>`,
      url: 'https://x.example/',
      format: 'markdown',
    })
  ).text;

describe('hidden parts', () => {
  it.each([
    '<p style="display:none">secret</p>',
    '<p style="DISPLAY : None !important">secret</p>',
    '<p hidden>secret</p>',
    '<p aria-hidden="true">secret</p>',
    '<div style="visibility:hidden"><p>secret</p></div>',
    '<p style="opacity:0">secret</p>',
    '<p style="font-size:0">secret</p>',
    '<p style="font-size:1px">secret</p>',
    '<p style="color:#fff">secret</p>',
    '<font color="white">secret</font>',
    '<p style="color:#ffffff;background:white">secret</p>',
    '<div style="background-color:#123456"><p style="color:rgb(18, 52, 86)">secret</p></div>',
    '<p style="color:transparent">secret</p>',
    '<p style="position:absolute;left:-9999px">secret</p>',
    '<p style="height:0;overflow:hidden">secret</p>',
    '<p style="text-indent:-5000px">secret</p>',
    '<p style="clip:rect(0,0,0,0)">secret</p>',
    '<p style="clip-path:inset(100%)">secret</p>',
    '<!-- secret -->',
    '<template><p>secret</p></template>',
    '<noscript>secret</noscript>',
    '<script>secret</script>',
    '<svg><text>secret</text></svg>',
    '<dialog>secret</dialog>',
    '<input type="hidden" value="secret">',
  ])('%s', async (body) => {
    expect(await read(body)).toBe('visible');
  });

  it.each(['.x{display:none}', 'p.x, .y { visibility: hidden }', '@media print { .z{} } #x{font-size:0}'])(
    'by a rule of the page: %s',
    async (css) => {
      expect(await read('<p class="x" id="x">secret</p>', `<style>${css}</style>`)).toBe('visible');
    },
  );

  it.each([
    ['<p style="color:#fff;background:#000">shown</p>', ''],
    ['<div style="background-color:navy"></div><p style="color:#333">shown</p>', ''],
    ['<div style="background-image:url(a.png)"><p style="color:white">shown</p></div>', ''],
    ['<div style="font-size:0"><span style="font-size:14px">shown</span></div>', ''],
    ['<p class="x">shown</p>', '<style>@media print{.x{display:none}}</style>'],
    ['<p class="x">shown</p>', '<style>.x:hover{display:none} .menu .x{display:none}</style>'],
    ['<main style="opacity:0">shown</main>', ''],
    ['<p style="opacity:0.9;font-size:0.8em">shown</p>', ''],
    ['<p style="display:block">shown</p>', '<style>body{display:none}</style>'],
  ])('but not: %s %s', async (body, head) => {
    expect(await read(body, head)).toContain('shown');
  });
});

describe('invisible characters', () => {
  it.each([
    ['zero\u200bwidth\u2060 \ufeffspaces', 'zerowidth spaces'],
    ['so\u00adft', 'soft'],
    ['a\u200db\u200cc', 'abc'],
    ['tags\u{e0049}\u{e0047}\u{e004e}', 'tags'],
    ['x\ufe00\ufe01\ufe02\u{e0101}', 'x'],
    ['marks\u200e\u200f', 'marks'],
  ])('%j', (text, clean) => {
    expect(dropInvisible(text)).toBe(clean);
  });

  it.each(['👩‍👩‍👧 family', '❤️ heart', 'می‌خواهم', 'क्‍ष', 'ab é ü 東京'])('but not those of %s', (text) => {
    expect(dropInvisible(text)).toBe(text);
  });
});
