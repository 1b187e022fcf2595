// Makes docs/platforms.md of what the manifests say and the contract suite has shown. `npm run platforms` after `npm test` writes it;
// `npm test` compares it.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'oxfmt';
import type { Capabilities } from '../../adapters/capabilities.ts';
import { manifests } from '../../adapters/manifests.ts';
import { readContractResults, type ContractResult } from '../contracts/contract-results.ts';

const FILE = path.join(import.meta.dirname, '..', '..', 'docs', 'platforms.md');

const INTRODUCTION = `# Platforms

What each platform can do with Herald. This page is made by \`npm run platforms\` from the manifests, the capability data of each
platform and the results of the contract suite (tests/contracts), which every platform runs against a server that speaks its real
protocol. \`npm test\` fails when it is out of date.

full: as asked · partial: with losses that the reader will not miss · fallback: shown another way · dropped: left out · rejected: the
platform refuses the message.
`;

type Row = readonly [title: string, show: (capabilities: Capabilities) => string];

const ROWS: readonly Row[] = [
  ['longest text', ({ text }) => `${text.max.toLocaleString('en')} ${text.unit}`],
  ['images', ({ media }) => mediaText(media.image)],
  ['files', ({ media }) => mediaText(media.document)],
  ['voice notes', ({ media }) => mediaText(media.voice)],
  ['threads', ({ threads }) => threads],
  ['replies', ({ replies }) => replies],
  ['reactions', ({ reactions }) => reactions],
  ['buttons', ({ buttons }) => (buttons === 'fallback' ? 'numbered' : buttons)],
  ['an answer while it is written', (capabilities) => streamingText(capabilities)],
  ['typing', ({ typing }) => typing.support],
  ['a repeated send', ({ sendDedupe }) => SEND_TEXT[sendDedupe]],
  ['messages while Herald was away', ({ backfill }) => BACKFILL_TEXT[backfill]],
];

const SEND_TEXT: Readonly<Record<Capabilities['sendDedupe'], string>> = {
  'by-key': 'arrives once, by its key',
  'read-back': 'is looked up first',
  none: 'is asked about',
};
const BACKFILL_TEXT: Readonly<Record<Capabilities['backfill'], string>> = {
  'server-queue': 'kept by the platform',
  history: 'fetched from its history',
  none: 'cannot be fetched; the gap is told',
};

function mediaText({ support, maxBytes }: Capabilities['media']['image']): string {
  if (support !== 'full' && support !== 'partial') return support;
  return `${support}, ${Math.round(maxBytes / 1024 / 1024)} MB`;
}

function streamingText({ drafts, edits }: Capabilities): string {
  if (drafts.support === 'full') return 'preview';
  return edits.support === 'full' ? 'by edits' : 'no';
}

/** The page, as it should be. */
export async function platformMatrix(results: readonly ContractResult[]): Promise<string> {
  const parts = [INTRODUCTION, '## Platforms\n', listPlatforms(results), '## Capabilities\n'];
  for (const group of inGroups(results, 4)) parts.push(capabilityTable(group));
  parts.push(
    '## Contract suite\n',
    resultTable(results),
    '### Cases that a platform does not have\n',
    missingCases(results),
  );
  const { code, errors } = await format(path.basename(FILE), parts.join('\n'), { printWidth: 120 });
  if (errors.length > 0) throw new Error(`the page cannot be formatted: ${errors[0]?.message}`);
  return code;
}

function listPlatforms(results: readonly ContractResult[]): string {
  const lines = manifests.map(({ id, title, secrets, builtin, verify }) => {
    const shown = results.filter((result) => platformOf(result) === id).length;
    const needs = builtin
      ? 'runs without any setting'
      : secrets
          .filter((secret) => secret.required)
          .map((secret) => `\`${secret.env}\``)
          .join(', ') || 'its section in config.yaml';
    const check = verify ? 'yes' : 'no';
    return `| ${title} | \`${id}\` | ${needs} | ${check} | ${shown === 0 ? 'tests of its own' : shown} |`;
  });
  return ['| platform | id | needs | login is checked | contract suites |', '|---|---|---|---|---|', ...lines, ''].join(
    '\n',
  );
}

function platformOf({ name }: ContractResult): string {
  return name.split(',')[0]?.trim().toLowerCase().replaceAll(' ', '') ?? '';
}

function capabilityTable(results: readonly ContractResult[]): string {
  const head = ['', ...results.map((result) => result.name)];
  const rows = ROWS.map(([title, show]) => [title, ...results.map((result) => show(result.capabilities))]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n') + '\n';
}

function resultTable(results: readonly ContractResult[]): string {
  const rows = results.map(({ name, cases }) => {
    const count = (wanted: string) => cases.filter(([, result]) => result === wanted).length;
    return `| ${name} | ${count('passed')} | ${count('not there')} |`;
  });
  return ['| suite | cases passed | not there |', '|---|---|---|', ...rows, ''].join('\n');
}

function missingCases(results: readonly ContractResult[]): string {
  return results
    .map(({ name, cases }) => {
      const missing = cases.filter(([, result]) => result === 'not there').map(([title]) => `  - ${title}`);
      return [`- ${name}${missing.length === 0 ? ': has them all' : ''}`, ...missing].join('\n');
    })
    .join('\n');
}

function inGroups<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const groups: Item[][] = [];
  for (let at = 0; at < items.length; at += size) groups.push(items.slice(at, at + size));
  return groups;
}

/** Compares, or with --write writes. A suite that was skipped for want of its server leaves nothing to compare. */
async function main(write: boolean): Promise<number> {
  const results = readContractResults();
  const failed = results.filter(({ cases }) => cases.some(([, result]) => result === 'failed'));
  if (failed.length > 0) {
    console.error(`not made while cases fail: ${failed.map(({ name }) => name).join(', ')}`);
    return 1;
  }
  const known = readFileSync(FILE, { encoding: 'utf8', flag: 'a+' });
  const absent = [...known.matchAll(/^\| (.+?) \| +\d+ \| +\d+ +\|$/gm)]
    .map((match) => match[1]?.trim())
    .filter((name) => !results.some((result) => result.name === name));
  const page = await platformMatrix(results);
  if (write) {
    writeFileSync(FILE, page);
    console.log(`wrote ${FILE} of ${results.length} suites`);
    return 0;
  }
  if (page === known) return 0;
  if (absent.length > 0) {
    console.log(`not compared: these suites did not run here: ${absent.join(', ')}`);
    return 0;
  }
  console.error('docs/platforms.md is out of date: run `npm run platforms` and commit it.');
  return 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.includes('--write'));
