// The line editor as a state machine over keys, and how it is laid out.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineEditor, layOutEditor, type Key } from '../../../cli/tui/editor.ts';
import { textWidth } from '../../../cli/tui/cells.ts';

function edit(history: readonly string[] = []) {
  const editor = new LineEditor(() => history);
  const type = (text: string) => {
    for (const char of text) editor.press(char, { name: char, sequence: char });
  };
  const key = (name: string, extra: Partial<Key> = {}) => editor.press(undefined, { name, ...extra });
  return { editor, type, key };
}

describe('keys', () => {
  it('insert, move and remove by what people see as characters', () => {
    const { editor, type, key } = edit();
    editor.press('👩‍👩‍👧', { sequence: '👩‍👩‍👧' });
    type('ab');
    key('left');
    key('left');
    key('left');
    expect(editor.cursor).toBe(0);
    key('delete');
    expect(editor.text).toBe('ab');
    key('right');
    type('日');
    expect(editor.text).toBe('a日b');
    key('backspace');
    expect([editor.text, editor.cursor]).toEqual(['ab', 1]);
  });

  it('know the shortcuts of shells', () => {
    const { editor, type, key } = edit();
    type('one two three');
    key('w', { ctrl: true });
    expect(editor.text).toBe('one two ');
    key('a', { ctrl: true });
    key('f', { meta: true });
    expect(editor.cursor).toBe(3);
    key('k', { ctrl: true });
    expect(editor.text).toBe('one');
    key('u', { ctrl: true });
    expect(editor.text).toBe('');
  });

  it('submit with Enter, and go on in a new line with a backslash, Alt+Enter or Ctrl-J', () => {
    const { editor, type, key } = edit();
    type('a\\');
    expect(key('return')).toBe('changed');
    type('b');
    key('return', { meta: true });
    type('c');
    editor.press('\n', { name: 'enter', sequence: '\n' });
    type('d');
    expect(key('return')).toBe('submit');
    expect(editor.take()).toBe('a\nb\nc\nd');
    expect(editor.text).toBe('');
  });

  it('keep a backslash that is not at the end', () => {
    const { editor, type, key } = edit();
    type('a\\b');
    expect(key('return')).toBe('submit');
    expect(editor.text).toBe('a\\b');
  });

  it('take a paste as it is, newlines and tabs included, without sending or completing', () => {
    const { editor, key } = edit();
    key('paste-start');
    for (const char of 'x\r\ty\u001b[2J')
      editor.press(char, { name: char === '\r' ? 'return' : char === '\t' ? 'tab' : char, sequence: char });
    key('paste-end');
    expect(editor.text).toBe('x\n    y[2J');
    expect(key('return')).toBe('submit');
  });

  it('tell Ctrl-C, Ctrl-D, Ctrl-L and Tab to the session', () => {
    const { type, key, editor } = edit();
    expect(key('c', { ctrl: true })).toBe('interrupt');
    expect(key('d', { ctrl: true })).toBe('leave');
    expect(key('l', { ctrl: true })).toBe('redraw');
    expect(key('tab')).toBe('complete');
    type('ab');
    key('home');
    expect(key('d', { ctrl: true })).toBe('changed');
    expect(editor.text).toBe('b');
  });

  it('ignore what means nothing', () => {
    const { editor, key } = edit();
    for (const name of ['f5', 'escape', 'insert', 'pageup']) key(name, { sequence: '\u001b[15~' });
    editor.press('\u001b[15~', { name: 'f5', sequence: '\u001b[15~' });
    expect(editor.text).toBe('');
  });
});

describe('history', () => {
  it('is walked with up and down, and gives the own new text back', () => {
    const { editor, type, key } = edit(['first', 'second']);
    type('mine');
    key('up');
    expect(editor.text).toBe('second');
    key('up');
    expect(editor.text).toBe('first');
    expect(key('up')).toBe('none');
    key('down');
    key('down');
    expect(editor.text).toBe('mine');
    expect(key('down')).toBe('none');
  });

  it('comes after the lines of the text itself', () => {
    const { editor, key } = edit(['old']);
    editor.set('ab\ncdef');
    key('up');
    expect([editor.text, editor.cursor]).toEqual(['ab\ncdef', 2]);
    key('up');
    expect(editor.text).toBe('old');
  });
});

it('keeps text and cursor well formed under any keys', () => {
  const names = ['left', 'right', 'up', 'down', 'home', 'end', 'backspace', 'delete'];
  const press: fc.Arbitrary<{ text: string | undefined; key: Key }> = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }).map((text) => ({ text, key: { sequence: text } })),
    fc.constantFrom(...names).map((name) => ({ text: undefined, key: { name } })),
    fc.constantFrom(...'abefhkuw'.split('')).map((name) => ({ text: undefined, key: { name, ctrl: true } })),
    fc
      .constantFrom('b', 'd', 'f', 'backspace', 'return')
      .map((name) => ({ text: undefined, key: { name, meta: true } })),
  );
  fc.assert(
    fc.property(fc.array(press, { maxLength: 60 }), fc.integer({ min: 4, max: 20 }), (presses, width) => {
      const { editor } = edit(['history 日本\nline', '👩‍👩‍👧']);
      for (const { text, key } of presses) editor.press(text, key);
      expect(editor.cursor).toBeGreaterThanOrEqual(0);
      expect(editor.cursor).toBeLessThanOrEqual(editor.text.length);
      expect(editor.text.isWellFormed()).toBe(true);
      const view = layOutEditor(editor, '> ', width);
      for (const line of view.lines) expect(textWidth(line)).toBeLessThanOrEqual(width);
      expect(view.row).toBeLessThan(view.lines.length);
      expect(view.column).toBeLessThanOrEqual(width);
      const shown = view.lines.map((line) => line.slice(2)).join('');
      expect(shown).toBe(editor.text.replaceAll('\n', ''));
    }),
  );
});

describe('layout', () => {
  const at = (text: string, cursor: number, width: number) => layOutEditor({ text, cursor }, '> ', width);
  it('puts the cursor where the next character goes', () => {
    expect(at('', 0, 10)).toEqual({ lines: ['> '], row: 0, column: 2 });
    expect(at('abc', 1, 10)).toEqual({ lines: ['> abc'], row: 0, column: 3 });
    expect(at('ab\nc', 3, 10)).toEqual({ lines: ['> ab', '  c'], row: 1, column: 2 });
    expect(at('abcd', 4, 6)).toEqual({ lines: ['> abcd', '  '], row: 1, column: 2 });
    expect(at('日本語', 2, 6)).toEqual({ lines: ['> 日本', '  語'], row: 1, column: 2 });
  });
});
