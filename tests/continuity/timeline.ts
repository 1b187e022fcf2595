// The timeline of a local chat (page or terminal), read back to where it was read last.
import type { Block } from '../../adapters/markdown.ts';
import { lineId } from '../../cli/tui/client.ts';
import { z } from 'zod';

const pageSchema = z.object({
  entries: z.array(
    z.object({
      key: z.string(),
      message: z.string().optional(),
      direction: z.enum(['in', 'out']),
      via: z.string().optional(),
      html: z.string().optional(),
      body: z.custom<readonly Block[]>(Array.isArray).optional(),
    }),
  ),
  more: z.boolean(),
});

export type Line = z.output<typeof pageSchema>['entries'][number];

/** Lines that are not in `seen` by their id, oldest first; they are put there. What is said elsewhere is among them. */
export async function readNewLines(
  seen: Set<string>,
  ask: (query: string) => Promise<unknown>,
): Promise<readonly Line[]> {
  const fresh: Line[] = [];
  for (let before = ''; ; before = `&before=${fresh[0]?.key ?? ''}`) {
    const page = pageSchema.parse(await ask(`timeline?limit=100${before}`));
    const isKnown = (line: Line) => seen.has(lineId(line));
    fresh.unshift(...page.entries.filter((line) => !isKnown(line)));
    if (!page.more || page.entries.some(isKnown)) break;
  }
  for (const line of fresh) seen.add(lineId(line));
  return fresh;
}
