import { callControl } from '../client.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { formatTable } from '../output.ts';

/** The bill of what every request to the model carries. */
export async function runPromptSize(context: CliContext): Promise<number> {
  const bill = await callControl(context.home, 'prompt-size', {});
  context.print(bill, ({ total, parts }) =>
    formatTable([
      ['part', 'tokens', 'characters'],
      ...parts.map((part) => [part.name, String(part.tokens), String(part.chars)]),
      ['total', String(total), String(parts.reduce((sum, part) => sum + part.chars, 0))],
    ]),
  );
  return EXIT.ok;
}
