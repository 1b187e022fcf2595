// What is spent: tokens and costs of one person per model, and what every request to the model carries.
import { manifests } from '../../../adapters/manifests.ts';
import { loadConfig } from '../../../config/load.ts';
import { silentLog } from '../../../shared/log.ts';
import { callControl, findOwner } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import type { OperationOutput } from '../../../gateway/control/operations.ts';
import { formatTable, formatTime } from '../../output.ts';

export async function runUsage(context: CliContext, given: Given): Promise<number> {
  const usage = await callControl(context.home, 'usage', { person: given.text('person'), days: given.number('days') });
  context.print(usage, formatUsage);
  return EXIT.ok;
}

/** The bill of what every request to the model carries: the running gateway's, else by the configuration as it is. */
export async function runPromptSize(context: CliContext): Promise<number> {
  const bill =
    (await findOwner(context.home))?.socket === undefined
      ? await measureHere(context)
      : await callControl(context.home, 'prompt-size', {});
  context.print(bill, ({ total, parts }) =>
    formatTable([
      ['part', 'tokens', 'characters'],
      ...parts.map((part) => [part.name, String(part.tokens), String(part.chars)]),
      ['total', String(total), String(parts.reduce((sum, part) => sum + part.chars, 0))],
    ]),
  );
  return EXIT.ok;
}

async function measureHere(context: CliContext): Promise<OperationOutput<'prompt-size'>> {
  const { measureConfiguredPrompt } = await import('../../../gateway/compose/agent/prompt-size.ts');
  const loaded = await loadConfig({ home: context.home, manifests });
  const parts = [...(await measureConfiguredPrompt(loaded, context.clock, silentLog))];
  return { total: parts.reduce((sum, part) => sum + part.tokens, 0), parts };
}

function formatUsage({ since, models }: OperationOutput<'usage'>): string {
  if (models.length === 0) return `No model calls since ${formatTime(since)}.`;
  const total = models.reduce((sum, row) => sum + row.microUsd, 0);
  const unpriced = models.reduce((sum, row) => sum + row.unpriced, 0);
  return [
    formatTable([
      ['model', 'calls', 'input', 'cached', 'output', 'cost'],
      ...models.map((row) => [
        `${row.provider}/${row.model}`,
        String(row.calls),
        String(row.input + row.cacheWrite),
        String(row.cacheRead),
        String(row.output),
        row.unpriced === row.calls ? 'unknown' : usd(row.microUsd),
      ]),
    ]),
    `${usd(total)} since ${formatTime(since)}${unpriced === 0 ? '' : `, and ${unpriced} calls whose price is not known`}.`,
  ].join('\n');
}

function usd(micro: number): string {
  return `$${(micro / 1_000_000).toFixed(4)}`;
}
