// How results look in a terminal: aligned columns, short times and sizes. Colours only where the stream wants them.
import { styleText } from 'node:util';
import { preview } from '../shared/text.ts';

/** Rows with aligned columns, two spaces apart; the last column is not padded. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** 2026-11-21 13:05 in the machine's time zone. */
export function formatTime(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Such as "12 s", "5 min", "3 h", "2 d": one unit, rounded down. Negative spans are 0 s. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Such as "512 B", "1.5 KiB", "120 MiB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** One line of a text of others: control characters and line breaks gone, so that it cannot repaint the terminal. */
export function formatPreview(text: string, max: number): string {
  return preview(printable(text), max);
}

/** Text of others without the control characters that terminals act on; line breaks and tabs stay. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}

export type Tone = 'good' | 'warn' | 'bad' | 'faint' | 'strong';

const STYLES = { good: 'green', warn: 'yellow', bad: 'red', faint: 'dim', strong: 'bold' } as const;

/** `text` coloured when `stream` is a terminal; honours NO_COLOR and FORCE_COLOR. */
export function tint(tone: Tone, text: string, stream: NodeJS.WriteStream): string {
  return styleText(STYLES[tone], text, { stream, validateStream: true });
}
