// One line of the gateway's log for people. The lines are pino's JSON (https://getpino.io/#/docs/api?id=logger-levels, read
// 2026-11-21): level as a number, time in ms since the epoch, msg, and fields.
import { printable, tint, type Tone } from './output.ts';

export interface LogEntry {
  level: number;
  /** Milliseconds since the epoch. */
  time: number;
  message: string;
  fields: readonly (readonly [string, unknown])[];
}

const LEVELS: readonly { name: string; level: number; tone: Tone }[] = [
  { name: 'debug', level: 20, tone: 'faint' },
  { name: 'info', level: 30, tone: 'good' },
  { name: 'warn', level: 40, tone: 'warn' },
  { name: 'error', level: 50, tone: 'bad' },
];
const HIDDEN: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'pid', 'hostname']);

/** pino's number of a level by name; that of debug for a name that is none. */
export function levelNumber(name: string): number {
  return LEVELS.find((entry) => entry.name === name)?.level ?? 20;
}

/** Undefined for what is no line of pino's. */
export function parseLogLine(line: string): LogEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('level' in value) || typeof value.level !== 'number')
    return undefined;
  return {
    level: value.level,
    time: 'time' in value && typeof value.time === 'number' ? value.time : 0,
    message: 'msg' in value && typeof value.msg === 'string' ? value.msg : '',
    fields: Object.entries(value).filter(([name]) => !HIDDEN.has(name)),
  };
}

/** "13:05:07.123 warn  message  field=value"; a stack follows on lines of its own. */
export function formatLogLine(entry: LogEntry, stream: NodeJS.WriteStream): string {
  const level = LEVELS.findLast((known) => known.level <= entry.level) ?? LEVELS[0];
  const name = level ? tint(level.tone, level.name.padEnd(5), stream) : '';
  const stacks: string[] = [];
  const fields = entry.fields.map(([key, value]) => `${key}=${fieldText(value, stacks)}`);
  const line = [
    tint('faint', clockTime(entry.time), stream),
    name,
    printable(entry.message),
    tint('faint', fields.join(' '), stream),
  ];
  return [line.filter((part) => part !== '').join(' '), ...stacks].join('\n');
}

/** Errors are told by code and message, with their stack below. */
function fieldText(value: unknown, stacks: string[]): string {
  if (typeof value === 'string') return /^[^\s"]+$/.test(value) ? printable(value) : JSON.stringify(printable(value));
  if (typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string') {
    stacks.push(printable(value.stack).replace(/^/gm, '    '));
    const code = 'code' in value && typeof value.code === 'string' ? `${value.code}: ` : '';
    return JSON.stringify(
      `${code}${'message' in value && typeof value.message === 'string' ? printable(value.message) : ''}`,
    );
  }
  return JSON.stringify(value) ?? '';
}

/** 2026-11-21 13:05:07.123 in the machine's time zone. */
function clockTime(at: number): string {
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 23).replace('T', ' ');
}
