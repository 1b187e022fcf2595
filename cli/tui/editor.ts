// The line that is being typed: a pure state over key presses. It may hold several lines; the screen shows it, the session acts on it.
import { graphemeWidth, splitGraphemes } from './cells.ts';

/** As node:readline reports a key. */
export interface Key {
  name?: string | undefined;
  sequence?: string | undefined;
  ctrl?: boolean | undefined;
  meta?: boolean | undefined;
  shift?: boolean | undefined;
}

/** submit: `take()` what was typed · complete: Tab · interrupt: Ctrl-C · leave: Ctrl-D on an empty line · redraw: Ctrl-L. */
export type EditorAction = 'none' | 'changed' | 'submit' | 'complete' | 'interrupt' | 'leave' | 'redraw';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g;

export class LineEditor {
  #text = '';
  /** Index in UTF-16 units, always at a grapheme's border. */
  #cursor = 0;
  #pasting = false;
  readonly #history: () => readonly string[];
  /** Place in the history; undefined while the person's own new text is shown. */
  #place: number | undefined;
  #own = '';

  constructor(history: () => readonly string[]) {
    this.#history = history;
  }

  get text(): string {
    return this.#text;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** What was typed; the editor is empty afterwards. */
  take(): string {
    const text = this.#text;
    this.set('');
    this.#place = undefined;
    return text;
  }

  set(text: string): void {
    this.#text = text;
    this.#cursor = text.length;
  }

  press(typed: string | undefined, key: Key): EditorAction {
    if (key.name === 'paste-start' || key.name === 'paste-end') {
      this.#pasting = key.name === 'paste-start';
      return 'none';
    }
    if (this.#pasting)
      return this.#insert(key.name === 'return' || key.name === 'enter' ? '\n' : (key.sequence ?? typed ?? ''));
    if (key.ctrl) return this.#control(key.name);
    if (key.meta) return this.#alternate(key.name);
    switch (key.name) {
      case 'return':
        return this.#enter();
      case 'enter':
        return this.#insert('\n');
      case 'tab':
        return 'complete';
      case 'backspace':
        return this.#remove(this.#before(), this.#cursor);
      case 'delete':
        return this.#remove(this.#cursor, this.#after());
      case 'left':
        return this.#move(this.#before());
      case 'right':
        return this.#move(this.#after());
      case 'home':
        return this.#move(this.#lineStart());
      case 'end':
        return this.#move(this.#lineEnd());
      case 'up':
        return this.#vertical(-1);
      case 'down':
        return this.#vertical(1);
      case 'escape':
        return 'none';
      default:
        // Function keys and other sequences mean nothing here.
        return typed === undefined || typed.startsWith('\u001b') ? 'none' : this.#insert(typed);
    }
  }

  #control(name: string | undefined): EditorAction {
    switch (name) {
      case 'c':
        return 'interrupt';
      case 'd':
        return this.#text === '' ? 'leave' : this.#remove(this.#cursor, this.#after());
      case 'l':
        return 'redraw';
      case 'j':
        return this.#insert('\n');
      case 'a':
        return this.#move(this.#lineStart());
      case 'e':
        return this.#move(this.#lineEnd());
      case 'b':
        return this.#move(this.#before());
      case 'f':
        return this.#move(this.#after());
      case 'p':
        return this.#vertical(-1);
      case 'n':
        return this.#vertical(1);
      case 'h':
        return this.#remove(this.#before(), this.#cursor);
      case 'u':
        return this.#remove(this.#lineStart(), this.#cursor);
      case 'k':
        return this.#remove(this.#cursor, this.#lineEnd());
      case 'w':
        return this.#remove(this.#wordStart(), this.#cursor);
      case 'left':
        return this.#move(this.#wordStart());
      case 'right':
        return this.#move(this.#wordEnd());
      default:
        return 'none';
    }
  }

  #alternate(name: string | undefined): EditorAction {
    switch (name) {
      case 'return':
      case 'enter':
        return this.#insert('\n');
      case 'b':
      case 'left':
        return this.#move(this.#wordStart());
      case 'f':
      case 'right':
        return this.#move(this.#wordEnd());
      case 'backspace':
        return this.#remove(this.#wordStart(), this.#cursor);
      case 'd':
        return this.#remove(this.#cursor, this.#wordEnd());
      default:
        return 'none';
    }
  }

  /** A backslash at the end of a line goes on in the next one. */
  #enter(): EditorAction {
    if (this.#cursor === this.#text.length && this.#text.endsWith('\\')) {
      this.#remove(this.#cursor - 1, this.#cursor);
      return this.#insert('\n');
    }
    return 'submit';
  }

  #insert(raw: string): EditorAction {
    const text = raw.replace(/\r\n?/g, '\n').replaceAll('\t', '    ').replace(UNPRINTABLE, '');
    if (text === '') return 'none';
    this.#text = this.#text.slice(0, this.#cursor) + text + this.#text.slice(this.#cursor);
    this.#cursor += text.length;
    return 'changed';
  }

  #remove(from: number, to: number): EditorAction {
    if (from >= to) return 'none';
    this.#text = this.#text.slice(0, from) + this.#text.slice(to);
    this.#cursor = from;
    return 'changed';
  }

  #move(to: number): EditorAction {
    if (to === this.#cursor) return 'none';
    this.#cursor = to;
    return 'changed';
  }

  #before(): number {
    return graphemes.segment(this.#text).containing(this.#cursor - 1)?.index ?? 0;
  }

  #after(): number {
    const next = graphemes.segment(this.#text).containing(this.#cursor);
    return next === undefined ? this.#cursor : next.index + next.segment.length;
  }

  #lineStart(): number {
    return this.#text.lastIndexOf('\n', this.#cursor - 1) + 1;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#cursor);
    return end === -1 ? this.#text.length : end;
  }

  #wordStart(): number {
    return /\S*\s*$/.exec(this.#text.slice(0, this.#cursor))?.index ?? 0;
  }

  #wordEnd(): number {
    return this.#cursor + (/^\s*\S*/.exec(this.#text.slice(this.#cursor))?.[0].length ?? 0);
  }

  /** To the line above or below, and beyond the first or last one through the history. */
  #vertical(by: -1 | 1): EditorAction {
    const column = this.#cursor - this.#lineStart();
    const border = by === -1 ? this.#lineStart() - 1 : this.#lineEnd() + 1;
    if (border < 0 || border > this.#text.length) return this.#recall(by);
    const start = by === -1 ? this.#text.lastIndexOf('\n', border - 1) + 1 : border;
    const end = this.#text.indexOf('\n', start);
    const target = Math.min(start + column, end === -1 ? this.#text.length : end);
    return this.#move(graphemes.segment(this.#text).containing(target)?.index ?? target);
  }

  #recall(by: -1 | 1): EditorAction {
    const entries = this.#history();
    const place = (this.#place ?? entries.length) + by;
    if (place < 0 || place > entries.length || entries.length === 0) return 'none';
    if (this.#place === undefined) this.#own = this.#text;
    this.#place = place === entries.length ? undefined : place;
    this.set(entries[place] ?? this.#own);
    return 'changed';
  }
}

export interface EditorView {
  lines: readonly string[];
  /** Where the cursor stands in `lines`. */
  row: number;
  column: number;
}

/** The editor's text behind `prompt`, in lines of at most `width` columns. */
export function layOutEditor(editor: { text: string; cursor: number }, prompt: string, width: number): EditorView {
  const margin = ' '.repeat(prompt.length);
  const max = Math.max(prompt.length + 2, width);
  const lines: string[] = [];
  let line = prompt;
  let used = prompt.length;
  let at = 0;
  let place = { row: 0, column: prompt.length };
  const end = () => {
    lines.push(line);
    line = margin;
    used = margin.length;
  };
  for (const grapheme of splitGraphemes(editor.text)) {
    const columns = grapheme === '\n' ? 0 : graphemeWidth(grapheme);
    if (used + columns > max) end();
    if (at <= editor.cursor) place = { row: lines.length, column: used };
    at += grapheme.length;
    if (grapheme === '\n') {
      end();
    } else {
      line += grapheme;
      used += columns;
    }
  }
  if (editor.cursor >= at) {
    // The cursor behind a full line stands at the start of the next one.
    if (used >= max) end();
    place = { row: lines.length, column: used };
  }
  lines.push(line);
  return { lines, ...place };
}
