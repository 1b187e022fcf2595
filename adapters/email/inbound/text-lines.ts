// Lines of text in the making: white space as HTML has it, with quote marks, list marks and links.

const MAX_QUOTES = 8;
const MAX_INDENTS = 8;

export class TextLines {
  readonly #lines: string[] = [];
  readonly #maxChars: number;
  #chars = 0;
  /** Pieces of the line; joined at its end, since a long one may have very many. */
  #line: string[] = [];
  #hasText = false;
  #endsInSpace = true;
  #quotes = 0;
  #indents = 0;
  #preserve = 0;
  /** Put before the next text. */
  #mark = '';
  /** A cell ended on this line, and another may follow. */
  #isCell = false;
  /** What a link shows, while one is open. */
  #label: string | undefined;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  get isFull(): boolean {
    return this.#chars > this.#maxChars;
  }

  add(text: string): void {
    if (this.#preserve > 0) {
      for (const [i, part] of text.split(/\r?\n/).entries()) {
        if (i > 0) this.newline();
        this.#append(part);
      }
      return;
    }
    const collapsed = text.replace(/[\t\n\f\r ]+/g, ' ');
    this.#append(this.#endsInSpace ? collapsed.replace(/^ /, '') : collapsed);
  }

  #append(text: string): void {
    if (text === '') return;
    if (!this.#hasText && text.trim() !== '') {
      this.#line.unshift(this.#mark);
      this.#mark = '';
      this.#hasText = true;
    } else if (this.#isCell && text.trim() !== '') this.#line.push(this.#endsInSpace ? '| ' : ' | ');
    if (text.trim() !== '') this.#isCell = false;
    this.#line.push(text);
    this.#endsInSpace = text.endsWith(' ');
    this.#chars += text.length;
    // Only the beginning of a label can be the target.
    if (this.#label !== undefined && this.#label.length < 3_000) this.#label += text;
  }

  /** Ends the line, and begins another one even when it is empty. */
  newline(): void {
    const line = this.#line.join('');
    this.#lines.push(this.#prefixed(this.#preserve > 0 ? line : line.trim()));
    this.#chars++;
    this.#clear();
  }

  #clear(): void {
    this.#line = [];
    this.#hasText = false;
    this.#endsInSpace = true;
    this.#isCell = false;
  }

  /** Ends the line if something stands on it; with `paragraph`, leaves an empty one behind it. */
  break(paragraph: boolean): void {
    if (this.#hasText) this.newline();
    else this.#clear();
    const last = this.#lines.at(-1);
    if (paragraph && last !== undefined && !EMPTY.test(last)) this.#lines.push(this.#prefixed(''));
  }

  addLine(text: string): void {
    this.break(true);
    this.#append(text);
    this.break(true);
  }

  cell(): void {
    this.#isCell = this.#hasText;
  }

  mark(text: string): void {
    this.#mark = text;
  }

  beginLink(): void {
    this.#label ??= '';
  }

  /** The target follows the label, unless the label already is it. */
  endLink(href: string): void {
    const label = (this.#label ?? '').trim();
    this.#label = undefined;
    const bare = (text: string) =>
      text
        .replace(/^(?:https?:\/\/|mailto:|tel:)/i, '')
        .replace(/\/$/, '')
        .toLowerCase();
    if (label === '' || bare(label) === bare(href)) return;
    this.#append(this.#endsInSpace ? `(${href})` : ` (${href})`);
  }

  /** Lines are quoted from here on; the result ends that. */
  quote(): () => void {
    this.#quotes++;
    return () => this.#quotes--;
  }

  preserve(): () => void {
    this.#preserve++;
    return () => this.#preserve--;
  }

  indent(): () => void {
    this.#indents++;
    return () => this.#indents--;
  }

  #prefixed(line: string): string {
    const quotes = '> '.repeat(Math.min(this.#quotes, MAX_QUOTES));
    const indent = line === '' ? '' : '  '.repeat(Math.max(0, Math.min(this.#indents, MAX_INDENTS) - 1));
    return `${quotes}${indent}${line}`.trimEnd();
  }

  finish(): string {
    this.break(false);
    while (EMPTY.test(this.#lines.at(-1) ?? 'x')) this.#lines.pop();
    const text = this.#lines.join('\n').replace(/\n{3,}/g, '\n\n');
    return text.replace(/^\n+/, '').slice(0, this.#maxChars);
  }
}

/** Nothing but quote marks. */
const EMPTY = /^[> ]*$/;
