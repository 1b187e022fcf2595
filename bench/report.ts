// The table that the benchmark prints: Herald, the bare loop, how they relate, and the aim.
import type { InstallSize } from './install-size.ts';
import type { Measures } from './measure.ts';
import type { PromptTokens } from './prompt-tokens.ts';
import type { StatementCount } from './statements.ts';

export interface Report {
  /** ISO 8601. */
  date: string;
  machine: { cpu: string; cores: number; memoryGb: number; system: string; node: string; loadBefore: number };
  herald: Measures;
  /** Its model call has the last question alone. */
  bare: Measures;
  /** Its model call has all that was said, as Herald's has, and is streamed. */
  bareAgent: Measures;
  prompt: PromptTokens;
  install: InstallSize;
  database: StatementCount;
}

interface Row {
  name: string;
  unit: string;
  digits: number;
  herald: number;
  bare?: number;
  aim?: { text: string; isMet: boolean };
}

const MB = 1024 * 1024;
/** Growth over the last 1,000 messages that still counts as flat. */
const FLAT_MB = 5;
const MAX_RATIO = 3;

function rowsOf({ herald, bare, bareAgent, prompt, install, database }: Report): readonly Row[] {
  const below = (value: number, limit: number, unit: string) => ({ text: `< ${limit} ${unit}`, isMet: value < limit });
  const both = (key: keyof Measures, scale = 1) => ({ herald: herald[key] * scale, bare: bare[key] * scale });
  const settling = (of: Measures) => of.rssAfterMoreMb - of.rssAfterFirstMb;
  const growth = (of: Measures) => of.rssAtEndMb - of.rssAfterMoreMb;
  const addedP50 = herald.latencyP50Ms - bare.latencyP50Ms;
  const addedP95 = herald.latencyP95Ms - bare.latencyP95Ms;
  const faster = (than: Measures) => than.messagesPerSecond / herald.messagesPerSecond;
  const ratio = faster(bareAgent);
  return [
    { name: 'ready, first start', unit: 'ms', digits: 0, ...both('firstReadyMs') },
    { name: 'ready', unit: 'ms', digits: 0, ...both('readyMs'), aim: below(herald.readyMs, 1000, 'ms') },
    { name: 'idle RSS', unit: 'MB', digits: 0, ...both('idleRssMb'), aim: below(herald.idleRssMb, 120, 'MB') },
    { name: 'idle CPU, share of a core', unit: '%', digits: 1, ...both('idleCpuShare', 100) },
    { name: 'latency p50', unit: 'ms', digits: 1, ...both('latencyP50Ms') },
    { name: 'latency p95', unit: 'ms', digits: 1, ...both('latencyP95Ms') },
    { name: 'added latency p50', unit: 'ms', digits: 1, herald: addedP50, aim: below(addedP50, 10, 'ms') },
    { name: 'added latency p95', unit: 'ms', digits: 1, herald: addedP95 },
    {
      name: 'CPU per message, one by one',
      unit: 'ms',
      digits: 1,
      ...both('cpuMsPerMessage'),
      aim: below(herald.cpuMsPerMessage, 10, 'ms'),
    },
    { name: 'CPU per message, 20 chats', unit: 'ms', digits: 1, ...both('cpuMsPerMessageTogether') },
    {
      name: 'messages/s, 20 chats',
      unit: '',
      digits: 0,
      ...both('messagesPerSecond'),
      aim: { text: '> 200', isMet: herald.messagesPerSecond > 200 },
    },
    { name: 'bare loop faster by, 20 chats', unit: '×', digits: 1, herald: faster(bare) },
    {
      name: 'with the whole conversation, by',
      unit: '×',
      digits: 1,
      herald: ratio,
      aim: { text: `within ${MAX_RATIO}×`, isMet: ratio <= MAX_RATIO },
    },
    { name: `RSS after ${herald.messagesFirst} messages`, unit: 'MB', digits: 0, ...both('rssAfterFirstMb') },
    {
      name: `growth over ${herald.messagesMore} more`,
      unit: 'MB',
      digits: 1,
      herald: settling(herald),
      bare: settling(bare),
    },
    {
      name: `growth over ${herald.messagesLast} after those`,
      unit: 'MB',
      digits: 1,
      herald: growth(herald),
      bare: growth(bare),
      aim: { text: `flat (< ${FLAT_MB} MB)`, isMet: growth(herald) < FLAT_MB },
    },
    { name: 'prompt for "hi"', unit: 'tokens', digits: 0, herald: prompt.tokens, aim: below(prompt.tokens, 3000, '') },
    { name: 'SQL statements per message', unit: '', digits: 0, herald: database.statements },
    { name: 'commits per message', unit: '', digits: 0, herald: database.commits },
    { name: 'production packages', unit: '', digits: 0, herald: install.packages },
    { name: 'their size', unit: 'MB', digits: 0, herald: install.bytes / MB },
  ];
}

export function formatReport(report: Report): string {
  const { cpu, cores, memoryGb, system, node, loadBefore } = report.machine;
  const cells = rowsOf(report).map(cellsOf);
  const head = ['', 'Herald', 'bare loop', 'ratio', 'aim', ''];
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) =>
      column === 0 || column > 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
  return [
    `${report.date}, ${cores} × ${cpu}, ${memoryGb} GB, ${system}, Node ${node}, load before ${loadBefore.toFixed(1)}`,
    '',
    ...[head, ...cells].map((row) => line(row).join('  ').trimEnd()),
    '',
  ].join('\n');
}

function cellsOf(row: Row): string[] {
  const show = (value: number) => `${value.toFixed(row.digits)}${row.unit === '' ? '' : ` ${row.unit}`}`;
  const ratio = row.bare === undefined || row.bare <= 0 ? '' : `${(row.herald / row.bare).toFixed(1)}×`;
  return [
    row.name,
    show(row.herald),
    row.bare === undefined ? '' : show(row.bare),
    ratio,
    row.aim?.text.trimEnd() ?? '',
    row.aim === undefined ? '' : row.aim.isMet ? 'met' : 'MISSED',
  ];
}
