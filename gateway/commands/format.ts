// How replies of commands say names, numbers and times. Names, titles and messages are other people's text: they are escaped
// before they stand in markdown, so that a title cannot draw a link or a heading.
import type { Button } from '../../shared/messages.ts';
import { cleanText, preview } from '../../shared/text.ts';

const MARKUP = /[\\`*_~[\]<>#|&!]/g;

/** One line of foreign text inside markdown, at most `max` UTF-16 units before escaping. */
export function plain(text: string, max = 80): string {
  return preview(cleanText(text), max).replace(MARKUP, '\\$&');
}

/** Inline code that holds `text` whatever backticks are in it. */
export function code(text: string): string {
  const line = cleanText(text).replace(/\s+/g, ' ').trim();
  const fence = '`'.repeat(longestRun(line) + 1);
  const pad = line === '' || line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** A code block that holds `text` whatever fences are in it. */
export function fenced(text: string, language = ''): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

/** Signs that a chat would drop or that turn text around, as JSON writes them: what is approved must be what is read. */
export function withVisibleSigns(json: string): string {
  return json.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/gu, (sign) =>
    Array.from({ length: sign.length }, (_, at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of milliseconds, rounded to its largest unit: "45 s", "3 min", "2 h", "5 days". */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.max(1, Math.round(ms / 1_000))} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} days`;
}

/** How long ago `at` was, both in milliseconds since the epoch. */
export function ago(at: number, now: number): string {
  return now - at < MINUTE ? 'just now' : `${span(now - at)} ago`;
}

/** Millionths of a US dollar as dollars: two digits, more below a cent. */
export function money(microUsd: number): string {
  if (microUsd === 0) return '$0';
  if (microUsd < 100) return 'less than $0.0001';
  return `$${(microUsd / 1_000_000).toFixed(microUsd < 10_000 ? 4 : 2)}`;
}

/** 950, 12.3k, 4.5M. */
export function amount(count: number): string {
  if (count < 1_000) return String(count);
  if (count < 999_950) return `${(count / 1_000).toFixed(1)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
}

/** "1 message", "2 messages". */
export function counted(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}

/** Largest payload of a button on every platform; source in shared/messages.ts. */
const MAX_BUTTON_BYTES = 64;

/** Buttons that send a command as if it were typed. Those whose command is too long for a button are left out. */
export function commandButtons(
  choices: readonly { label: string; command: string }[],
  perRow: number,
): readonly (readonly Button[])[] {
  const buttons = choices
    .filter((choice) => Buffer.byteLength(choice.command) <= MAX_BUTTON_BYTES)
    .map((choice) => ({ label: preview(cleanText(choice.label), 40), data: choice.command }));
  const rows: Button[][] = [];
  for (let at = 0; at < buttons.length; at += perRow) rows.push(buttons.slice(at, at + perRow));
  return rows;
}
