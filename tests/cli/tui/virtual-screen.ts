// The part of a terminal that our client uses, so that tests see what a person sees. An unknown sequence is an error: then this is wrong.
import { graphemeWidth, splitGraphemes } from '../../../cli/tui/cells.ts';

export class VirtualScreen {
  readonly #columns: number;
  /** Rows of cells, the whole scroll-back included; '' follows a wide character. */
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  #rest = '';
  /** Whether pastes are announced (?2004). */
  bracketedPaste = false;

  constructor(columns: number) {
    this.#columns = columns;
  }

  get cursor(): { row: number; column: number } {
    return { row: this.#row, column: this.#column };
  }

  /** Lines without the blanks at their ends. */
  get lines(): string[] {
    return this.#rows.map((row) => row.join('').trimEnd());
  }

  get text(): string {
    return this.lines.join('\n').trimEnd();
  }

  write(data: string): void {
    let text = this.#rest + data;
    this.#rest = '';
    while (text !== '') {
      const sequence = /^\u001b\[([?\d;]*)([A-Za-z])/.exec(text);
      if (sequence !== null) {
        this.#control(sequence[1] ?? '', sequence[2] ?? '');
        text = text.slice(sequence[0].length);
      } else if (text.startsWith('\u001b')) {
        if (text.length > 20) throw new Error(`unknown sequence ${JSON.stringify(text.slice(0, 20))}`);
        this.#rest = text;
        return;
      } else {
        const end = text.indexOf('\u001b');
        const part = end === -1 ? text : text.slice(0, end);
        for (const grapheme of splitGraphemes(part)) this.#put(grapheme);
        text = text.slice(part.length);
      }
    }
  }

  #control(parameters: string, name: string): void {
    const count = Number(parameters) || 1;
    if (name === 'm') return;
    if (name === 'A') this.#row = Math.max(0, this.#row - count);
    else if (name === 'C') this.#column = Math.min(this.#columns - 1, this.#column + count);
    else if (name === 'H') this.#column = 0;
    else if (name === 'J' && parameters === '') {
      this.#rows.length = this.#row + 1;
      this.#line().length = Math.min(this.#line().length, this.#column);
    } else if (name === 'J' && parameters === '2') {
      this.#rows = [[]];
      this.#row = 0;
    } else if (parameters === '?2004') this.bracketedPaste = name === 'h';
    else throw new Error(`unknown sequence ESC[${parameters}${name}`);
  }

  #put(grapheme: string): void {
    if (grapheme === '\r\n') {
      this.#column = 0;
      this.#row++;
    } else if (grapheme === '\r') this.#column = 0;
    else if (grapheme === '\n') this.#row++;
    else {
      const width = graphemeWidth(grapheme);
      if (width === 0) return;
      if (this.#column + width > this.#columns) {
        this.#column = 0;
        this.#row++;
      }
      const line = this.#line();
      while (line.length < this.#column) line.push(' ');
      line[this.#column] = grapheme;
      if (width === 2) line[this.#column + 1] = '';
      this.#column += width;
    }
    this.#line();
  }

  #line(): string[] {
    while (this.#rows.length <= this.#row) this.#rows.push([]);
    return this.#rows[this.#row] ?? [];
  }
}
