// The lower part of the terminal that changes in place: preview, state, prompt. What is printed stays above it and scrolls away.
import type { Writable } from 'node:stream';

export interface ScreenOutput extends Writable {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

export interface LiveView {
  /** Each at most `width` columns. */
  lines: readonly string[];
  /** Where the cursor stands, counted in `lines`. */
  row: number;
  column: number;
}

const ESC = '\u001b[';

export class Screen {
  readonly #output: ScreenOutput;
  #shown: LiveView = { lines: [], row: 0, column: 0 };

  constructor(output: ScreenOutput) {
    this.#output = output;
  }

  /** Columns to write in. One stays free: a full line would wrap by itself in some terminals. */
  get width(): number {
    return Math.max(10, (this.#output.columns ?? 80) - 1);
  }

  get rows(): number {
    return Math.max(5, this.#output.rows ?? 24);
  }

  /** Puts lines above the live part, for good. */
  print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const view = this.#shown;
    this.#output.write(`${this.#erase()}${lines.map((line) => `${line}\r\n`).join('')}${paint(view)}`);
    this.#shown = view;
  }

  /** Shows `view` in place of the live part. */
  show(view: LiveView): void {
    const same =
      view.row === this.#shown.row && view.column === this.#shown.column && sameLines(view.lines, this.#shown.lines);
    if (same) return;
    this.#output.write(this.#erase() + paint(view));
    this.#shown = view;
  }

  /** Takes the live part away. */
  clear(): void {
    this.#output.write(this.#erase());
  }

  /** After Ctrl-L or a change of size, when nobody knows what is where. */
  wipe(): void {
    this.#output.write(`${ESC}2J${ESC}H`);
    this.#shown = { lines: [], row: 0, column: 0 };
  }

  #erase(): string {
    const { lines, row } = this.#shown;
    this.#shown = { lines: [], row: 0, column: 0 };
    if (lines.length === 0) return '';
    return `\r${row > 0 ? `${ESC}${row}A` : ''}${ESC}J`;
  }
}

function paint({ lines, row, column }: LiveView): string {
  if (lines.length === 0) return '';
  const up = lines.length - 1 - row;
  return `${lines.join('\r\n')}\r${up > 0 ? `${ESC}${up}A` : ''}${column > 0 ? `${ESC}${column}C` : ''}`;
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
